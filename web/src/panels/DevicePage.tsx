// One device: every quantity with its flags and alerts, the stations beside it, its health, ledger and last messages.
import { signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { get, getAll, path } from "../api";
import { SPANS } from "../clock";
import { short } from "../colour";
import { indexes } from "../map/Things";
import type { Alert, Columns, Ledger, Said } from "../model";
import { complain } from "../notice";
import { linkTo } from "../route";
import { showsTruth } from "../simulation";
import { at, cai, devices, isSimulated, language, limits, newest, now, officials, quantities, shown, site } from "../state";
import { age, clockSeconds, flagged, flagWords, label, localized, nameOfZone, say, sayOf } from "../words/words";
import { AlertRow } from "./Alerts";
import { Chart, OFFICIAL, TRUTH } from "./Chart";
import { AgreeForm, Corrections } from "./Corrections";
import { Export } from "./Export";
import { hourly, OfficialMark } from "./Official";
import { lineOf } from "./shared";
import { nearest } from "./Stations";

const span = signal<keyof typeof SPANS>("6h");
interface Loaded { name: string; times: string; columns: Columns | undefined; truth: Columns | undefined; beside: Record<string, Columns>; alerts: Alert[] }
const loaded = signal<Loaded | null>(null), ledger = signal<Ledger | undefined>(undefined), said = signal<{ name: string; messages: Said[]; line: string }>({ name: "", messages: [], line: "" });
const NEIGHBOURS = 2, COMPARED = ["pm25", "pm10"], LAST = 12, FROM_AIR = ["smoke", "dust", "release"];

/** Official stations are shown beside the city's own, not beside each other. */
const besideOfficial = (name: string) => (devices.value.get(name)?.official ? [] : officials.value.slice(0, OFFICIAL.length));

async function load(name: string): Promise<void> {
  const end = now.value, start = end - SPANS[span.value], beside = [...nearest(name, NEIGHBOURS), ...besideOfficial(name)];
  const times = `start=${new Date(start).toISOString()}&end=${new Date(end + 1000).toISOString()}`;
  const ask = (asked: string[], of = "") => get<{ devices: Record<string, Columns> }>(`series?${times}${of && `&site=${encodeURIComponent(of)}`}&${asked.map((one) => `device=${encodeURIComponent(one)}`).join("&")}`);
  void get<Said[]>(path("devices", name, "messages")).then((messages) => ({ name, messages, line: "" }), (error: Error) => ({ name, messages: [], line: error.message })).then((found) => { said.value = found; });
  const asTruth = isSimulated.value && showsTruth.value ? ask([name], `${site.value.name}-truth`).catch(() => ({ devices: {} as Record<string, Columns> })) : { devices: {} as Record<string, Columns> };
  try {
    const [series, alerts, entries, truth] = await Promise.all([
      ask([name, ...beside]), get<Alert[]>(`alerts?state=all&limit=500&since=${new Date(start).toISOString()}`), getAll<Ledger>("ledger"), asTruth,
    ]);
    loaded.value = { name, times, columns: series.devices[name], truth: truth.devices[name], beside: series.devices, alerts: alerts.filter(({ device }) => device === name) };
    ledger.value = entries.find(({ device }) => device === name);
  } catch (error) {
    complain(error);
  }
}

export function DevicePage({ name }: { name: string }) {
  const minute = Math.floor((at.value ?? newest.value) / 60_000), chosen = span.value;
  useEffect(() => { void load(name); }, [name, chosen, minute, showsTruth.value]);
  const device = devices.value.get(name), reading = shown.value.latest.get(name), found = loaded.value?.name === name ? loaded.value : null;
  if (!device) return <section><p>{say("device-none")}</p></section>;
  const instrument = localized(cai.value.stations[name], "instrument");
  return (
    <>
      <section id="device">
        <div class="title"><h2 id="device-title">{label(device)}</h2><span class="quiet">{[name, nameOfZone(device.zone)].filter(Boolean).join(" · ")}</span><OfficialMark source={device.official} /><span class="grow" /><Spans /></div>
        <p class="quiet" id="device-now">{[indexes(name), device.state && `${say("devices-state")}: ${sayOf("stand", device.state)}`,
          reading && `${say("last")}: ${clockSeconds(reading.time)} (${age(now.value - Date.parse(reading.time))})`].filter(Boolean).join(" · ")}</p>
        {device.official === "AirKorea" && <p class="quiet">{say("official-source")}</p>}
        <Charts name={name} found={found} />
        {found && <Export path={`series?${found.times}&device=${encodeURIComponent(name)}&every=raw`} />}
      </section>
      {found && found.alerts.length > 0 && <section><h2>{say("alerts")}</h2><ul>{found.alerts.slice(0, 20).map((alert) => <AlertRow key={alert.id} alert={alert} />)}</ul></section>}
      <div class="pair">
        <section>
          <h2>{say("health")}</h2><Health name={name} found={found} />
          <h2>{say("flags")}</h2><Flags name={name} />
          {!!device.corrections?.length && <><h2>{say("corrections")}</h2><Corrections all={device.corrections} device={name} /></>}
          <AgreeForm name={name} />
          <h2>{say("ledger")}</h2><LedgerLine entry={ledger.value} />
          <h2>{say("certificate")}</h2><p id="certificate">{sayOf("certificates", device.certificate ?? "none")}{instrument && <span class="quiet"> · {instrument}</span>}</p>
        </section>
        <section><h2>{say("neighbours")}</h2><Neighbours name={name} /></section>
      </div>
      <section><h2>{say("messages")}</h2><Messages found={found} /></section>
      <section><h2>{say("raw")}</h2><Raw name={name} /></section>
    </>
  );
}

export function Spans() {
  return (
    <span class="switch" role="group" aria-label={say("span")}>
      {(Object.keys(SPANS) as (keyof typeof SPANS)[]).map((key) =>
        <button key={key} type="button" aria-pressed={span.value === key} onClick={() => { span.value = key; }}>{say(`span-${key}`)}</button>)}
    </span>
  );
}

function Charts({ name, found }: { name: string; found: Loaded | null }) {
  const keys = useMemo(() => [...quantities.value.keys()].filter((key) => found?.columns?.[key]), [found]);
  const charts = useMemo(() => keys.map((key) => ({
    key, lines: [
      ...[name, ...(COMPARED.includes(key) ? nearest(name, NEIGHBOURS) : [])].map((one) => lineOf(found?.beside[one], key, label(devices.value.get(one)))),
      ...besideOfficial(name).flatMap((one, number) => (found?.beside[one]?.[key] ? [{ ...lineOf(found.beside[one], key, `${label(devices.value.get(one))} (${say("official")}, AirKorea)`), colour: OFFICIAL[number]!, isDashed: true }] : [])),
      ...(found?.truth?.[key] ? [{ ...lineOf(found.truth, key, say("truth")), colour: TRUTH }] : []),
    ],
  })), [found, keys, language.value]);
  return (
    <div id="charts">
      {charts.map(({ key, lines }) => {
        const quantity = quantities.value.get(key)!;
        return <Chart key={key} title={label(quantity)} unit={quantity.unit} decimals={quantity.decimals} lines={lines} alerts={found!.alerts} limit={limits.value.advisories[key]?.[0]?.issue_at} />;
      })}
    </div>
  );
}

/** How the device itself is doing: what is wrong with it, its power, and how complete its readings of the shown time are. */
function Health({ name, found }: { name: string; found: Loaded | null }) {
  const values = shown.value.latest.get(name)?.values ?? {}, troubles = [...shown.value.alerts.values()].filter(({ device, kind }) => device === name && !FROM_AIR.includes(kind));
  const bad = found?.columns?.quality?.filter(Boolean).length ?? 0, all = found?.columns?.time.length ?? 0;
  const told = (["battery", "voltage", "rssi", "snr"] as const).flatMap((key) => (values[key] === undefined ? [] : [`${label(quantities.value.get(key))} ${values[key].toFixed(quantities.value.get(key)?.decimals ?? 0)} ${quantities.value.get(key)?.unit ?? ""}`]));
  return (
    <div id="health">
      {troubles.length ? troubles.map((alert) => <p key={alert.id} class="bad">{localized(alert, "summary")}</p>) : <p>{say("healthy")}</p>}
      <p class="quiet">{[...told, all > 0 && `${say("flagged")} ${bad} / ${all}`].filter(Boolean).join(" · ")}</p>
    </div>
  );
}

/** The last messages as they came. */
function Raw({ name }: { name: string }) {
  const { messages, line } = said.value.name === name ? said.value : { messages: [], line: "" };
  if (!messages.length) return <p class="quiet">{line || say("no-raw")}</p>;
  return <ol id="raw" tabIndex={0} aria-label={say("raw")}>{messages.map(({ received_at: at, topic, payload, payload_bytes: bytes }) => (
    <li key={`${at} ${topic}`}><div class="head"><time>{clockSeconds(at)}</time><span class="code what">{topic}</span><span class="quiet">{bytes} B</span></div><pre>{payload}</pre></li>))}</ol>;
}

function Flags({ name }: { name: string }) {
  const flags = Object.entries(flagged(shown.value.latest.get(name)) ?? {});
  if (!flags.length) return <p class="quiet">{say("no-flags")}</p>;
  return <ul class="flags">{flags.map(([key, [severity, reason]]) => <li key={key}><b>{label(quantities.value.get(key)) || key}</b> <span class="mark">{sayOf("flag", severity)}</span> {reason}</li>)}</ul>;
}

export function LedgerLine({ entry }: { entry: Ledger | undefined }) {
  if (!entry) return <p class="quiet">–</p>;
  return (
    <p class="quiet">
      {(["received", "repeated", "missing", "late", "rejected"] as const).map((key) => `${say(key)} ${entry[key].toLocaleString()}`).join(" · ")}
      {` · ${say("completeness")} ${completeness(entry)}`}
    </p>
  );
}

export const completeness = ({ received, missing }: Ledger) => {
  const share = received + missing ? (100 * received) / (received + missing) : 100;
  return `${share.toFixed(share < 99.95 ? 1 : 0)} %`;
};

function Neighbours({ name }: { name: string }) {
  const keys = ["pm25", "pm10", "co", "no2", "o3"], rows = [name, ...nearest(name, 4), ...besideOfficial(name)];
  return (
    <table>
      <thead><tr><th />{keys.map((key) => <th key={key}>{quantities.value.get(key)?.label_en}</th>)}</tr></thead>
      <tbody>{rows.map((one) => (
        <tr key={one} class={one === name ? "chosen" : devices.value.get(one)?.official ? "official" : ""}>
          <td><a href={linkTo("devices", one)}>{label(devices.value.get(one))}</a> <OfficialMark source={devices.value.get(one)?.official} at={hourly(one)?.time} /></td>
          {keys.map((key) => { const value = (devices.value.get(one)?.official ? hourly(one) : shown.value.latest.get(one))?.values[key]; return <td key={key} class="number">{value === undefined ? "–" : short(value)}</td>; })}
        </tr>
      ))}</tbody>
    </table>
  );
}

function Messages({ found }: { found: Loaded | null }) {
  const columns = found?.columns;
  if (!columns) return <p class="quiet">–</p>;
  const keys = [...quantities.value.keys()].filter((key) => columns[key]), flags = flagged(columns), rows = columns.time.map((_, number) => number).slice(-LAST).reverse();
  return (
    <div class="wide" tabIndex={0} role="region" aria-label={say("messages")}>
      <table class="messages">
        <thead><tr><th>{say("time")}</th>{keys.map((key) => <th key={key}>{quantities.value.get(key)!.label_en}</th>)}</tr></thead>
        <tbody>{rows.map((number) => (
          <tr key={columns.time[number]}>
            <td>{clockSeconds(columns.time[number]!)}</td>
            {keys.map((key) => { const value = (columns[key] as (number | null)[])[number], flag = flags?.[number]?.[key]; return <td key={key} class={`number ${flag ? "flagged" : ""}`} title={flag && flagWords(flag)}>{value === null || value === undefined ? "" : value.toFixed(quantities.value.get(key)!.decimals)}</td>; })}
          </tr>
        ))}</tbody>
      </table>
    </div>
  );
}
