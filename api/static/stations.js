// The index of each zone and of each station.
import { $, button, html, update } from "./dom.js";
import { state } from "./state.js";
import { label, say, localized } from "./words.js";

export function drawStations() {
  update($("zones"), state.site.zones.map(zoneBox));
  const cai = (station) => state.cai.stations[station.name]?.cai ?? -1;
  update($("stations"), [...state.site.stations].sort((a, b) => cai(b) - cai(a)).map(stationRow));
}

function zoneBox(zone) {
  const worst = state.cai.stations[state.cai.zones[zone.name]?.worst];
  const figure = html("b", {}, String(worst?.cai ?? "–"));
  figure.style.borderColor = worst?.colour ?? "";
  const grade = html("span", {}, worst ? localized(worst, "label") : say("no-index"));
  return html("div", { "data-key": zone.name }, html("span", { class: "quiet" }, label(zone)), figure, grade);
}

function stationRow(station) {
  const index = state.cai.stations[station.name], pm25 = state.latest.get(station.name)?.values.pm25;
  const swatch = html("span", { class: "swatch" });
  swatch.style.background = index?.colour ?? "";
  const name = button(label(station), "choose", station.name);
  return html(
    "tr", { "data-key": station.name }, html("td", {}, swatch, name),
    html("td", { class: "number" }, pm25 === undefined ? "" : `PM2.5 ${pm25.toFixed(0)}`),
    html("td", { class: "number" }, String(index?.cai ?? "–")),
  );
}
