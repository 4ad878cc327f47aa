// One device: every quantity with its flags and alerts, the stations beside it, its health, ledger and last messages.
import { signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { get, getAll } from "../api";
import { SPANS } from "../clock";
import { short } from "../colour";
import { indexes } from "../map/Things";
import type { Alert, Columns, Ledger } from "../model";
import { complain } from "../notice";
import { linkTo } from "../route";
import { at, cai, devices, limits, newest, now, quantities, shown } from "../state";
import { age, clockSeconds, label, localized, nameOfZone, say } from "../words/words";
import { AlertRow } from "./Alerts";
import { Chart } from "./Chart";
import { Export } from "./Export";
import { lineOf } from "./shared";
import { nearest } from "./Stations";

const span = signal<keyof typeof SPANS>("6h");
interface Loaded { name: string; times: string; columns: Columns | undefined; beside: Record<string, Columns>; alerts: Alert[] }
const loaded = signal<Loaded | null>(null), ledger = signal<Ledger | undefined>(undefined);
const NEIGHBOURS = 2, COMPARED = ["pm25", "pm10"], LAST = 12;

async function load(name: string): Promise<void> {
  const end = now.value, start = end - SPANS[span.value], beside = nearest(name, NEIGHBOURS);
  const times = `start=${new Date(start).toISOString()}&end=${new Date(end + 1000).toISOString()}`;
  const ask = (asked: string[]) => get<{ devices: Record<string, Columns> }>(`series?${times}&${asked.map((one) => `device=${encodeURIComponent(one)}`).join("&")}`);
  try {
    const [series, alerts, entries] = await Promise.all([
      ask([name, ...beside]), get<Alert[]>(`alerts?state=all&limit=500&since=${new Date(start).toISOString()}`), getAll<Ledger>("ledger"),
    ]);
    loaded.value = { name, times, columns: series.devices[name], beside: series.devices, alerts: alerts.filter(({ device }) => device === name) };
    ledger.value = entries.find(({ device }) => device === name);
  } catch (error) {
    complain(error);
  }
}

export function DevicePage({ name }: { name: string }) {
  const minute = Math.floor((at.value ?? newest.value) / 60_000), chosen = span.value;
  useEffect(() => { void load(name); }, [name, chosen, minute]);
  const device = devices.value.get(name), reading = shown.value.latest.get(name), found = loaded.value?.name === name ? loaded.value : null;
  if (!device) return <section><p>{say("device-none")}</p></section>;
  const instrument = localized(cai.value.stations[name], "instrument");
  return (
    <>
      <section id="device">
        <div class="title"><h2 id="device-title">{label(device)}</h2><span class="quiet">{name} · {nameOfZone(device.zone)}</span><span class="grow" /><Spans /></div>
        <p class="quiet" id="device-now">{[indexes(name), device.state && `${say("devices-state")}: ${device.state}`,
          reading && `${say("last")}: ${clockSeconds(reading.time)} (${age(now.value - Date.parse(reading.time))})`, instrument].filter(Boolean).join(" · ")}</p>
        <Charts name={name} found={found} />
        {found && <Export path={`series?${found.times}&device=${encodeURIComponent(name)}&every=raw`} />}
      </section>
      {found && found.alerts.length > 0 && <section><h2>{say("alerts")}</h2><ul>{found.alerts.slice(0, 20).map((alert) => <AlertRow key={alert.id} alert={alert} />)}</ul></section>}
      <div class="pair">
        <section><h2>{say("flags")}</h2><Flags name={name} /><h2>{say("ledger")}</h2><LedgerLine entry={ledger.value} /></section>
        <section><h2>{say("neighbours")}</h2><Neighbours name={name} /></section>
      </div>
      <section><h2>{say("messages")}</h2><Messages found={found} /></section>
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
    key, lines: [name, ...(COMPARED.includes(key) ? nearest(name, NEIGHBOURS) : [])].map((one) => lineOf(found?.beside[one], key, label(devices.value.get(one)))),
  })), [found, keys]);
  return (
    <div id="charts">
      {charts.map(({ key, lines }) => {
        const quantity = quantities.value.get(key)!;
        return <Chart key={key} title={label(quantity)} unit={quantity.unit} decimals={quantity.decimals} lines={lines} alerts={found!.alerts} limit={limits.value.advisories[key]?.[0]?.issue_at} />;
      })}
    </div>
  );
}

function Flags({ name }: { name: string }) {
  const flags = Object.entries(shown.value.latest.get(name)?.quality ?? {});
  if (!flags.length) return <p class="quiet">{say("no-flags")}</p>;
  return <ul class="flags">{flags.map(([key, [severity, reason]]) => <li key={key}><b>{label(quantities.value.get(key)) || key}</b> <span class="mark">{severity}</span> {reason}</li>)}</ul>;
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
  const keys = ["pm25", "pm10", "co", "no2", "o3"], rows = [name, ...nearest(name, 4)];
  return (
    <table>
      <thead><tr><th />{keys.map((key) => <th key={key}>{quantities.value.get(key)?.label_en}</th>)}</tr></thead>
      <tbody>{rows.map((one) => (
        <tr key={one} class={one === name ? "chosen" : ""}>
          <td><a href={linkTo("devices", one)}>{label(devices.value.get(one))}</a></td>
          {keys.map((key) => { const value = shown.value.latest.get(one)?.values[key]; return <td key={key} class="number">{value === undefined ? "–" : short(value)}</td>; })}
        </tr>
      ))}</tbody>
    </table>
  );
}

function Messages({ found }: { found: Loaded | null }) {
  const columns = found?.columns;
  if (!columns) return <p class="quiet">–</p>;
  const keys = [...quantities.value.keys()].filter((key) => columns[key]), rows = columns.time.map((_, number) => number).slice(-LAST).reverse();
  return (
    <div class="wide">
      <table class="messages">
        <thead><tr><th>{say("time")}</th>{keys.map((key) => <th key={key}>{quantities.value.get(key)!.label_en}</th>)}</tr></thead>
        <tbody>{rows.map((number) => (
          <tr key={columns.time[number]}>
            <td>{clockSeconds(columns.time[number]!)}</td>
            {keys.map((key) => { const value = (columns[key] as (number | null)[])[number], flag = columns.quality?.[number]?.[key]; return <td key={key} class={`number ${flag ? "flagged" : ""}`} title={flag?.join(": ")}>{value === null || value === undefined ? "" : value.toFixed(quantities.value.get(key)!.decimals)}</td>; })}
          </tr>
        ))}</tbody>
      </table>
    </div>
  );
}
