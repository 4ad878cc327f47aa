// What the page knows. Filled by page.js, read by everything that draws.
export const state = {
  language: (localStorage.language ?? navigator.language).startsWith("ko") ? "ko" : "en",
  me: { name: null, role: null }, // who the key belongs to; "local" where none is needed
  site: null,
  quantities: new Map(), // by key
  advisories: {}, // levels by quantity
  grades: [],
  devices: new Map(), // by name: what the site says of them, and the api
  latest: new Map(), // the newest reading of each device
  cai: { stations: {}, zones: {} },
  alerts: new Map(), // those that last, by id
  silences: [],
  incidents: new Map(), // those that are open, by id
  robots: new Map(), // fleet control's view of them, by name
  chosen: null, // the device whose day is shown
  arrived: [], // [seconds, count] of the readings of the last ten seconds
  fires: [], // places of fires that were lit here
};

export const mayOperate = () => ["operator", "admin"].includes(state.me.role);

const isSimulated = () => [...state.devices.values()].some((device) => device.origin === "simulated");

export const simulation = () => ({ isShown: isSimulated(), mayChange: isSimulated() && state.me.role === "admin" });

/** The newest instant that anything was measured at; a scenario is played on a clock of its own. */
export const now = () => Math.max(...[...state.latest.values()].map(({ time }) => Date.parse(time)));

/** Every device that has a place, with it: stations as the site says, robots where they were seen last. */
export function* places() {
  for (const station of state.site.stations) yield [station.name, [station.lat, station.lon]];
  for (const robot of state.site.robots) {
    yield [robot.name, state.latest.get(robot.name)?.position ?? robot.dock];
  }
}
