// Alerts that last, what people did about them, and silences.
import { path, post, remove } from "./api.js";
import { $, button, html, update } from "./dom.js";
import { row } from "./rows.js";
import { state } from "./state.js";
import { clockTime, label, say, shortTime, localized } from "./words.js";

const VERDICTS = ["confirmed", "false-alarm"];

export function drawAlerts() {
  const alerts = [...state.alerts.values()].sort((a, b) => b.started_at.localeCompare(a.started_at));
  update($("alerts"), alerts.length ? alerts.map(alertRow) : [html("li", { class: "quiet none" }, say("no-alerts"))]);
  $("silences-box").hidden = !state.silences.length;
  $("silences-title").textContent = `${say("silences")} (${state.silences.length})`;
  update($("silences"), state.silences.map(silenceRow));
}

function alertRow(alert) {
  const { handling, held_back: held } = alert, silence = state.silences.find(({ id }) => id === held?.silence);
  const marks = [handlingMark(handling), held?.silence && say("silenced"), held?.inhibited_by && say("inhibited")];
  const summary = html("span", { class: "what" }, localized(alert, "summary"));
  return row({
    key: alert.id,
    kind: `${alert.severity}${held ? " held" : ""}`,
    head: [
      html("time", {}, clockTime(alert.started_at)), summary,
      ...marks.filter(Boolean).map((text) => html("span", { class: "mark" }, text)),
    ],
    notes: [handlingNote(handling), silence && silenceNote(silence)],
    controls: [
      ...(handling.state === "open" ? [button(say("acknowledge"), "acknowledge", alert.id)] : []),
      ...(held?.silence ? [] : [button(say("silence"), "silence", alert.id)]),
      ...(handling.state === "closed" ? [] : VERDICTS.map((verdict) => button(say(verdict), verdict, alert.id))),
    ],
  });
}

const handlingMark = ({ state: stand, verdict }) => stand !== "open" && say("handled", verdict ?? stand);

function handlingNote(handling) {
  if (handling.state === "open") return "";
  return `${handlingMark(handling)} · ${handling.who} · ${shortTime(handling.since)}`;
}

const silenceNote = ({ until_at, reason, who }) =>
  [say("silenced"), untilTime(until_at), reason, who].join(" · ");

const untilTime = (instant) =>
  state.language === "ko" ? `${shortTime(instant)}${say("until")}` : `${say("until")} ${shortTime(instant)}`;

function silenceRow(silence) {
  const { id, kind, device, zone, until_at, reason, who } = silence;
  const named = state.devices.get(device) ?? state.site.zones.find(({ name }) => name === zone);
  const narrowest = [device, zone].find((glob) => glob !== "*");
  const what = kind === "*" ? say("all-alerts") : localized(silence, "title");
  const where = named ? label(named) : narrowest ?? say("everywhere");
  return row({
    key: id,
    head: [html("span", { class: "what" }, `${what} · ${where}`), html("span", { class: "mark" }, untilTime(until_at))],
    notes: [`${reason} · ${who}`],
    controls: [button(say("end"), "end-silence", id)],
  });
}

/** Ask for how long and why; null when it was cancelled. */
async function askForSilence(alert) {
  $("silence-what").textContent = localized(alert, "summary");
  $("silence-form").reset();
  $("silence").returnValue = "";
  $("silence").showModal();
  await new Promise((done) => $("silence").addEventListener("close", done, { once: true }));
  if ($("silence").returnValue !== "silence") return null;
  const { duration, reason } = Object.fromEntries(new FormData($("silence-form")));
  return { kind: alert.kind, device: alert.device ?? "*", zone: alert.zone ?? "*", for: duration, reason };
}

async function silence(id) {
  const wanted = await askForSilence(state.alerts.get(id));
  if (wanted) await post("silences", wanted);
}

export const alertActions = {
  acknowledge: (id) => post(path("alerts", id, "acknowledge")),
  ...Object.fromEntries(VERDICTS.map((verdict) => [verdict, (id) => post(path("alerts", id, "close"), { verdict })])),
  silence,
  "end-silence": (id) => remove(path("silences", id)),
};
