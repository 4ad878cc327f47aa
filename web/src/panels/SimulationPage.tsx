// A simulated city, or a finished run: what truly happens, beside what the network found of it so far.
import { post } from "../api";
import { lookAt } from "../clock";
import { showPlaces } from "../map/MapPane";
import type { Happened, Result, Scenario } from "../model";
import { act, say as notice } from "../notice";
import { linkTo } from "../route";
import { loadSimulation, placeOf, run, showsTruth, simulation } from "../simulation";
import { devices, isSimulated, mayAdminister, now } from "../state";
import { age, label, localized, say, sayOf, shortTime } from "../words/words";
import { Breaker, Lighter } from "./Lighter";
import { RunChooser } from "./RunDrop";

const SPEEDS = [1, 2, 5, 10, 20, 60];

export function SimulationPage() {
  if (!isSimulated.value) return <section><p>{say("sim-none")}</p></section>;
  const { kind, happened, scenarios } = simulation.value, mayLight = mayAdminister.value && !run.value;
  return (
    <>
      <section>
        <h2>{run.value ? say("finished-run") : say("simulation")}</h2>
        {run.value ? <p><b>{localized(simulation.value, "title")}</b> <span class="quiet">{shortTime(run.value.start)} – {shortTime(run.value.end)}</span></p> : <p class="quiet">{say("sim-note")}</p>}
        {!run.value && (mayAdminister.value ? <Lighter /> : <p>{say("sim-admin")}</p>)}
        {kind === "live" && mayLight && <Speed />}
      </section>
      <section>
        <div class="title"><h2>{say("lit")}</h2><span class="grow" />
          <label class="quiet"><input type="checkbox" checked={showsTruth.value} onChange={(event) => { showsTruth.value = event.currentTarget.checked; }} /> {say("truth-shown")}</label></div>
        <Score />
        {happened.length ? <ul id="lit">{[...happened].reverse().map((event, number) => <Event key={`${event.started_at} ${number}`} event={event} />)}</ul> : <p class="quiet">{say(kind ? "no-lit" : "sim-elsewhere")}</p>}
      </section>
      {mayLight && <section><h2>{say("break")}</h2><Breaker /></section>}
      {mayLight && <RunChooser />}
      {mayLight && scenarios.length > 0 && <section><h2>{say("scenarios")}</h2><p class="quiet">{say("scenarios-how")}</p><ul id="scenarios">{scenarios.map((scenario) => <ScenarioRow key={scenario.name} scenario={scenario} />)}</ul></section>}
    </>
  );
}

function Speed() {
  const speed = simulation.value.speed;
  return (
    <div class="doing" role="group" aria-label={say("sim-speed")}><span class="quiet">{say("sim-speed")}</span>{SPEEDS.map((times) => (
      <button key={times} type="button" aria-pressed={speed === times} onClick={() => act(async () => { await post("simulation/speed", { speed: times }); await loadSimulation(); })}>×{times}</button>))}</div>
  );
}

/** How well the network does, of all that happened. */
function Score() {
  const { score, happened } = simulation.value;
  if (!score || !score.released) return null;
  const results = happened.flatMap(({ result }) => (result ? [result] : []));
  const middle = (numbers: (number | null)[]) => { const known = numbers.filter((value) => value !== null).sort((a, b) => a - b); return known.length ? known[Math.floor(known.length / 2)]! : null; };
  const delay = middle(results.map(({ delay_s: seconds }) => seconds)), off = middle(results.map(({ location_error_m: metres }) => metres));
  const figures: [string, string][] = [
    [say("found"), `${score.detected} / ${score.reached}`], [say("delay"), delay === null ? "–" : `${(delay / 60).toFixed(1)} ${say("minutes")}`],
    [say("off"), off === null ? "–" : `${off.toFixed(0)} m`], [say("false-alarms"), String(score.false_alarms)],
  ];
  return <div id="score" class="figures">{figures.map(([name, figure]) => <div key={name}><span class="quiet">{name}</span><b>{figure}</b></div>)}</div>;
}

function Event({ event }: { event: Happened }) {
  const { kind, title, result, device, fault, started_at: start, ends_at: end, reached } = event, place = placeOf(event), isOver = end !== null && now.value > Date.parse(end), isLater = now.value < Date.parse(start);
  const what = [sayOf("kinds-of-events", kind), title, device && (label(devices.value.get(device)) || device), fault && sayOf("faults", fault)].filter(Boolean).join(" · ");
  return (
    <li class={result && !isLater ? (result.detected ? "found" : "warning") : ""}>
      <div class="head"><button type="button" class="link" onClick={() => lookAt(Date.parse(start))}><time>{shortTime(start)}</time></button><span class="what">{what}</span>{isOver && <span class="mark">{say("ended")}</span>}{isLater && <span class="mark">{say("later")}</span>}</div>
      {result && !isLater && <p>{found(result, isOver)}</p>}
      <p class="quiet">{Object.keys(reached).length > 0 && `${say("reached")}: ${Object.keys(reached).map((name) => label(devices.value.get(name)) || name).join(", ")}`}</p>
      <div class="doing">
        {place && <button type="button" onClick={() => showPlaces([place, ...around(place)])}>{say("show-place")} · {place.map((degrees) => degrees.toFixed(4)).join(", ")}</button>}
        {result?.incident && <a href={linkTo("incidents", result.incident)}>{say("incident")}</a>}
      </div>
    </li>
  );
}

const around = ([lat, lon]: [number, number]): [number, number][] => [[lat - 0.008, lon - 0.01], [lat + 0.008, lon + 0.01]];

/** What the network found of an event, in a line. */
function found({ detected, reached, delay_s: delay, detected_by: by, class: named, class_right: isRight, location_error_m: off }: Result, isOver: boolean): string {
  if (!detected) return say(reached ? (isOver ? "missed" : "not-found-yet") : isOver ? "unseen" : "reached-none");
  return [
    `${say("found-after")} ${age((delay ?? 0) * 1000)} (${label(devices.value.get(by ?? "")) || by})`, named && `${sayOf("class", named)}${isRight ? "" : ` – ${say("wrong")}`}`,
    off === null ? say("says-nothing") : `${say("distance")} ${off} m`,
  ].filter(Boolean).join(" · ");
}

function ScenarioRow({ scenario }: { scenario: Scenario }) {
  const kinds = [...new Set(scenario.events.map(({ kind }) => sayOf("kinds-of-events", String(kind))))].join(", ");
  const play = () => act(async () => {
    for (const event of scenario.events) await post("simulation/events", event);
    notice(say("fire-sent"));
    await loadSimulation();
  });
  return (
    <li><span>{localized(scenario, "title")} <span class="quiet">{kinds}</span></span>
      <button type="button" onClick={play}>{say("happen")}</button></li>
  );
}
