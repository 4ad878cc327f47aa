// One line that says what an action led to, and the way every action goes.
import { signal } from "@preact/signals";
import { get, Refusal } from "./api";
import type { Me } from "./model";
import { me } from "./state";

const SHOWN_MS = 12_000;
export const notice = signal({ line: "", kind: "done" });
let timer: ReturnType<typeof setTimeout> | undefined;

export function say(line: string, kind: "done" | "refused" = "done"): void {
  notice.value = { line, kind };
  clearTimeout(timer);
  timer = setTimeout(() => { notice.value = { line: "", kind: "done" }; }, SHOWN_MS);
}

/** Show what the api refused; anything else is a fault of the page. */
export function complain(error: unknown): void {
  if (!(error instanceof Refusal)) throw error;
  say(error.message, "refused");
}

/** A key that was revoked or may do less than before: what it may not do is no longer offered. */
async function lookWhoAsks(error: unknown): Promise<void> {
  if (!(error instanceof Refusal)) return;
  if (error.status === 401) location.reload();
  if (error.status === 403) me.value = await get<Me>("session");
}

let refresh: () => Promise<void> = async () => undefined;
export const afterActions = (work: () => Promise<void>) => { refresh = work; };

/** Do what somebody pressed, then show how things stand. */
export async function act(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    complain(error);
    await lookWhoAsks(error);
  }
  await refresh();
}
