// Pointing at a place on the map: for a fire, or for a robot.
import { $ } from "./dom.js";
import { placeAt } from "./map.js";
import { places } from "./state.js";

let settle = null;

/** Ask for a place: a click on the map, or Enter on a device there. Null when it was cancelled. */
export function pickPlace(question) {
  finish(null);
  $("aim-text").textContent = question;
  $("aim").hidden = false;
  $("map").classList.add("aiming");
  $("map-box").scrollIntoView({ block: "nearest" });
  return new Promise((resolve) => { settle = resolve; });
}

function finish(place) {
  settle?.(place);
  settle = null;
  $("aim").hidden = true;
  $("map").classList.remove("aiming");
}

export function attendAim() {
  $("aim-cancel").addEventListener("click", () => finish(null));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") finish(null); });
  // Before all other listeners: while a place is asked for, a click on a device means its place.
  $("map").addEventListener("click", (event) => take(event, placeAt(event)), { capture: true });
  $("map").addEventListener("keydown", (event) => {
    const name = event.target.dataset.subject;
    if (["Enter", " "].includes(event.key) && name) take(event, new Map(places()).get(name));
  }, { capture: true });
}

function take(event, place) {
  if (!settle) return;
  event.preventDefault();
  event.stopPropagation();
  finish(place);
}
