// Letting something happen in a simulated city: a fire, a leak or dust with its parameters, where somebody clicks; a device that breaks.
import { signal } from "@preact/signals";
import { post } from "../api";
import { pickPlace } from "../map/aim";
import type { Place } from "../model";
import { act, say as notice } from "../notice";
import { devices } from "../state";
import { label, say, sayOf } from "../words/words";

type Kind = "fire" | "leak" | "dust";
const FUELS = ["mixed-waste", "waste-paper", "tyres", "vehicle", "building", "wood", "crop-residue", "grass", "forest", "peat"];
const GASES = ["h2s", "nh3", "so2", "co", "tvoc"], GROWTHS = ["slow", "medium", "fast", "ultra-fast"], FAULTS = ["silent", "stuck", "spike", "drift"];
interface Form { kind: Kind; fuel: string; heat: number; growth: string; smoulder: string; gas: string; rate: number; radius: number; duration: string }
const WASTE: Form = { kind: "fire", fuel: "mixed-waste", heat: 3, growth: "fast", smoulder: "3m", gas: "h2s", rate: 5, radius: 30, duration: "30m" };
const PRESETS: Record<string, Form> = {
  waste: WASTE, heap: { ...WASTE, heat: 0.3, growth: "slow", smoulder: "20m" }, big: { ...WASTE, fuel: "building", heat: 30, growth: "ultra-fast" },
  h2s: { ...WASTE, kind: "leak" }, nh3: { ...WASTE, kind: "leak", gas: "nh3", rate: 20 }, yard: { ...WASTE, kind: "dust", rate: 20 },
};
const form = signal<Form>(WASTE);

export function eventOf({ kind, fuel, heat, growth, smoulder, gas, rate, radius, duration }: Form): Record<string, unknown> {
  if (kind === "fire") return { kind, fuel, peak_heat_mw: heat, growth, smoulder, smoulder_kg_s: 0.02, plateau: duration };
  if (kind === "leak") return { kind, rates_g_s: { [gas]: rate }, duration };
  return { kind, pm10_g_s: rate, radius_m: radius, duration };
}

/** What becomes of an event and the place that was chosen for it. */
type Put = (event: Record<string, unknown>, place: Place) => unknown;

async function happen(event: Record<string, unknown>, [lat, lon]: Place): Promise<void> {
  await post("simulation/events", { ...event, lat, lon });
  notice(say("fire-sent"));
}

async function light(put: Put): Promise<void> {
  const wanted = form.value, place = await pickPlace(say("aim"));
  if (place) await put(eventOf(wanted), place);
}

export function Lighter({ put = happen }: { put?: Put }) {
  const wanted = form.value, set = (change: Partial<Form>) => { form.value = { ...form.value, ...change }; };
  const choice = (word: Parameters<typeof say>[0], value: string, options: string[], change: (picked: string) => void, name = (option: string) => option) => (
    <label>{say(word)}<select value={value} onChange={(event) => change(event.currentTarget.value)}>{options.map((option) => <option key={option} value={option}>{name(option)}</option>)}</select></label>
  );
  const number = (word: Parameters<typeof say>[0], value: number, change: (given: number) => void) =>
    <label>{say(word)}<input type="number" min="0.01" step="any" value={value} onChange={(event) => change(event.currentTarget.valueAsNumber || value)} /></label>;
  const time = (word: Parameters<typeof say>[0], key: "smoulder" | "duration") =>
    choice(word, wanted[key], ["1m", "3m", "10m", "20m", "30m", "1h", "2h"], (picked) => set({ [key]: picked }), (option) => option.replace(/m$/, ` ${say("minutes")}`).replace(/h$/, ` ${say("hours")}`));
  return (
    <>
      <div class="doing" role="group" aria-label={say("presets")}>{Object.entries(PRESETS).map(([name, preset]) =>
        <button key={name} type="button" aria-pressed={JSON.stringify(preset) === JSON.stringify(wanted)} onClick={() => { form.value = preset; }}>{sayOf("presetnames", name)}</button>)}</div>
      <div class="form">
        {choice("sim-kind", wanted.kind, ["fire", "leak", "dust"], (kind) => set({ kind: kind as Kind }), (kind) => sayOf("kinds-of-events", kind))}
        {wanted.kind === "fire" && <>
          {choice("fuel", wanted.fuel, FUELS, (fuel) => set({ fuel }), (fuel) => sayOf("fuels", fuel))}{number("heat", wanted.heat, (heat) => set({ heat }))}
          {choice("growth", wanted.growth, GROWTHS, (growth) => set({ growth }), (growth) => sayOf("growths", growth))}{time("smoulder", "smoulder")}</>}
        {wanted.kind === "leak" && choice("gas", wanted.gas, GASES, (gas) => set({ gas }))}
        {wanted.kind !== "fire" && number("rate-g-s", wanted.rate, (rate) => set({ rate }))}
        {wanted.kind === "dust" && number("radius", wanted.radius, (radius) => set({ radius }))}
        {time("duration", "duration")}
      </div>
      <button id="light" type="button" class="main" onClick={() => act(() => light(put))}>{say("place")}</button>
    </>
  );
}

export function Breaker() {
  const breakIt = (event: SubmitEvent) => {
    event.preventDefault();
    const { device, fault } = Object.fromEntries(new FormData(event.currentTarget as HTMLFormElement));
    const size = fault === "spike" ? { quantity: "pm25", size: 500 } : fault === "drift" ? { quantity: "pm25", size: 200 } : fault === "stuck" ? { quantity: "pm25" } : {};
    void act(async () => { await post("simulation/events", { kind: "fault", device, fault, duration: "30m", ...size }); notice(say("fire-sent")); });
  };
  return (
    <form class="inline" onSubmit={breakIt}>
      <select name="device" aria-label={say("device")}>{[...devices.value.entries()].filter(([, device]) => device.origin === "simulated").map(([name, device]) => <option key={name} value={name}>{label(device)}</option>)}</select>
      <select name="fault" aria-label={say("fault")}>{FAULTS.map((fault) => <option key={fault} value={fault}>{sayOf("faults", fault)}</option>)}</select>
      <button>{say("break-it")}</button>
    </form>
  );
}
