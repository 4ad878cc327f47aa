// Pointing at a place on the map: for a fire, or for a robot.
import { signal } from "@preact/signals";
import type { Place } from "../model";

export const question = signal("");
let settle: ((place: Place | null) => void) | null = null;

/** Ask for a place: a click on the map, or Enter on a device there. Null when it was cancelled. */
export function pickPlace(asked: string): Promise<Place | null> {
  finish(null);
  question.value = asked;
  document.getElementById("map")?.scrollIntoView({ block: "nearest" });
  return new Promise((resolve) => { settle = resolve; });
}

export function finish(place: Place | null): void {
  settle?.(place);
  settle = null;
  question.value = "";
}

addEventListener("keydown", (event) => { if (event.key === "Escape") finish(null); });
