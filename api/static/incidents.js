// Incidents that are open, and what people do about them.
import { path, post } from "./api.js";
import { $, button, html, update } from "./dom.js";
import { row } from "./rows.js";
import { state } from "./state.js";
import { clockTime, label, say, localized } from "./words.js";

// Which actions change something in which state.
const ACTIONS = {
  acknowledge: ["open"],
  confirm: ["open", "acknowledged", "false-alarm"],
  "false-alarm": ["open", "acknowledged", "confirmed"],
  close: ["open", "acknowledged", "confirmed", "false-alarm"],
};

export function drawIncidents() {
  const incidents = [...state.incidents.values()].sort((a, b) => b.opened_at.localeCompare(a.opened_at));
  $("incidents-box").hidden = !incidents.length;
  update($("incidents"), incidents.map(incidentRow));
}

function incidentRow(incident) {
  const { source, downwind, visits } = incident.details;
  const zones = downwind.map(({ zone }) => label(state.site.zones.find(({ name }) => name === zone)) || zone);
  return row({
    key: incident.id,
    kind: incident.severity,
    isOpen: true,
    head: [
      html("time", {}, clockTime(incident.opened_at)), html("span", { class: "what" }, localized(incident, "summary")),
      html("span", { class: "mark" }, say("state", incident.state)),
    ],
    notes: [
      source && sourceWords(source), zones.length && `${say("downwind")}: ${zones.join(", ")}`, ...visits.map(visitWords),
    ],
    controls: Object.keys(ACTIONS).filter((action) => ACTIONS[action].includes(incident.state))
      .map((action) => button(say(action), `incident-${action}`, incident.id)),
    links: [html("a", { href: reportOf(incident), target: "_blank" }, say("report"))],
  });
}

function sourceWords(source) {
  const where = source.says_nothing ? say("says-nothing")
    : source.is_unsure ? say("unsure") : `${say("near")} ${source.radius_m.toFixed(0)} m`;
  return source.unexplained?.length ? `${where}, ${say("second")}` : where;
}

function visitWords(visit) {
  const name = label(state.devices.get(visit.robot)) || visit.robot;
  return `${name}: ${visit.ended_at ? say("outcome", visit.outcome) : `${say("visit")} ${visit.places.length}`}`;
}

const reportOf = ({ id }) => `/api/v1/${path("incidents", id, "report.html")}?language=${state.language}`;

export const incidentActions = Object.fromEntries(
  Object.keys(ACTIONS).map((action) => [`incident-${action}`, (id) => post(path("incidents", id), { action })]),
);
