// Corrections of devices by gain and offset: which hold, and what people agree to or withdraw. Nothing is corrected that nobody has agreed to.
import { signal } from "@preact/signals";
import { path, post } from "../api";
import type { Correction, Proposal } from "../model";
import { act, say as notice } from "../notice";
import { linkTo } from "../route";
import { devices, mayAdminister, mayPress, quantities } from "../state";
import { label, say } from "../words/words";
import { More } from "./Stations";

interface Agreement { device: string; quantity: string; gain: number; offset: number; reason: string }

const mayAgree = () => mayAdminister.value && mayPress.value;
const nameOf = (device: string, quantity: string) => `${label(devices.value.get(device)) || device} ${label(quantities.value.get(quantity)) || quantity}`;

const accept = (agreed: Agreement) => act(async () => {
  await post<Correction>("corrections", agreed);
  notice(`${say("accepted")}${nameOf(agreed.device, agreed.quantity)}`);
});

function Withdraw({ one, device }: { one: Correction; device: string }) {
  if (!mayAgree()) return null;
  const withdraw = () => act(async () => {
    await post(path("corrections", one.id, "withdraw"));
    notice(`${say("withdrawn")}${nameOf(device, one.quantity)}`);
  });
  return <button type="button" aria-label={`${say("withdraw")}: ${nameOf(device, one.quantity)}`} onClick={withdraw}>{say("withdraw")}</button>;
}

/** What people have agreed to for a device, with who and since when. */
export const Corrections = ({ all, device }: { all: Correction[]; device: string }) =>
  <ul class="corrections">{all.map((one) => (
    <li key={one.id}><b>{label(quantities.value.get(one.quantity))}</b> <Line {...one} /> <span class="quiet">{one.from_at.slice(0, 10)} {one.who}: {one.reason}</span> <Withdraw one={one} device={device} /></li>))}</ul>;

const Line = ({ quantity, gain, offset }: Pick<Correction, "quantity" | "gain" | "offset">) =>
  <>{say("gain")} {gain} · {say("offset")} {offset} {quantities.value.get(quantity)?.unit}</>;

/** Asks an administrator for a correction of one device; what goes round has none. */
export function AgreeForm({ name }: { name: string }) {
  const measured = devices.value.get(name)?.quantities?.filter((key) => quantities.value.get(key)?.unit !== "°") ?? [];
  if (!mayAgree() || !measured.length || devices.value.get(name)?.official) return null;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement, { quantity, gain, offset, reason } = Object.fromEntries(new FormData(form)) as Record<string, string>;
    void accept({ device: name, quantity: quantity!, gain: Number(gain), offset: Number(offset), reason: reason! });
  };
  return (
    <details id="agree">
      <summary class="quiet">{say("agree-to")}</summary>
      <p class="quiet">{say("agree-how")}</p>
      <form class="inline" onSubmit={submit}>
        <label>{say("quantity")} <select name="quantity">{measured.map((key) => <option key={key} value={key}>{label(quantities.value.get(key))}</option>)}</select></label>
        <label>{say("gain")} <input name="gain" type="number" step="any" min="0.1" max="10" required /></label>
        <label>{say("offset")} <input name="offset" type="number" step="any" required /></label>
        <label>{say("reason")} <input name="reason" minLength={3} maxLength={2000} required /></label>
        <button>{say("accept")}</button>
      </form>
    </details>
  );
}

const proposals = signal<Proposal[]>([]), mostShown = signal(60);

/** Return what the output of `jeonju evaluate network` proposes. */
export function proposalsOf(text: string): Proposal[] {
  const { rows } = JSON.parse(text) as { rows: Proposal[] };
  return rows.filter(({ device, quantity, proposed }) => typeof device === "string" && typeof quantity === "string" && Number.isFinite(proposed?.gain) && Number.isFinite(proposed?.offset));
}

async function read(input: HTMLInputElement): Promise<void> {
  const file = input.files?.[0];
  if (!file) return;
  // So that the same file, made anew, can be chosen again.
  const text = await file.text().finally(() => { input.value = ""; });
  try {
    proposals.value = proposalsOf(text);
  } catch {
    proposals.value = [];
  }
  if (!proposals.value.length) notice(say("proposals-none"), "refused");
}

/** All corrections that hold, and those that a comparison with official stations proposes, each accepted at a press. */
export function AllCorrections() {
  const agreed = [...devices.value].filter(([, { corrections }]) => corrections?.length);
  return (
    <section id="all-corrections">
      <h2>{say("corrections")}</h2>
      {agreed.length ? agreed.map(([name, { corrections }]) => <div key={name}><a href={linkTo("devices", name)}>{label(devices.value.get(name))}</a><Corrections all={corrections!} device={name} /></div>)
        : <p class="quiet">{say("no-corrections")}</p>}
      {mayAgree() && <>
        <h2>{say("proposals")}</h2>
        <p class="quiet">{say("proposals-how")}</p>
        <label class="button">{say("proposals-choose")}<input id="proposals-file" class="unseen" type="file" accept=".json,application/json" onChange={({ currentTarget }) => void read(currentTarget)} /></label>
        <ul id="proposals">{proposals.value.slice(0, mostShown.value).map((one) => <ProposalRow key={`${one.device} ${one.quantity} ${one.official ?? one.robot}`} one={one} />)}</ul>
        <More count={proposals.value.length} shown={mostShown} />
      </>}
    </section>
  );
}

function ProposalRow({ one }: { one: Proposal }) {
  const { device, quantity, official, robot, days, distance_m: distance } = one, { gain, offset } = one.proposed!;
  const holds = devices.value.get(device)?.corrections?.some((each) => each.quantity === quantity && each.gain === gain && each.offset === offset);
  const reason = `${days} days beside ${official ?? robot}, ${distance} m apart`;
  const between = (ends?: [number, number]) => ends && `${ends[0]} – ${ends[1]}`;
  const intervals = [between(one.gain_90), between(one.offset_90)].filter(Boolean).join(" · ");
  return (
    <li>
      <a href={linkTo("devices", device)}>{label(devices.value.get(device)) || device}</a> <b>{label(quantities.value.get(quantity)) || quantity}</b> <Line quantity={quantity} gain={gain} offset={offset} />{" "}
      <span class="quiet">{intervals && `90 %: ${intervals} · `}{label(devices.value.get(official ?? robot ?? "")) || official || robot}, {distance} m, {days} {say("days")}</span>{" "}
      {holds ? <span class="mark">{say("accepted-mark")}</span>
        : <button type="button" aria-label={`${say("accept")}: ${nameOf(device, quantity)}`} onClick={() => accept({ device, quantity, gain, offset, reason })}>{say("accept")}</button>}
    </li>
  );
}
