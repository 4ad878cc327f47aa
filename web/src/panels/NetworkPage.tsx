// The network: what is heard, what was lost, messages that could not be taken, and devices that nobody knows.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, getAll, path, post } from "../api";
import { byTime } from "../clock";
import type { Health, Ledger, Letter, Place, Unknown, Zone } from "../model";
import { act, complain, say as notice } from "../notice";
import { linkTo } from "../route";
import { devices, isLinked, live, mayAdminister, mayOperate, newest, site } from "../state";
import { metres } from "../trails";
import { age, label, say, sayOf, shortTime } from "../words/words";
import { AllCorrections } from "./Corrections";
import { completeness } from "./DevicePage";
import { OfficialMark, OLD_MS } from "./Official";
import { More } from "./Stations";

const health = signal<Health | null>(null), ledger = signal<Ledger[]>([]), letters = signal<Letter[]>([]), unknowns = signal<Unknown[]>([]);
const mostHeard = signal(60);
const AGAIN_MS = 5_000, SILENT_MS = 120_000;

async function load(): Promise<void> {
  try {
    [health.value, ledger.value, letters.value, unknowns.value] = await Promise.all([
      get<Health>("health"), getAll<Ledger>("ledger"), get<Letter[]>("dead-letters?limit=50"), get<Unknown[]>("devices/unknown"),
    ]);
  } catch (error) {
    complain(error);
  }
}

/** Official stations speak once an hour. */
const isOfficial = (name: string) => !!devices.value.get(name)?.official;

export function NetworkPage() {
  useEffect(() => {
    void load();
    const timer = setInterval(() => { if (isLinked.value) void load(); }, AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <>
      <Summary />
      <div class="pair">
        <section><h2>{say("letters")}</h2><Letters /></section>
        <section><h2>{say("unknowns")}</h2><Unknowns /></section>
      </div>
      <AllCorrections />
      <section><h2>{say("heard")}</h2><Heard /></section>
    </>
  );
}

function Summary() {
  const found = health.value;
  if (!found) return <section><p class="quiet">…</p></section>;
  const heard = [...live.value.latest.values()].filter(({ device, time }) => !isOfficial(device) && newest.value - Date.parse(time) < SILENT_MS).length;
  const all = Math.max(found.devices - [...devices.value.keys()].filter(isOfficial).length, heard);
  const { received = 0, missing = 0 } = found.ledger, share = received + missing ? (100 * received) / (received + missing) : 100;
  const figures: [string, string, boolean][] = [
    [say("heard"), `${heard} / ${all}`, heard < all],
    [say("lag"), found.lag_s === null ? "–" : `${found.lag_s.toFixed(1)} s`, (found.lag_s ?? 0) > 30],
    [say("completeness"), `${share.toFixed(share < 99.95 ? 1 : 0)} %`, share < 99],
    [say("missing"), missing.toLocaleString(), false],
    [say("rejected"), (found.ledger["rejected"] ?? 0).toLocaleString(), (found.ledger["rejected"] ?? 0) > 0],
    [say("broker-word"), say(found.broker === "connected" ? "connected" : "away"), found.broker !== "connected"],
    [say("store-word"), say(found.store === "available" ? "available" : "away"), found.store !== "available"],
  ];
  return (
    <section>
      <div id="figures" class="figures">{figures.map(([name, figure, isBad]) => <div key={name} class={isBad ? "bad" : ""}><span class="quiet">{name}</span><b>{figure}</b></div>)}</div>
      {found.official_calls.map(({ service, used, allowed, begins_anew_at: anew }) => (
        <p key={service} class={`calls ${used >= allowed ? "bad" : "quiet"}`}>{service}: {say("calls-today")} {used} / {allowed} · {say("calls-anew")} {shortTime(anew)}</p>))}
      {found.notices?.map((line) => <p key={line} class="refusal">{line}</p>)}
    </section>
  );
}

function Letters() {
  if (!letters.value.length) return <p class="quiet">{say("no-letters")}</p>;
  const replay = (wanted: object) => act(async () => {
    const { asked } = await post<{ asked: number }>("dead-letters/replay", wanted);
    notice(`${say("asked-count")}${asked}`);
    await load();
  });
  return (
    <>
      {mayOperate.value && <button type="button" onClick={() => replay({ all: true })}>{say("replay-all")}</button>}
      <div class="wide" tabIndex={0} role="region" aria-label={say("letters")}>
        <table id="letters">
          <thead><tr><th>{say("time")}</th><th>{say("topic")}</th><th>{say("reason")}</th><th /></tr></thead>
          <tbody>{letters.value.map((letter) => (
            <tr key={letter.id}>
              <td>{shortTime(letter.received_at)}</td><td class="code" title={letter.payload.slice(0, 500)}>{letter.topic}</td><td>{letter.reason}</td>
              <td>{letter.replayed_at ? <span class="mark">{say("replayed")}</span> : letter.asked_at ? <span class="mark">{say("asked")}</span>
                : mayOperate.value && letter.whole && <button type="button" onClick={() => replay({ ids: [letter.id] })}>{say("replay")}</button>}</td>
            </tr>
          ))}</tbody>
        </table>
      </div>
    </>
  );
}

function Unknowns() {
  if (!unknowns.value.length) return <p class="quiet">{say("no-unknowns")}</p>;
  return <ul id="unknowns">{unknowns.value.map((unknown) => <UnknownRow key={unknown.device} unknown={unknown} />)}</ul>;
}

/** The zone whose middle is nearest to where a device says that it is. */
function zoneNear(place: Place | undefined): string | undefined {
  if (!place) return undefined;
  const middle = ({ outline }: Zone): Place => [outline.reduce((sum, [lat]) => sum + lat, 0) / outline.length, outline.reduce((sum, [, lon]) => sum + lon, 0) / outline.length];
  return [...site.value.zones].sort((a, b) => metres(middle(a), place) - metres(middle(b), place))[0]?.name;
}

function UnknownRow({ unknown: { device, state: stand, last, site_entry: entry } }: { unknown: Unknown }) {
  const proposed = zoneNear(last?.position), moves = Object.keys(last?.values ?? {}).some((key) => ["speed", "heading", "robot_activity"].includes(key));
  const adopt = (event: SubmitEvent) => {
    event.preventDefault();
    const { zone, kind } = Object.fromEntries(new FormData(event.currentTarget as HTMLFormElement));
    void act(async () => { await post(path("devices", device, "adopt"), { zone, kind }); notice(`${say("adopted")}${device}`); await load(); });
  };
  return (
    <li data-key={device}>
      <b>{device}</b> <span class="quiet">{[stand, last && shortTime(last.time), last && Object.keys(last.values).join(", ")].filter(Boolean).join(" · ")}</span>
      {mayAdminister.value && (
        <form class="inline" onSubmit={adopt}>
          <label>{say("zone")} <select name="zone" defaultValue={proposed}>{site.value.zones.map((zone) => <option key={zone.name} value={zone.name}>{label(zone)}</option>)}</select></label>
          <label>{say("kind")} <select name="kind" defaultValue={moves ? "robot" : "station"}>{["station", "robot"].map((kind) => <option key={kind} value={kind}>{sayOf("kinds", kind)}</option>)}</select></label>
          <button>{say("adopt")}</button>
        </form>
      )}
      <details><summary class="quiet">{say("site-entry")}</summary><pre>{entry}</pre></details>
    </li>
  );
}

function Heard() {
  const rows = [...ledger.value].map((entry) => ({ entry, time: live.value.latest.get(entry.device)?.time })).sort((a, b) => byTime(a.time, b.time));
  return (
    <div class="wide" tabIndex={0} role="region" aria-label={say("heard")}>
      <table id="heard">
        <thead><tr><th>{say("device")}</th><th>{say("last")}</th><th>{say("completeness")}</th>{(["received", "missing", "repeated", "late", "rejected"] as const).map((key) => <th key={key}>{say(key)}</th>)}</tr></thead>
        <tbody>{rows.slice(0, mostHeard.value).map(({ entry, time }) => {
          const silent = time !== undefined && newest.value - Date.parse(time) > (isOfficial(entry.device) ? OLD_MS : SILENT_MS);
          return (
            <tr key={entry.device}>
              <td><a href={linkTo("devices", entry.device)}>{label(devices.value.get(entry.device)) || entry.device}</a> <span class="quiet code">{entry.device}</span> <OfficialMark source={devices.value.get(entry.device)?.official} /></td>
              <td class={`number ${silent ? "bad" : ""}`}>{time ? (silent ? age(newest.value - Date.parse(time)) : shortTime(time)) : "–"}</td>
              <td class="number">{completeness(entry)}</td>
              {(["received", "missing", "repeated", "late", "rejected"] as const).map((key) => <td key={key} class="number">{entry[key].toLocaleString()}</td>)}
            </tr>
          );
        })}</tbody>
      </table>
      <More count={rows.length} shown={mostHeard} />
    </div>
  );
}
