// Where in the console one is: the part after `#`, so that a link restores the view.
import { computed, effect, signal } from "@preact/signals";
import { colouring } from "./colour";
import { ahead, isTilted, MOST_AHEAD_MIN } from "./map/ahead";
import { isFieldShown } from "./map/field";
import { at } from "./state";

export interface Route { page: "city" | "incidents" | "devices" | "network" | "simulation" | "what-if"; id: string; query: URLSearchParams }
const PAGES = ["incidents", "devices", "network", "simulation", "what-if"] as const;

export function parse(hash: string): Route {
  const [place = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [first = "", ...rest] = place.split("/");
  const page = PAGES.find((known) => known === first) ?? "city";
  let id = rest.join("/");
  try { id = decodeURIComponent(id); } catch { /* it is shown as it stands, and then not found */ }
  return { page, id, query: new URLSearchParams(query) };
}

export function write(page: Route["page"], id = "", query: Record<string, string> = {}): string {
  const asked = new URLSearchParams(query).toString();
  const place = page === "city" ? "#/" : `#/${page}${id ? `/${encodeURIComponent(id)}` : ""}`;
  return asked ? `${place}?${asked}` : place;
}

const hash = signal(location.hash);
export const route = computed(() => parse(hash.value));

/** What of the view goes into its address. */
const view = (): Record<string, string> => ({
  ...(at.value === null ? {} : { at: new Date(at.value).toISOString() }),
  ...(colouring.value === "now" ? {} : { colour: colouring.value }),
  ...(isFieldShown.value ? { field: "1" } : {}),
  ...(ahead.value ? { ahead: String(ahead.value) } : {}),
  ...(isTilted.value ? { tilt: "1" } : {}),
});

export const linkTo = (page: Route["page"], id = "") => write(page, id, view());
export const goTo = (page: Route["page"], id = "") => { location.hash = linkTo(page, id); };

function take({ query }: Route): void {
  const instant = Date.parse(query.get("at") ?? "");
  at.value = Number.isNaN(instant) ? null : instant;
  colouring.value = query.get("colour") ?? "now";
  isFieldShown.value = query.has("field");
  isTilted.value = query.has("tilt");
  ahead.value = Math.min(Math.max(Number(query.get("ahead")) || 0, 0), MOST_AHEAD_MIN);
}

export function followAddress(): void {
  take(route.value);
  addEventListener("hashchange", () => {
    if (location.hash === hash.value) return;
    hash.value = location.hash;
    take(route.value);
  });
  let waiting: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    const { page, id } = route.value, wanted = write(page, id, view());
    clearTimeout(waiting);
    // Browsers refuse an address that changes all the time, as in playback.
    waiting = setTimeout(() => {
      // Where somebody has just gone counts, though the page is yet to hear of it.
      if (location.hash !== hash.peek() || location.hash === wanted || (!location.hash && wanted === "#/")) return;
      history.replaceState(null, "", wanted);
      hash.value = wanted;
    }, 400);
  });
}
