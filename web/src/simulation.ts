// What truly happens in a simulated city, beside what the network found of it: asked for now and then, from the simulator itself.
import { computed, effect, signal } from "@preact/signals";
import { get } from "./api";
import type { Happened, Place, Simulated } from "./model";
import { isLinked, isRun, isSimulated, now } from "./state";

const AGAIN_MS = 5_000;
const NONE: Simulated = { kind: null, happened: [], happened_total: 0, score: null, scenarios: [] };

export const simulation = signal<Simulated>(NONE);
/** Whether the truth is drawn on map and charts. */
export const showsTruth = signal(localStorage["truth"] !== "hidden");
/** The hours of a finished run; null where time goes on. */
export const run = computed(() => {
  const { kind, start, end } = simulation.value;
  return kind === "run" && start && end ? { start: Date.parse(start), end: Date.parse(end) } : null;
});

export const placeOf = ({ lat, lon }: Happened): Place | null => (lat === undefined || lon === undefined ? null : [lat, lon]);
/** What has a place, for the map: it is the truth, not what the network found. */
export const lit = computed(() => (showsTruth.value ? simulation.value.happened : []).flatMap((event) => {
  const place = placeOf(event);
  return place ? [{ place, kind: event.kind, at: Date.parse(event.started_at) }] : [];
}));

/** What has begun at the instant that is shown. */
export const begun = computed(() => lit.value.filter(({ at: when }) => when <= now.value));

export async function loadSimulation(): Promise<void> {
  if (!isSimulated.value) return;
  const found = await get<Simulated>("simulation");
  // What nobody changed is not drawn anew.
  if (JSON.stringify(found) !== JSON.stringify(simulation.value)) simulation.value = found;
}

export function followSimulation(): void {
  const again = () => { if (isLinked.value && !document.hidden) void loadSimulation().catch(() => undefined); };
  effect(() => { if (isSimulated.value && isLinked.value) again(); });
  effect(() => { localStorage["truth"] = showsTruth.value ? "shown" : "hidden"; });
  effect(() => { isRun.value = run.value !== null; });
  setInterval(again, AGAIN_MS);
}
