// Where robots were in the last minutes, and which way they face.
import type { Place } from "./model";

interface Step { place: Place; at: number }
const KEPT_MS = 10 * 60_000, LEAST_M = 2, MOST = 120;
const METRES_PER_DEGREE = 111_320;
const trails = new Map<string, Step[]>();

export const metres = (a: Place, b: Place): number =>
  Math.hypot(a[0] - b[0], (a[1] - b[1]) * Math.cos((a[0] * Math.PI) / 180)) * METRES_PER_DEGREE;

export function keepTrail(name: string, place: Place, at: number): void {
  const steps = trails.get(name) ?? [], last = steps.at(-1);
  // A jump back in time is a replay or a new scenario: the trail begins anew.
  if (last && at < last.at) steps.length = 0;
  if (!last || !steps.length || metres(last.place, place) >= LEAST_M) steps.push({ place, at });
  while (steps.length > MOST || (steps[0] && at - steps[0].at > KEPT_MS)) steps.shift();
  trails.set(name, steps);
}

export const trailOf = (name: string): Place[] => (trails.get(name) ?? []).map(({ place }) => place);
export const forgetTrails = () => trails.clear();

/** Degrees clockwise from north, of the last way it went; null while it stands. */
export function headingOf(name: string): number | null {
  const [before, last] = (trails.get(name) ?? []).slice(-2);
  if (!before || !last) return null;
  const north = last.place[0] - before.place[0];
  const east = (last.place[1] - before.place[1]) * Math.cos((last.place[0] * Math.PI) / 180);
  return (Math.atan2(east, north) * 180) / Math.PI;
}
