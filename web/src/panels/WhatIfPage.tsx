// What if: somebody puts a fire on the map, turns the wind, closes a road, and sees where it goes, who notices it and when.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { pickPlace } from "../map/aim";
import type { Asked, Change, WhatIfAnswer } from "../model";
import { act } from "../notice";
import { goTo, linkTo, route } from "../route";
import { devices, isPast, isRun, mayOperate, quantities, site } from "../state";
import { add, answer, ask, changes, clear, drop, hours, kindsOf, list, loadList, open, placeOf, share } from "../whatif";
import { age, arrival, clockTime, label, localized, nameOfZone, say, sayOf, shortTime } from "../words/words";
import { Chart, type Line } from "./Chart";
import { Lighter } from "./Lighter";

const HOURS = [0.5, 1, 2, 4, 8, 24], SHOWN_STATIONS = 4, MOST_CHANGES = 20;
const wind = signal({ speed_m_s: 3, from_deg: 270 });

export function WhatIfPage() {
  const { id } = route.value;
  useEffect(() => { void loadList().catch(() => undefined); }, []);
  useEffect(() => { if (id) void act(() => open(id)); }, [id]);
  return (
    <>
      {mayOperate.value && !isRun.value ? <Asker /> : <section><h2>{say("what-if")}</h2><p>{say("what-if-operator")}</p></section>}
      {answer.value && <Answer found={answer.value} />}
      <Kept />
    </>
  );
}

function Asker() {
  const isAsking = share.value !== null;
  return (
    <section id="what-if">
      <div class="title"><h2>{say("what-if")}</h2><span class="grow" />{(answer.value || changes.value.length > 0) && <button type="button" onClick={() => { clear(); goTo("what-if"); }}>{say("start-anew")}</button>}</div>
      <p class="quiet">{say(isPast.value ? "what-if-past" : "what-if-note")}</p>
      <Lighter put={(event, [lat, lon]) => add({ ...event, lat, lon } as Change)} />
      <Others />
      {changes.value.length > 0 && <ul id="changes">{changes.value.map((change, number) => (
        <li key={number}><span class="grow">{words(change)}</span><button type="button" onClick={() => drop(number)} aria-label={`${say("remove")}: ${words(change)}`}>{say("remove")}</button></li>))}</ul>}
      <div class="doing">
        <label class="quiet">{say("hours-ahead")} <select value={hours.value} onChange={(event) => { hours.value = Number(event.currentTarget.value); }}>{[...new Set([...HOURS, hours.value])].sort((a, b) => a - b).map((each) => <option key={each} value={each}>{each}</option>)}</select></label>
        <button id="ask" type="button" class="main" disabled={isAsking || changes.value.length > MOST_CHANGES} onClick={() => void ask()}>{say(changes.value.length ? "what-if-ask" : "what-if-ask-nothing")}</button>
        {isAsking && <progress aria-label={say("what-if-asking")} {...(share.value ? { value: share.value } : {})} />}
      </div>
    </section>
  );
}

/** Changes besides fires, leaks and dust. */
function Others() {
  const roads = site.value.sources.filter(({ kind }) => kind === "road") as { name?: string; label_ko?: string; label_en?: string }[];
  const set = (change: Partial<typeof wind.value>) => { wind.value = { ...wind.value, ...change }; };
  const place = async (change: Change) => {
    const picked = await pickPlace(say("what-if-aim"));
    if (picked) add({ ...change, lat: picked[0], lon: picked[1] });
  };
  const close = (event: SubmitEvent) => {
    event.preventDefault();
    add({ kind: "closed-road", road: String(new FormData(event.currentTarget as HTMLFormElement).get("road")), duration: `${hours.value * 60}m` });
  };
  const send = (event: SubmitEvent) => {
    event.preventDefault();
    void place({ kind: "robot", device: String(new FormData(event.currentTarget as HTMLFormElement).get("robot")) });
  };
  return (
    <details>
      <summary>{say("other-changes")}</summary>
      <form class="inline" onSubmit={(event) => { event.preventDefault(); changes.value = [...changes.value.filter(({ kind }) => kind !== "wind"), { kind: "wind", ...wind.value }]; }}>
        <label>{say("wind")} (m/s) <input type="number" min="0" max="40" step="0.5" value={wind.value.speed_m_s} onChange={(event) => set({ speed_m_s: event.currentTarget.valueAsNumber || 0 })} /></label>
        <label>{say("from-deg")} <input type="number" min="0" max="360" step="5" value={wind.value.from_deg} onChange={(event) => set({ from_deg: event.currentTarget.valueAsNumber || 0 })} /></label>
        <button>{say("add-wind")}</button>
      </form>
      {roads.length > 0 && <form class="inline" onSubmit={close}><select name="road" aria-label={say("road")}>{roads.map((road) => <option key={road.name} value={road.name}>{label(road)}</option>)}</select><button>{say("close-road")}</button></form>}
      {site.value.robots.length > 0 && <form class="inline" onSubmit={send}><select name="robot" aria-label={say("robot")}>{site.value.robots.map((robot) => <option key={robot.name} value={robot.name}>{label(robot)}</option>)}</select><button>{say("robot-elsewhere")}</button></form>}
      <div class="doing"><button type="button" onClick={() => void place({ kind: "station", name: `new-station-${changes.value.filter(({ kind }) => kind === "station").length + 1}` })}>{say("one-more-station")}</button></div>
    </details>
  );
}

const nameOf = (device: string) => label(devices.value.get(device)) || device;

function words(change: Change): string {
  const { kind, device, road, name, speed_m_s: speed, from_deg: from } = change, place = placeOf(change);
  const source = site.value.sources.find((one) => (one as { name?: string }).name === road);
  return [sayOf("kinds-of-events", kind), device && nameOf(device), road && (label(source) || road), kind === "station" && name,
    speed !== undefined && `${speed} m/s, ${from}°`, place && place.map((degrees) => degrees.toFixed(4)).join(", ")].filter(Boolean).join(" · ");
}

function Answer({ found }: { found: WhatIfAnswer }) {
  const { present, then } = found;
  return (
    <section id="what-if-answer">
      <h2>{say("what-would-be")} <small class="quiet">{shortTime(found.at)} – {shortTime(found.until)}</small></h2>
      <p class="quiet">{present.wind_speed_m_s === null ? say("no-wind") : `${say("wind")} ${present.wind_speed_m_s} m/s, ${present.wind_from_deg}°`}
        {present.silent.length > 0 && ` · ${say("silent-now")}: ${present.silent.map(nameOf).join(", ")}`}{present.left_out > 0 && ` · ${say("too-many-devices")}: ${present.left_out}`}</p>
      <ul>{found.noticed.map((one) => <Noticed key={one.change} one={one} found={found} />)}</ul>
      <h2>{say("alerts-foreseen")}<span class="count">{found.alerts_total}</span></h2>
      {found.alerts.length ? <ul id="foreseen">{found.alerts.map((alert, number) => (
        <li key={number} class={alert.severity}><div class="head"><time>{clockTime(alert.started_at)}</time><span class="what">{localized(alert, "summary")}</span>{then && <Came said={alert} then={then} />}</div></li>))}</ul> : <p class="quiet">{say("no-alerts")}</p>}
      <Levels found={found} />
      {then && <Errors then={then} />}
    </section>
  );
}

function Noticed({ one, found }: { one: WhatIfAnswer["noticed"][number]; found: WhatIfAnswer }) {
  const change = found.changes[one.change]!, downwind = found.downwind.find(({ change: number }) => number === one.change);
  const nearest = found.robots.flatMap(({ robot, minutes_away: away }) => (away[one.change] === undefined ? [] : [[away[one.change]!, robot] as const])).sort(([a], [b]) => a - b)[0];
  const reached = Object.entries(one.reached);
  return (
    <li class={one.at ? "found" : "warning"}>
      <div class="head"><span class="what">{sayOf("kinds-of-events", change.kind)}: {one.at ? `${say("found-after")} ${age((one.after_s ?? 0) * 1000)} (${nameOf(one.device!)})` : say("nobody-notices")}</span></div>
      {downwind && downwind.zones.length > 0 && <p>{say("downwind")}: {downwind.zones.map((zone) => `${nameOfZone(zone.zone)} (${arrival(zone)}, ${(zone.probability * 100).toFixed(0)} %)`).join(", ")}</p>}
      <p class="quiet">{reached.length > 0 && `${say("reached")}: ${reached.map(([name, when]) => `${nameOf(name)} ${clockTime(when)}`).join(", ")}`}{nearest && ` · ${say("nearest-robot")}: ${nameOf(nearest[1])}, ${nearest[0].toFixed(0)} ${say("minutes")}`}</p>
    </li>
  );
}

function Came({ said, then }: { said: WhatIfAnswer["alerts"][number]; then: NonNullable<WhatIfAnswer["then"]> }) {
  const came = then.alerts.find((one) => one.kind === said.kind && one.device === said.device && Date.parse(one.said_at) === Date.parse(said.started_at));
  return came ? <span class="mark">{came.raised_at ? `${say("came-true")} ${clockTime(came.raised_at)}` : say("did-not-come")}</span> : null;
}

/** The stations that change most, as foreseen, and as measured where that time has passed. */
function Levels({ found }: { found: WhatIfAnswer }) {
  const key = found.downwind[0]?.quantity ?? "pm25", quantity = quantities.value.get(key), { stations, times, step_s: step } = found.levels;
  const middles = times.map((time) => Date.parse(time) / 1000 + step / 2);
  const change = (name: string) => Math.max(...stations[name]![key]!.then.map((value) => value ?? -Infinity)) - (stations[name]![key]!.now ?? 0);
  const shown = Object.keys(stations).filter((name) => stations[name]![key]).sort((a, b) => change(b) - change(a)).slice(0, SHOWN_STATIONS);
  return (
    <>{shown.map((name) => {
      const row = stations[name]![key]!, measured = found.then?.levels[name]?.[key];
      const lines: Line[] = [{ label: say("foreseen"), times: [Date.parse(found.at) / 1000, ...middles], values: [row.now, ...row.then] }];
      if (measured) lines.push({ label: say("measured"), times: middles.slice(0, measured.length), values: measured });
      return <Chart key={`${name} ${found.id}`} title={`${nameOf(name)}: ${label(quantity)}`} unit={quantity?.unit ?? ""} decimals={quantity?.decimals ?? 0} lines={lines} />;
    })}</>
  );
}

/** How far off it was, beside the simplest forecast of all. */
function Errors({ then }: { then: NonNullable<WhatIfAnswer["then"]> }) {
  const rows = Object.entries(then.errors);
  return (
    <>
      <h2>{say("then-happened")} <small class="quiet">{then.is_over ? "" : `${say("until")} ${shortTime(then.until)}`}</small></h2>
      {rows.length ? <table id="errors"><thead><tr><th scope="col" /><th scope="col">{say("mean-error")}</th><th scope="col">{say("mean-error-unchanged")}</th></tr></thead>
        <tbody>{rows.map(([key, error]) => <tr key={key}><th scope="row">{label(quantities.value.get(key))} <small class="quiet">{quantities.value.get(key)?.unit}</small></th><td>{error.mean_error}</td><td>{error.mean_error_unchanged}</td></tr>)}</tbody></table>
        : <p class="quiet">{say("not-yet")}</p>}
      {then.not_foreseen_total > 0 && <p>{say("not-foreseen")}: {then.not_foreseen_total}</p>}
    </>
  );
}

const what = (one: Asked) => one.title || kindsOf(one).map((kind) => sayOf("kinds-of-events", kind)).join(", ") || say("nothing-changed");

function Kept() {
  const { kept } = list.value;
  return (
    <section><h2>{say("asked-before")}</h2>
      {kept.length ? <ul id="kept">{kept.map((one) => (
        <li key={one.id}><div class="head"><time>{shortTime(one.at)}</time><a class="what" href={linkTo("what-if", one.id)} aria-current={answer.value?.id === one.id ? "true" : undefined}>{what(one)}</a><span class="quiet">{one.hours} {say("hours")} · {say("alerts-foreseen")} {one.alerts} · {one.who}</span></div></li>))}</ul>
        : <p class="quiet">{say("none-asked")}</p>}
    </section>
  );
}
