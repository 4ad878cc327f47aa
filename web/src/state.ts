// What the console knows. `live` is filled by data.ts, `past` by clock.ts; everything that draws reads `shown`, one of the two.
import { computed, signal } from "@preact/signals";
import type {
  Alert, CaiAnswer, Device, Incident, Language, Limits, Me, Patrol, Place, Quantity, Reading, Robot, Silence, Site, SiteLink, Station,
} from "./model";

export interface Snapshot { latest: Map<string, Reading>; alerts: Map<string, Alert>; incidents: Map<string, Incident> }
const nothing = (): Snapshot => ({ latest: new Map(), alerts: new Map(), incidents: new Map() });

const asked = new URLSearchParams(location.search);
export const isWall = asked.has("wall");
export const language = signal<Language>((asked.get("language") ?? localStorage["language"] ?? navigator.language).startsWith("ko") ? "ko" : "en");
export const theme = signal<"light" | "dark" | "auto">(localStorage["theme"] ?? "auto");
export const me = signal<Me>({ name: null, role: null });
export const site = signal<Site>(null as unknown as Site);
/** Those that are served here and that the key is for. */
export const sites = signal<SiteLink[]>([]);
export const quantities = signal(new Map<string, Quantity>());
export const limits = signal<Limits>({ advisories: {}, grades: [] });
/** By name: what the site says of a device, and the api. */
export const devices = signal(new Map<string, Device & Partial<Station> & Partial<Patrol>>());
export const cai = signal<CaiAnswer>({ stations: {}, zones: {} });
export const silences = signal<Silence[]>([]);
export const robots = signal(new Map<string, Robot>());
export const isLinked = signal(false);
export const rate = signal<number | null>(null);
export const live = signal(nothing());
export const past = signal<Snapshot | null>(null);
/** The instant that is shown; null while the page is live. */
export const at = signal<number | null>(null);
export const shown = computed(() => (at.value === null ? live.value : past.value ?? live.value));
// They change rarely, readings all the time: what is drawn of them is drawn anew only when they do.
export const shownIncidents = computed(() => shown.value.incidents);
export const isPast = computed(() => at.value !== null);

/** The newest instant that anything of the city's own was measured at; a scenario is played on a clock of its own, and official hours may be of the future. */
export const newest = computed(() =>
  Math.max(0, ...[...live.value.latest.values()].map(({ device, time }) => (devices.value.get(device)?.official ? 0 : Date.parse(time)))) || Date.now());
export const now = computed(() => at.value ?? newest.value);

export const mayOperate = computed(() => ["operator", "admin"].includes(me.value.role ?? ""));
export const mayAdminister = computed(() => me.value.role === "admin");
/** A finished run is only looked at. */
export const isRun = signal(false);
/** Whether what people do is offered: not in the past, as it acts now. */
export const mayPress = computed(() => mayOperate.value && !isPast.value && !isRun.value);
export const isSimulated = computed(() => [...devices.value.values()].some((device) => device.origin === "simulated"));

/** Official stations in the city that were heard, in the order of the site file; those of other provinces have no name of their own. */
export const officials = computed(() => site.value.gateways.filter(({ format }) => format === "airkorea").flatMap(({ names }) => Object.values(names))
  .filter((name) => devices.value.get(name)?.official && devices.value.get(name)?.label_ko));

export const robotNames = computed(() => new Set(site.value.robots.map(({ name }) => name)));
export const fixedPlaces = computed(() => new Map(site.value.stations.map(({ name, lat, lon }): [string, Place] => [name, [lat, lon]])));
/** Every device that has a place, with it: stations as the site says, robots where they were seen last. */
export const places = computed(() => new Map<string, Place>([
  ...fixedPlaces.value, ...site.value.robots.map(({ name, dock }): [string, Place] => [name, shown.value.latest.get(name)?.position ?? dock]),
]));
