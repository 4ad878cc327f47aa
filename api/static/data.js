// What comes from the api: all of it now and then, and changes at once from the live stream.
import { get, getAll, path } from "./api.js";
import { state } from "./state.js";

const AGAIN_MS = 10_000;

export async function loadSite() {
  const [site, quantities, limits] = await Promise.all([get("site"), get("quantities"), get("limits")]);
  state.site = site;
  state.robotNames = new Set(site.robots.map((robot) => robot.name));
  state.quantities = by("key", quantities);
  state.advisories = limits.advisories;
  state.grades = limits.grades;
  state.devices = by("name", [...site.stations, ...site.robots]);
}

export async function loadAll() {
  const names = ["latest", "devices", "alerts", "silences", "incidents"];
  const lists = [...names.map(getAll), get("cai"), get("robots")];
  const [latest, devices, alerts, silences, open, cai, robots] = await Promise.all(lists);
  // The list of incidents leaves out their cells.
  const incidents = await Promise.all(open.map(({ id }) => get(path("incidents", id))));
  latest.forEach(take);
  for (const device of devices) state.devices.set(device.device, { ...state.devices.get(device.device), ...device });
  Object.assign(state, { cai, silences });
  Object.assign(state, { alerts: by("id", alerts), incidents: by("id", incidents), robots: by("robot", robots) });
}

const by = (key, rows) => new Map(rows.map((row) => [row[key], row]));

const take = (reading) => state.latest.set(reading.device, reading);

/** Follow the live stream: `onLink` hears whether it is there, `onChange` that alerts or incidents changed. */
export function follow(onLink, onChange) {
  const stream = new EventSource("/api/v1/stream");
  const on = (event, work) => stream.addEventListener(event, ({ data }) => work(JSON.parse(data)));
  stream.onopen = () => onLink(true);
  stream.onerror = () => {
    onLink(false);
    // After an answer that is no stream, such as that too many listen, the browser does not try again by itself.
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => follow(onLink, onChange), AGAIN_MS);
  };
  on("readings", (readings) => {
    state.arrived.push([performance.now() / 1000, readings.length]);
    readings.forEach(take);
  });
  on("alert", (alert) => { keep(state.alerts, alert); onChange(); });
  on("incident", (incident) => { keep(state.incidents, incident); onChange(); });
}

const keep = (known, record) => (record.active ? known.set(record.id, record) : known.delete(record.id));
