// The shapes on the map: the ground, where incidents may come from and where their plume goes, where robots were and are sent.
import { computed, signal } from "@preact/signals";
import { ROBOT } from "../colour";
import type { Downwind, Emitter, Incident, Place, Source } from "../model";
import { route } from "../route";
import { isPast, now, places, robotNames, robots, shown, shownIncidents, site, theme } from "../state";
import { trailOf } from "../trails";
import { onMap } from "../whatif";
import { tiles } from "./tiles";
import { circle, line, polygon, squares, type Layers, type Shape } from "./view";

const LIGHT = { ground: "#eef1ee", zone: "#dfe6ec", edge: "#93a3b3", road: "#ffffff", land: "#e3ead8", water: "#a9cbe6", loop: "#9a86c9", way: "#7a4fd0", source: "#b3261e" };
const DARK = { ground: "#12181e", zone: "#1d2833", edge: "#4a5b6c", road: "#364554", land: "#18211b", water: "#23455f", loop: "#5d4f86", way: "#b497f5", source: "#ff7a70" };
const system = matchMedia("(prefers-color-scheme: dark)"), isSystemDark = signal(system.matches);
// Some systems turn dark in the evening.
system.addEventListener("change", () => { isSystemDark.value = system.matches; });
export const isDark = computed(() => (theme.value === "auto" ? isSystemDark.value : theme.value === "dark"));
export const tones = computed(() => (isDark.value ? DARK : LIGHT));

export const ground = computed((): Layers => {
  const { zones, robots: patrols } = site.value, tone = tones.value;
  // Tiles have roads and water of their own.
  const { sources, land } = tiles.value ? { ...site.value, sources: [], land: [] } : site.value;
  const roads = sources.filter((source): source is Emitter & { line: Place[] } => source.kind === "road" && Boolean(source.line));
  return {
    land: land.filter(({ outline }) => outline.length).map(({ outline }) => polygon([outline], tone.land, 1)),
    water: land.filter(({ line: course }) => course.length).map(({ line: course, width_m: width }) => line(course, tone.water, 3 + (width ?? 100) / 40)),
    zones: zones.map(({ outline }) => polygon([outline], tone.zone, tiles.value ? 0.25 : 0.75)),
    edges: zones.map(({ outline }) => line([...outline, outline[0]!], tone.edge, 1.2)),
    roads: roads.map((road) => line(road.line, tone.road, 3)),
    loops: patrols.map(({ loop }) => line([...loop, loop[0]!], tone.loop, 1.4, 0.8)),
  };
});

/** The incidents that the map is about: the one whose page is open, or all. */
export const traced = computed((): Incident[] => {
  const { page, id } = route.value;
  // What would be is not to be taken for what is.
  if (onMap.value) return [];
  const all = [...shownIncidents.value.values()], one = page === "incidents" ? all.filter((incident) => incident.id === id) : [];
  return one.length ? one : all;
});

const STALE_MS = 15 * 60_000;
/** Whether its map is of now, and with it where its plume goes; afterwards nothing is said of that. */
export const isFresh = ({ details: { source } }: Incident) => Boolean(source?.traced_at) && now.value - Date.parse(source!.traced_at!) < STALE_MS;
// As one text: time goes on all the time, what is fresh changes rarely.
const freshIds = computed(() => traced.value.filter(isFresh).map(({ id }) => id).join("\n"));
/** The zones that a plume may reach. */
export const reached = computed((): Downwind[] => { if (onMap.value) return onMap.value.downwind.flatMap(({ zones }) => zones); const ids = freshIds.value.split("\n"); return traced.value.filter(({ id }) => ids.includes(id)).flatMap(({ details }) => details.downwind); });

export const findings = computed((): Layers => {
  const sources = traced.value.map(({ details }) => details.source).filter((source): source is Source => Boolean(source?.cells) && !source?.says_nothing);
  const { source: colour } = tones.value;
  return {
    downwind: reached.value.flatMap(tinted),
    far: sources.map((source) => squares(source.cells!.slice(half(source)), source.cell_m, colour, 0.18)),
    near: sources.map((source) => squares(source.cells!.slice(0, half(source)), source.cell_m, colour, 0.45)),
    circle: [
      ...sources.filter(({ is_unsure: unsure }) => !unsure).map((source) => line(circle([source.lat, source.lon], Math.max(source.radius_m, 30)), colour, 2)),
      // Of the maps before the newest only the radii are known.
      ...sources.filter(({ cells }) => !cells!.length).map((source) => line(circle([source.lat, source.lon], Math.max(source.radius_90_m ?? 0, source.radius_m)), colour, 1, 0.6)),
    ],
  };
});

/** Zones that the plume may reach: the sooner, the stronger. */
function tinted({ zone, minutes, probability }: Downwind): Shape[] {
  const found = site.value.zones.find(({ name }) => name === zone);
  return found ? [polygon([found.outline], "#e07b00", 0.05 + 0.14 * probability * Math.max(0, 1 - minutes / 60))] : [];
}

/** How many of the cells, which hold nine tenths together, hold half; sources of earlier versions do not say. */
export function half({ cells = [], cells_of_half: known }: Pick<Source, "cells" | "cells_of_half">): number {
  if (known) return known;
  const all = cells.reduce((total, [, , share]) => total + share, 0);
  let held = 0;
  return cells.findIndex(([, , share]) => (held += share) >= (all * 5) / 9) + 1;
}

export const movements = computed((): Layers => {
  const tone = tones.value;
  // The trail grows with each position.
  const trails = (isPast.value || !shown.value ? [] : [...robotNames.value]).map((name) => trailOf(name)).filter((trail) => trail.length > 1);
  const missions = isPast.value ? [] : [...robots.value.values()].filter(({ visit }) => visit?.places.length);
  return {
    trails: trails.map((trail) => line(trail, ROBOT, 3, 0.45)),
    ways: missions.map(({ robot, visit }) => line([places.value.get(robot)!, ...visit!.places], tone.way, 2)),
  };
});
