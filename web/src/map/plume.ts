// The plume of each incident on the map, now and in the minutes ahead: how probable it is that it can be told there, and that it makes the air bad.
import { computed, effect, signal } from "@preact/signals";
import { get, path, Refusal } from "../api";
import type { Incident, WhatIfPlume } from "../model";
import { complain } from "../notice";
import { at, isPast, now } from "../state";
import { metres } from "../trails";
import { onMap } from "../whatif";
import { ahead, isTilted, STEP_MIN } from "./ahead";
import { isFresh, traced } from "./layers";
import { raster } from "./raster";
import type { Layers, Shape } from "./view";

export type Plume = WhatIfPlume;

export const TOLD = "#e07b00", BAD = "#b0120a";
// Percent from which on a band is drawn, and how strongly.
const BANDS = [[90, 0.6], [50, 0.42], [30, 0.28], [10, 0.15]] as const;
const MOST_INCIDENTS = 4, STEP_MS = 120_000;

// The height rises in so many steps over the distance that a plume takes to rise.
const STEPS_OF_HEIGHT = 12;

const ofIncidents = signal(new Map<string, Plume>());
/** The plumes on the map: those of incidents, or of what is asked. */
export const plumes = computed((): Map<string, Plume> => (onMap.value
  ? new Map(onMap.value.downwind.flatMap(({ change, plume }): [string, Plume][] => (plume ? [[String(change), plume]] : []))) : ofIncidents.value));

/** Whether there is a plume to ask for: of what was seen in the last minutes, and in the past not before it was opened, which a page that goes back shows for a moment. */
export const hasPlume = (incident: Incident) => (isPast.value ? at.value! >= Date.parse(incident.opened_at) : isFresh(incident));

/** Incidents whose source is known and of which there is a plume. */
const known = computed((): Incident[] => traced.value.filter((incident) => incident.details.source?.traced_at && !incident.details.source.says_nothing
  && hasPlume(incident)).slice(0, MOST_INCIDENTS));
// What changes what is asked for, and nothing else.
const wanted = computed(() => known.value.map(({ id, details: { source } }) => ({
  id, key: isPast.value ? `${id} ${Math.floor(at.value! / STEP_MS)}` : `${id} ${source!.traced_at}`,
  query: isPast.value ? `?at=${new Date(Math.floor(at.value! / STEP_MS) * STEP_MS).toISOString()}` : "",
})));
const keys = computed(() => wanted.value.map(({ key }) => key).join());

/** Which of the times of a plume is shown: it may have been made minutes ago. */
const numberOf = (plume: Pick<Plume, "at" | "minutes">) =>
  Math.min(plume.minutes.length - 1, onMap.value ? ahead.value / STEP_MIN : Math.round(Math.max(0, now.value - Date.parse(plume.at)) / 60_000 / STEP_MIN + ahead.value / STEP_MIN));

export const plumeLayers = computed((): Layers => {
  const shown = [...plumes.value.values()];
  const lofted = isTilted.value ? [...plumes.value].flatMap(([id, plume]) => volume(plume, traced.value.find((incident) => incident.id === id))) : [];
  return { plume: shown.flatMap((plume) => bands(plume, 0, TOLD)), bad: shown.flatMap((plume) => bands(plume, 1, BAD)), lofted };
});

/** Where the plume more probably is than not, as high as a fire of this rate lifts it: with the distance to the power of two thirds (Briggs). */
function volume({ rise_m: rise, rise_over_m: over, ...plume }: Plume, incident: Incident | undefined): Shape[] {
  const percent = plume.percent[0]?.[numberOf(plume)], source = incident?.details.source;
  if (!rise || !over || !percent || !source) return [];
  return raster(plume.grid!, [percent], ([value], lat, lon) => {
    if (value! < 50) return null;
    const share = Math.min(1, metres([lat, lon], [source.lat, source.lon]) / over) ** (2 / 3);
    return { colour: TOLD, opacity: 1, height_m: Math.max(2, (Math.ceil(share * STEPS_OF_HEIGHT) / STEPS_OF_HEIGHT) * rise[1]) };
  });
}

function bands(plume: Plume, level: number, colour: string): Shape[] {
  const percent = plume.grid && plume.percent[level]?.[numberOf(plume)];
  return percent ? raster(plume.grid!, [percent], ([value]) => {
    const band = BANDS.find(([from]) => value! >= from);
    return band ? { colour, opacity: band[1] } : null;
  }) : [];
}

let asking = false, done = "";
async function load(): Promise<void> {
  if (asking) return;
  asking = true;
  try {
    while (done !== keys.peek()) {
      done = keys.peek();
      const found = await Promise.all(wanted.peek().map(async ({ id, query }) => [id, await one(id, query)] as const));
      ofIncidents.value = new Map(found.filter((entry): entry is [string, Plume] => entry[1] !== null));
    }
  } finally {
    asking = false;
  }
}

async function one(id: string, query: string): Promise<Plume | null> {
  try {
    return await get<Plume>(`${path("incidents", id, "plume")}${query}`);
  } catch (error) {
    // Before it was opened, without wind, or while the link is lost there is no plume.
    if (!(error instanceof Refusal && [0, 404, 422, 429].includes(error.status))) complain(error);
    return null;
  }
}

export function followPlumes(): void {
  effect(() => { if (keys.value !== done) void load(); });
}
