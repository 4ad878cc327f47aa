// What the api answers, as far as the console uses it.
export type Language = "ko" | "en";
export type Place = [lat: number, lon: number];
export interface Labelled { label_ko?: string; label_en?: string }

export interface Zone extends Labelled { name: string; outline: Place[] }
export interface Station extends Labelled { name: string; zone: string; lat: number; lon: number; quantities: string[]; certificate?: string }
export interface Patrol extends Labelled { name: string; zone: string; dock: Place; loop: Place[]; quantities: string[] }
export interface Emitter extends Labelled { name: string; kind: string; lat?: number; lon?: number; line?: Place[]; width_m?: number }
export interface Land extends Labelled { kind: string; outline: Place[]; line: Place[]; width_m: number | null }
export interface Site extends Labelled {
  name: string; timezone: string; origin: Place; zones: Zone[]; stations: Station[]; robots: Patrol[]; sources: Emitter[]; land: Land[];
  gateways: { format: string; names: Record<string, string> }[];
}
export interface Quantity extends Labelled { key: string; unit: string; decimals: number; minimum: number; maximum: number }
export interface Grade extends Labelled { key: string; colour: string }
export interface Level extends Labelled { key: string; issue_at: number }
export interface Limits {
  /** Which index the site has chosen. */
  index?: Labelled & { key: string };
  advisories: Record<string, Level[]>; grades: Grade[];
  /** Upper ends of the classes of the index, by quantity, and of the index itself. */
  cai?: { upper: Record<string, number[]>; index_upper: number[] };
}

/** One of the sites that are served here, and below which path. */
export interface SiteLink extends Labelled { name: string; path: string }

/** By quantity: how bad it is, and why. */
export type Flags = Record<string, [string, string]>;
export interface Reading {
  device: string; time: string; position?: Place; values: Record<string, number>; quality?: Flags; quality_ko?: Flags;
}
export interface Device extends Labelled {
  device?: string; name?: string; zone?: string; kind?: string; origin?: string; state?: string; official?: string | null; corrections?: Correction[]; [more: string]: unknown;
}
/** What AirKorea forecasts for a day and a region of the city. */
export interface OfficialDay extends Labelled {
  day: string; quantity: string; region: string; grade: string | null; grade_ko: string | null; grade_en: string | null; issued_at: string; overall: string;
}
export interface OfficialForecast { is_old: boolean; issued_at: string | null; days: OfficialDay[] }
export interface Correction { id: string; quantity: string; gain: number; offset: number; reason: string; who: string; from_at: string }
/** A row of what `jeonju evaluate network` prints; `proposed` is null where nothing is. */
export interface Proposal {
  device: string; quantity: string; official: string | null; robot: string | null; days: number; distance_m: number;
  gain_90?: [number, number]; offset_90?: [number, number]; proposed: { gain: number; offset: number } | null;
}
export interface StationIndex extends Labelled {
  cai?: number; grade?: string; colour?: string; pollutant?: string; us_aqi?: { aqi: number } | null;
  instrument_ko?: string; instrument_en?: string;
}
export interface CaiAnswer {
  stations: Record<string, StationIndex>; zones: Record<string, { worst: string | null; mean_cai: number | null }>;
  note_ko?: string; note_en?: string;
}

export interface Handling { state: string; verdict?: string; who?: string; since?: string; note?: string; assignee?: string; comments?: number }
export interface Alert {
  id: string; kind: string; severity: string; device: string | null; zone: string | null; active: boolean; started_at: string;
  ended_at?: string | null; summary_ko: string; summary_en: string; title_ko?: string; title_en?: string; details: Record<string, unknown>;
  handling: Handling; held_back?: { silence?: string | null; inhibited_by?: string | null } | null;
}
export interface Silence {
  id: string; kind: string; device: string; zone: string; until_at: string; from_at: string; reason: string; who: string;
  title_ko?: string; title_en?: string;
}
export interface Source {
  lat: number; lon: number; radius_m: number; radius_90_m?: number; cells?: [number, number, number][]; cell_m: number; cells_of_half?: number;
  is_unsure: boolean; says_nothing?: boolean; unexplained?: string[]; rate_g_s?: [number, number, number]; quantity: string; traced_at?: string;
}
/** What one of its maps said of a source. */
export interface Estimate { at: string; lat: number; lon: number; radius_m: number; radius_90_m: number; is_unsure: boolean; says_nothing: boolean }
/** Eight of ten times that the plume arrives at all, it does so between `minutes_10` and `minutes_90`; earlier versions knew no interval. */
export interface Downwind { zone: string; probability: number; minutes: number; peak: number; minutes_10?: number | null; minutes_90?: number | null }
export interface Visit { robot: string; places: Place[]; sent_at?: string; ended_at?: string | null; outcome?: string }
export interface Entry { id: string; done_at: string; who: string; action: string; subject: string; details: Record<string, unknown> }
export interface Incident {
  id: string; state: string; kind: string; severity: string; zone: string | null; opened_at: string; closed_at?: string | null; active: boolean;
  summary_ko: string; summary_en: string; alerts?: Alert[]; journal?: Entry[];
  details: {
    alerts: string[]; devices: string[]; classes: Record<string, number>; source: Source | null; downwind: Downwind[]; visits: Visit[];
    assignee?: string; course?: Estimate[];
  };
}
export interface Robot extends Labelled {
  robot: string; zone?: string; connected: boolean; forbidden: boolean; available: boolean; reason: string | null; position?: Place;
  battery?: number; charging?: boolean; driving?: boolean; paused?: boolean; mode?: string; order?: string;
  errors?: { type: string; level: string; text: string }[];
  visit: { incident: string | null; sent_at: string; stops: number; places: Place[] } | null;
}
export interface Ledger {
  device: string; received: number; repeated: number; missing: number; late: number; rejected: number; gaps?: string;
}
export interface Health {
  broker: string; store: string; lag_s: number | null; devices: number; ledger: Record<string, number>; readings_received: number;
  active_alerts: number; readings_too_late_to_judge: number; feed_batches_dropped: number; notices: string[]; now: string;
  official_calls: { service: string; used: number; allowed: number; begins_anew_at: string }[];
}
export interface Letter {
  id: string; received_at: string; topic: string; payload: string; payload_bytes: number; reason: string;
  asked_at: string | null; replayed_at: string | null; whole: boolean;
}
export interface Unknown { device: string; state: string; last: Reading | null; site_entry: string; [more: string]: unknown }
export type Columns = { time: string[]; quality?: (Flags | null)[]; quality_ko?: (Flags | null)[] } & {
  [quantity: string]: (number | null)[] | string[] | (Flags | null)[] | undefined;
};
/** A message of a device as it came. */
export interface Said { received_at: string; topic: string; payload: string; payload_bytes: number }
/** What the score says of an event that released something. */
export interface Result {
  outcome: string; detected: boolean; reached: boolean; devices_reached: number; delay_s: number | null; detected_by: string | null;
  class: string | null; class_right: boolean | null; incident: string | null; location_error_m: number | null;
}
export interface Happened {
  kind: string; title: string; lat?: number; lon?: number; device?: string; fault?: string; started_at: string; ends_at: string | null;
  reached: Record<string, string>; result: Result | null;
}
export interface Scenario { name: string; title_ko: string; title_en: string; events: Record<string, unknown>[] }
export interface Score { released: number; reached: number; detected: number; cannot_be_seen: number; false_alarms: number }
export interface Simulated {
  kind: "live" | "run" | null; title_ko?: string; title_en?: string; start?: string | null; end?: string | null; speed?: number | null;
  happened: Happened[]; happened_total: number; score: Score | null; scenarios: Scenario[];
}
/** The state of the city at an instant. */
export interface Moment { at: string; latest: Reading[]; alerts: Alert[]; incidents: Incident[] }
export interface Me { name: string | null; role: string | null }
/** A change of a what-if, as it is sent: an event as in scenarios, another wind, a robot elsewhere or one more station. */
export interface Change {
  kind: string; lat?: number; lon?: number; device?: string; name?: string; road?: string; speed_m_s?: number; from_deg?: number;
  [more: string]: unknown;
}
export interface Asked {
  id: string; title: string; asked_at: string; who: string; at: string; until: string; hours: number; seed: number; changes: Change[];
}
export interface WhatIfShort extends Asked { alerts: number; zones: string[]; noticed: { change: number; at: string | null; device: string | null; after_s: number | null }[] }
export interface WhatIfList { running: { share: number }[]; kept: WhatIfShort[] }
export interface Foreseen { now: number | null; then: (number | null)[] }
export interface WhatIfAnswer extends Asked {
  kept: boolean; present: { wind_speed_m_s: number | null; wind_from_deg: number | null; silent: string[]; left_out: number; sources: unknown[] };
  downwind: { change: number; quantity: string; begins_at: string; zones: Downwind[]; plume: WhatIfPlume | null }[];
  alerts: (Pick<Alert, "kind" | "severity" | "device" | "zone" | "started_at" | "summary_ko" | "summary_en"> & { change: number | null })[]; alerts_total: number;
  noticed: { change: number; reached: Record<string, string>; at: string | null; device: string | null; after_s: number | null }[];
  robots: { robot: string; noticed_at: string | null; minutes_away: Record<string, number> }[];
  levels: { step_s: number; times: string[]; quantities: string[]; stations: Record<string, Record<string, Foreseen>> };
  then?: {
    until: string; is_over: boolean; levels: Record<string, Record<string, (number | null)[]>>;
    errors: Record<string, { steps: number; bias: number; mean_error: number; mean_error_unchanged: number }>;
    alerts: { kind: string; device: string | null; said_at: string; raised_at: string | null }[]; not_foreseen_total: number;
  };
}
export interface WhatIfPlume {
  at: string; quantity: string; minutes: number[]; levels: number[]; unit: string; rise_m: [number, number, number] | null; rise_over_m: number | null;
  grid: { south: number; west: number; step_lat: number; step_lon: number; rows: number; columns: number } | null; percent: number[][][];
}
