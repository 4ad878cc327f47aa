// The last day of the device that was chosen.
import { get } from "./api.js";
import { $, html, svg, update } from "./dom.js";
import { indexes } from "./map.js";
import { state } from "./state.js";
import { label, say, shortTime } from "./words.js";

const QUANTITIES = ["pm25", "pm10", "co", "no2", "o3", "voc_index", "h2s", "nh3", "thermal_max", "battery"];
const EVERY_S = 300, WIDTH = 400, HEIGHT = 60;
let shown = null;

export async function choose(name) {
  state.chosen = name;
  const asked = QUANTITIES.map((key) => `quantity=${key}`).join("&");
  const answer = await get(`series?device=${encodeURIComponent(name)}&every=${EVERY_S}&${asked}`);
  shown = answer.devices[name] ?? { time: [] };
  drawDevice();
}

export function drawDevice() {
  $("device").hidden = !shown;
  if (!shown) return;
  $("device-title").textContent = label(state.devices.get(state.chosen));
  $("device-now").textContent = [state.chosen, indexes(state.chosen), say("day")].filter(Boolean).join(" · ");
  update($("charts"), QUANTITIES.filter((key) => shown[key]).map((key) => chart(key, shown.time, shown[key])));
}

function chart(key, times, values) {
  const quantity = state.quantities.get(key), unit = quantity.unit === "1" ? "" : ` ${quantity.unit}`;
  const known = values.filter((value) => value !== null), newest = known.at(-1)?.toFixed(quantity.decimals) ?? "–";
  const caption = html("figcaption", {}, html("span", {}, label(quantity)), html("b", {}, `${newest}${unit}`));
  const ends = [times[0], times.at(-1)].map((time) => html("time", {}, shortTime(time)));
  const drawn = curve(key, times, values, known);
  return html("figure", { "data-key": key }, caption, drawn, html("div", { class: "ends quiet" }, ...ends));
}

function curve(key, times, values, known) {
  const low = Math.min(0, ...known), high = Math.max(...known, low + 1e-6) * 1.08;
  const first = Date.parse(times[0]), length = Math.max(Date.parse(times.at(-1)) - first, 1);
  const x = (time) => WIDTH * (Date.parse(time) - first) / length;
  const y = (value) => HEIGHT * (1 - (value - low) / (high - low));
  const limit = state.advisories[key]?.[0]?.issue_at;
  const lines = [svg("path", { d: pen(times, values, x, y) })];
  if (limit < high) lines.push(svg("path", { class: "limit", d: `M0,${y(limit)}H${WIDTH}` }));
  const box = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none" };
  return svg("svg", { class: "chart", "aria-hidden": "true", ...box }, ...lines);
}

/** One line, broken where nothing was measured. */
function pen(times, values, x, y) {
  const isKnown = (i) => values[i] !== null && values[i] !== undefined;
  return values.map((value, i) =>
    isKnown(i) ? `${isKnown(i - 1) ? "L" : "M"}${x(times[i]).toFixed(1)},${y(value).toFixed(1)}` : "").join("");
}
