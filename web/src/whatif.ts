// What if: the changes that are being put together, the answer that is shown, and what was asked before.
import { computed, signal } from "@preact/signals";
import { get, path, post } from "./api";
import { ahead } from "./map/ahead";
import type { Asked, Change, Place, WhatIfAnswer, WhatIfList } from "./model";
import { act } from "./notice";
import { route } from "./route";
import { at } from "./state";

const LOOK_MS = 500, NONE: WhatIfList = { running: [], kept: [] };

export const changes = signal<Change[]>([]);
export const hours = signal(2);
export const answer = signal<WhatIfAnswer | null>(null);
export const list = signal<WhatIfList>(NONE);
/** How much of the answer is there, from 0 to 1; null while nothing is asked. */
export const share = signal<number | null>(null);

export const isOpen = computed(() => route.value.page === "what-if");
/** The answer that the map is about. */
export const onMap = computed(() => (isOpen.value ? answer.value : null));
export const placeOf = ({ lat, lon }: Change): Place | null => (lat === undefined || lon === undefined ? null : [lat, lon]);
/** What has a place, by its number, while it is being put together or as it was asked. */
export const placed = computed(() => (isOpen.value ? changes.value : []).flatMap((change, number) => {
  const place = placeOf(change);
  return place ? [{ place, kind: change.kind, number }] : [];
}));

export const add = (change: Change) => { changes.value = [...changes.value, change]; };
export const drop = (number: number) => { changes.value = changes.value.filter((_, other) => other !== number); };
export function move(number: number, [lat, lon]: Place): void {
  changes.value = changes.value.map((change, other) => (other === number ? { ...change, lat, lon } : change));
}

export async function loadList(): Promise<void> {
  list.value = await get<WhatIfList>("what-if?limit=50");
}

/** Fork the city as it is now, or was at the instant that is shown. */
export async function ask(): Promise<void> {
  if (share.value !== null) return;
  share.value = 0;
  const watch = setInterval(() => void loadList().then(() => {
    const running = list.value.running.at(-1);
    if (running && share.value !== null) share.value = running.share;
  }, () => undefined), LOOK_MS);
  await act(async () => {
    const body = { changes: changes.value, hours: hours.value, ...(at.value === null ? {} : { at: new Date(at.value).toISOString() }) };
    answer.value = await post<WhatIfAnswer>("what-if", body);
    await loadList();
  });
  clearInterval(watch);
  share.value = null;
}

/** Whatever is dragged elsewhere is asked anew, where it was asked before. */
export const moved = () => { if (answer.value) void ask(); };

/** Show a kept answer; what was asked then can be changed and asked again. */
export async function open(id: string): Promise<void> {
  if (answer.value?.id === id && answer.value.then) return;
  const found = await get<WhatIfAnswer>(path("what-if", id));
  answer.value = found;
  changes.value = found.changes;
  hours.value = found.hours;
}

export function clear(): void {
  answer.value = null;
  changes.value = [];
  ahead.value = 0;
}

/** What an entry of the list is called. */
export const kindsOf = ({ changes: of }: Asked) => [...new Set(of.map(({ kind }) => kind))];
