// Patrol robots: how they are, what they do, and where operators send them.
import { pickPlace } from "./place_picker.js";
import { path, post } from "./api.js";
import { $, button, html, update } from "./dom.js";
import { notice } from "./notice.js";
import { row } from "./rows.js";
import { state } from "./state.js";
import { label, say } from "./words.js";

const LOW_PERCENT = 20, MEASURES = 3;

export function drawRobots() {
  update($("robots"), [...state.robots.values()].map(robotRow));
}

function robotRow(robot) {
  const name = robot.robot, number = name.replace(/\D+/g, "");
  const isUnderWay = Boolean(robot.visit || robot.order);
  const mark = robot.forbidden ? html("span", { class: "mark" }, say("forbidden")) : null;
  const activity = html("span", { class: isUnderWay ? "busy" : "quiet" }, doing(robot));
  return row({
    key: name,
    head: [
      html("i", { class: "robot" }, number),
      html("span", { class: "about" }, html("span", {}, nameOf(robot)), mark, activity),
      battery(robot),
    ],
    controls: [
      ...(robot.available ? [button(say("send"), "send", name)] : []),
      ...(isUnderWay ? [button(say("recall"), "recall", name)] : []),
      robot.forbidden ? button(say("allow"), "allow", name) : button(say("forbid"), "forbid", name),
    ],
  });
}

const nameOf = (robot) => label(state.devices.get(robot.robot)) || robot.robot;

function battery(robot) {
  const percent = robot.battery ?? state.latest.get(robot.robot)?.values.battery;
  if (percent === undefined) return undefined;
  const level = percent < LOW_PERCENT ? " low" : "";
  return html("span", { class: `battery${level}`, title: say("battery") }, `${percent.toFixed(0)} %`);
}

/** What a robot does, the most telling first. */
function doing(robot) {
  const activity = state.latest.get(robot.robot)?.values.robot_activity;
  const isFaulty = robot.errors?.some((error) => ["CRITICAL", "FATAL"].includes(error.level));
  const isDriven = !["automatic", "semiautomatic"].includes(robot.mode);
  const found = [
    [!robot.connected, "unheard"], [isFaulty, "fault"], [robot.charging, "charging"], [robot.paused, "paused"],
    [isDriven, "manual"], [robot.visit && activity === MEASURES, "measuring"],
    [robot.visit && state.incidents.has(robot.visit.incident), "visiting"],
    [robot.visit, "sent"], [robot.order, "order"],
  ].find(([applies]) => applies);
  if (found) return say("doing", found[1]);
  return say("doing").activity[activity] ?? say("doing", "ready");
}

async function send(name) {
  const shown = nameOf(state.robots.get(name));
  const place = await pickPlace(`${say("send-aim")}${shown}`);
  if (!place) return;
  await post(path("robots", name, "send"), { lat: place[0], lon: place[1] });
  notice(`${say("sent")}${shown}`);
}

export const robotActions = {
  send,
  recall: (name) => post(path("robots", name, "recall")),
  forbid: (name) => post(path("robots", name, "forbid")),
  allow: (name) => post(path("robots", name, "allow")),
};
