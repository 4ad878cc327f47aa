// What comes from the api: all of it now and then, and changes at once from the live stream.
import { batch } from "@preact/signals";
import { BASE, get, getAll, Refusal, ROOT } from "./api";
import type { Alert, CaiAnswer, Device, Incident, Limits, Moment, Quantity, Reading, Robot, Silence, Site, SiteLink } from "./model";
import { complain } from "./notice";
import { cai, devices, isLinked, limits, live, quantities, rate, robots, silences, site, sites } from "./state";
import { keepTrail } from "./trails";
import { warn } from "./warning";

const AGAIN_MS = 3_000, REFRESH_MS = 15_000, DRAW_EVERY_MS = 500, RATE_OVER_S = 10, CATCH_UP_S = 0.5, MS_PER_DEVICE = 0.5;
// An answer may be shared for a second; what the stream says counts more than answers that may be older.
const SHARED_MS = 2_000, REMEMBERED_MS = 60_000;

const by = <Row extends object>(key: keyof Row, rows: Row[]) => new Map(rows.map((row) => [row[key] as string, row]));

/** Which sites there are; where the key is not for the one that was asked for, the first that it is for is opened instead. */
export async function loadSites(): Promise<void> {
  sites.value = await get<SiteLink[]>("sites");
  const path = BASE.startsWith("/runs/") || sites.value.some((one) => one.path === BASE || BASE === `/sites/${one.name}/`) ? "" : sites.value[0]?.path;
  if (path) location.replace(path);
}

export async function loadSite(): Promise<void> {
  const [city, known, levels] = await Promise.all([get<Site>("site"), get<Quantity[]>("quantities"), get<Limits>("limits")]);
  batch(() => {
    site.value = city;
    quantities.value = by("key", known);
    limits.value = levels;
    devices.value = by("name", [...city.stations, ...city.robots] as unknown as Device[]) as typeof devices.value;
  });
}

let recent: { at: number; work: () => void }[] = [];
function apply(work: () => void): void {
  const at = performance.now();
  recent = [...recent.filter((before) => at - before.at < REMEMBERED_MS), { at, work }];
  work();
}

export async function loadAll(): Promise<void> {
  const since = performance.now() - SHARED_MS;
  const [moment, records, held, index, fleet] = await Promise.all([
    get<Moment>("state"), getAll<Device>("devices"), getAll<Silence>("silences"), get<CaiAnswer>("cai"), get<Robot[]>("robots"),
  ]);
  const all = new Map(devices.value);
  for (const record of records) all.set(record.device!, { ...all.get(record.device!), ...record });
  batch(() => {
    devices.value = all;
    silences.value = held;
    cai.value = index;
    robots.value = by("robot", fleet);
    warn(moment.alerts);
    const latest = new Map(live.value.latest);
    moment.latest.forEach((reading) => take(latest, reading));
    live.value = { latest, alerts: by("id", moment.alerts), incidents: by("id", moment.incidents) };
    recent.filter(({ at }) => at >= since).forEach(({ work }) => work());
  });
}

export async function refresh(): Promise<void> {
  try {
    await loadAll();
  } catch (error) {
    // That the link is lost stands at the top of the page already.
    if (!(error instanceof Refusal && error.status === 0)) complain(error);
  }
}

function take(latest: Map<string, Reading>, reading: Reading): void {
  const known = latest.get(reading.device);
  if (known && Date.parse(known.time) > Date.parse(reading.time)) return;
  latest.set(reading.device, reading);
  if (reading.position) keepTrail(reading.device, reading.position, Date.parse(reading.time));
}

let arrived: [number, number][] = [], since = 0;
/** Readings a second over the last ten seconds, or as long as the page listens. */
function measureRate(): void {
  const seconds = performance.now() / 1000;
  arrived = arrived.filter(([when]) => seconds - when < RATE_OVER_S);
  const over = Math.min(RATE_OVER_S, seconds - since);
  rate.value = !isLinked.value || over < 1 ? null : arrived.reduce((sum, [, count]) => sum + count, 0) / over;
}

const waiting: Reading[] = [];
let drawn = 0;
function draw(): void {
  // A page with thousands of devices draws them every few seconds, so that it has time for those who press something.
  if (!waiting.length || performance.now() - drawn < live.value.latest.size * MS_PER_DEVICE) return;
  drawn = performance.now();
  const latest = new Map(live.value.latest);
  waiting.splice(0).forEach((reading) => take(latest, reading));
  live.value = { ...live.value, latest };
}

const kept = <Row extends { id: string; active: boolean }>(known: Map<string, Row>, record: Row) => {
  const rows = new Map(known);
  if (record.active) rows.set(record.id, record);
  else rows.delete(record.id);
  return rows;
};

let lastEvent = "";
/** Follow the live stream, after a break from the last event on; where that is not known any more, all is asked for. */
export function listen(): void {
  const stream = new EventSource(`${ROOT}stream${lastEvent && `?last_event_id=${encodeURIComponent(lastEvent)}`}`);
  const on = <Data>(event: string, work: (data: Data) => void) =>
    stream.addEventListener(event, (message) => {
      const { data, lastEventId } = message as MessageEvent<string>;
      lastEvent = lastEventId;
      work(JSON.parse(data) as Data);
    });
  stream.onopen = () => {
    arrived = [];
    // What was missed comes all at once, which is no rate.
    since = performance.now() / 1000 + (lastEvent ? CATCH_UP_S : 0);
    isLinked.value = true;
  };
  stream.onerror = () => {
    isLinked.value = false;
    stream.close();
    setTimeout(listen, AGAIN_MS);
  };
  on("reset", () => void refresh());
  on<Reading[]>("readings", (readings) => {
    const seconds = performance.now() / 1000;
    if (seconds >= since) arrived.push([seconds, readings.length]);
    waiting.push(...readings);
  });
  on<Alert>("alert", (alert) => apply(() => {
    warn([alert]);
    live.value = { ...live.value, alerts: kept(live.value.alerts, alert) };
  }));
  on<Incident>("incident", (incident) => apply(() => { live.value = { ...live.value, incidents: kept(live.value.incidents, incident) }; }));
}

export function follow(): void {
  void refresh();
  listen();
  addEventListener("offline", () => { isLinked.value = false; });
  setInterval(draw, DRAW_EVERY_MS);
  setInterval(measureRate, 1000);
  setInterval(() => void refresh(), REFRESH_MS);
}
