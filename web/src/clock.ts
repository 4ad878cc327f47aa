// One clock for map, lists and charts: live, or an instant of the past that stands or plays.
import { effect, signal } from "@preact/signals";
import { get } from "./api";
import type { Moment } from "./model";
import { complain } from "./notice";
import { at, newest, past, type Snapshot } from "./state";

export const SPEEDS = [1, 10, 60, 300, 1200];
export const SPANS = { "1h": 3_600_000, "6h": 21_600_000, "24h": 86_400_000, "7d": 604_800_000 } as const;
export const speed = signal(60);
export const isPlaying = signal(false);
export const span = signal<keyof typeof SPANS>("6h");
const TICK_MS = 500;

/** The order of two instants as the api writes them, with and without fractions of a second; what has none comes first. */
export const byTime = (one = "", other = ""): number => (Date.parse(one) || 0) - (Date.parse(other) || 0);

export function goLive(): void {
  isPlaying.value = false;
  at.value = null;
}

export function lookAt(instant: number): void {
  if (instant >= newest.value) goLive();
  else at.value = Math.round(instant / 1000) * 1000;
}

/** Where a step of the playback leads to; null once it has caught up. */
export const stepped = (from: number, times: number, until: number): number | null => {
  const next = from + times * TICK_MS;
  return next >= until ? null : next;
};

const by = <Key extends string, Row extends Record<Key, string>>(key: Key, rows: Row[]) => new Map(rows.map((row) => [row[key], row]));
const snapshot = ({ latest, alerts, incidents }: Moment): Snapshot =>
  ({ latest: by("device", latest), alerts: by("id", alerts), incidents: by("id", incidents) });

let asking = false;
/** One question at a time: while the slider moves, the newest wish counts. */
async function load(): Promise<void> {
  if (asking) return;
  asking = true;
  try {
    for (let done: number | null = null; at.value !== null && done !== at.value;) {
      done = at.value;
      past.value = snapshot(await get<Moment>(`state?at=${new Date(done).toISOString()}`));
    }
  } catch (error) {
    complain(error);
    isPlaying.value = false;
  } finally {
    asking = false;
  }
}

export function runClock(): void {
  effect(() => {
    if (at.value === null) past.value = null;
    else void load();
  });
  setInterval(() => {
    if (!isPlaying.value || at.value === null || asking) return;
    const next = stepped(at.value, speed.value, newest.value);
    if (next === null) goLive();
    else at.value = next;
  }, TICK_MS);
}
