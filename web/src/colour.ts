// What colour a value has. Classes of the index where the law has some, otherwise a scale over what is measured now.
import { computed, signal } from "@preact/signals";
import type { Reading } from "./model";
import { cai, isPast, limits, quantities, shown } from "./state";

/** `now`, `hour`, or the key of a quantity. */
export const colouring = signal("now");
export const isOfficial = signal(localStorage["palette"] === "official");

// Blue to red over light tones: told apart with all common kinds of colour blindness (ColorBrewer's RdYlBu).
const SAFE = ["#2c7bb6", "#abd9e9", "#fdae61", "#d7191c"], SAFE_OF_SIX = ["#2c7bb6", "#7fb7d9", "#bcdcec", "#fee090", "#f98e52", "#d7191c"];
// Dark to light, even in lightness (viridis).
const SCALE = ["#440154", "#3b528b", "#21918c", "#5ec962", "#fde725"];
export const UNKNOWN = "#6b7a89", ROBOT = "#7a4fd0";

export const palette = computed(() => (isOfficial.value ? limits.value.grades.map(({ colour }) => colour) : limits.value.grades.length > 4 ? SAFE_OF_SIX : SAFE));

/** The index of a single value: in proportion within its class, as the law does for hourly means. */
export function subIndex(upper: number[], indexUpper: number[], value: number): number {
  const at = Math.max(0, upper.findIndex((end) => value <= end));
  if (value > upper[upper.length - 1]!) return indexUpper[indexUpper.length - 1]!;
  const low = at ? upper[at - 1]! : 0, indexLow = at ? indexUpper[at - 1]! : 0;
  return indexLow + ((Math.max(value, 0) - low) / (upper[at]! - low)) * (indexUpper[at]! - indexLow);
}

/** The class of an index, by the ends of those of the site's own. */
export function classOf(index: number): number {
  const ends = limits.value.cai?.index_upper ?? [50, 100, 250, 500];
  const at = ends.findIndex((end) => index <= end);
  return at < 0 ? Math.max(0, ends.length - 1) : at;
}

/** The worst sub-index of the values of one reading, and of what. */
export function indexNow(reading: Reading | undefined): { value: number; pollutant: string } | null {
  const table = limits.value.cai;
  if (!table || !reading) return null;
  let worst: { value: number; pollutant: string } | null = null;
  for (const [pollutant, upper] of Object.entries(table.upper)) {
    const value = reading.values[pollutant];
    if (value === undefined || reading.quality?.[pollutant]?.[0] === "bad") continue;
    const index = subIndex(upper, table.index_upper, value);
    if (!worst || index > worst.value) worst = { value: index, pollutant };
  }
  return worst && { value: Math.round(worst.value), pollutant: worst.pollutant };
}

/** The colour of a class of Korea's index, as AirKorea's forecast names it. */
export const shadeOfGrade = (key: string): string => {
  const grade = ["good", "moderate", "bad", "very-bad"].indexOf(key);
  return (limits.value.grades.length === 4 ? palette.value : SAFE)[grade] ?? UNKNOWN;
};

/** What a mode is called when it is shown: in the past there is no hourly index, the values of then count. */
export const mode = computed(() => (isPast.value && colouring.value === "hour" ? "now" : colouring.value));

const range = computed(() => {
  const values = [...shown.value.latest.values()].map((reading) => reading.values[mode.value]).filter((value) => value !== undefined);
  const low = Math.min(...values), high = Math.max(...values);
  return values.length ? { low, high: high > low ? high : low + 1 } : { low: 0, high: 1 };
});

export interface Shade { text: string; colour: string }

export function shadeOf(name: string): Shade {
  const reading = shown.value.latest.get(name);
  if (mode.value === "hour") {
    const index = cai.value.stations[name];
    return index?.cai === undefined ? { text: "–", colour: UNKNOWN } : { text: String(index.cai), colour: palette.value[classOf(index.cai)]! };
  }
  if (mode.value === "now") {
    const index = indexNow(reading);
    return index ? { text: String(index.value), colour: palette.value[classOf(index.value)]! } : { text: "–", colour: UNKNOWN };
  }
  const value = reading?.values[mode.value];
  return value === undefined ? { text: "–", colour: UNKNOWN } : { text: short(value), colour: colourOf(mode.value, value) };
}

function colourOf(quantity: string, value: number): string {
  const colours = coloursOf(quantity);
  return colours[Math.min(colours.length - 1, Math.floor(bandOf(quantity, value)))]!;
}

const coloursOf = (quantity: string) => (limits.value.cai?.upper[quantity] ? palette.value : SCALE);

/** In which colour of its scale a value lies, and how far within it: 1.5 is the middle of the second. */
export function bandOf(quantity: string, value: number): number {
  const upper = limits.value.cai?.upper[quantity], ends = upper ?? SCALE.map((_, number) => range.value.low + ((number + 1) / SCALE.length) * (range.value.high - range.value.low));
  const from = upper ? 0 : range.value.low, last = ends.length - 1;
  if (value >= ends[last]!) return ends.length;
  const at = ends.findIndex((end) => value <= end), low = at ? ends[at - 1]! : from;
  return at + Math.max(0, (value - low) / (ends[at]! - low || 1));
}

/** The colour at a place of the scale: those of neighbouring classes mixed, each pure in its middle. */
export function shadeOfBand(quantity: string, band: number): string {
  const colours = coloursOf(quantity), at = Math.min(Math.max(band - 0.5, 0), colours.length - 1), low = Math.floor(at);
  return mixed(colours[low]!, colours[Math.min(low + 1, colours.length - 1)]!, at - low);
}

const parts = (colour: string) => [1, 3, 5].map((from) => parseInt(colour.slice(from, from + 2), 16)) as [number, number, number];
const mixed = (one: string, other: string, share: number) =>
  `#${parts(one).map((part, number) => Math.round(part + (parts(other)[number]! - part) * share).toString(16).padStart(2, "0")).join("")}`;

/** Three characters where possible. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 9.95 || value === 0) return value.toFixed(0);
  if (size >= 1) return value.toFixed(1);
  return value.toFixed(size >= 0.095 ? 2 : 3).replace(/^(-?)0\./, "$1.");
}

export function inkOn(colour: string): string {
  const [red, green, blue] = parts(colour);
  return red * 0.299 + green * 0.587 + blue * 0.114 > 150 ? "#17202a" : "#ffffff";
}

export interface Mark { colour: string; grade?: number; text?: string }
/** The legend: classes of the index, or the ends of the scale. */
export const marks = computed((): Mark[] => {
  const upper = limits.value.cai?.upper[mode.value];
  if (mode.value === "now" || mode.value === "hour") return palette.value.map((colour, grade) => ({ colour, grade }));
  if (upper) {
    return palette.value.map((colour, grade) => ({ colour, text: grade < 3 ? `≤ ${short(upper[grade]!)}` : `> ${short(upper[2]!)}` }));
  }
  const { low, high } = range.value, step = (high - low) / SCALE.length;
  return SCALE.map((colour, number) => ({ colour, text: short(low + number * step) }));
});

export const coloured = computed(() => {
  const measured = new Set([...shown.value.latest.values()].flatMap(({ values }) => Object.keys(values)));
  return [...quantities.value.values()].filter(({ key }) => measured.has(key) && !["battery", "robot_activity"].includes(key));
});
