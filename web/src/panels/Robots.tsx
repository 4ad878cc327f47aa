// Patrol robots: how they are, what they do, and where operators send them.
import { path, post } from "../api";
import { pickPlace } from "../map/aim";
import type { Robot } from "../model";
import { act, say as notice } from "../notice";
import { linkTo } from "../route";
import { devices, live, robots } from "../state";
import { label, say, sayOf } from "../words/words";
import { Row } from "./Row";

const LOW_PERCENT = 20, MEASURES = 3;

export function Robots({ only }: { only?: (robot: Robot) => boolean }) {
  const listed = [...robots.value.values()].filter(only ?? (() => true));
  return <ul id="robots">{listed.map((robot) => <RobotRow key={robot.robot} robot={robot} />)}</ul>;
}

const nameOf = (robot: Robot) => label(devices.value.get(robot.robot)) || robot.robot;

function RobotRow({ robot }: { robot: Robot }) {
  const name = robot.robot, isUnderWay = Boolean(robot.visit || robot.order);
  const percent = robot.battery ?? live.value.latest.get(name)?.values["battery"];
  const press = (action: string) => act(() => post(path("robots", name, action)));
  return (
    <Row id={name}
      head={<>
        <i class="robot">{name.replace(/\D+/g, "")}</i>
        <span class="about">
          <span>{nameOf(robot)}</span>{robot.forbidden && <span class="mark">{say("forbidden")}</span>}
          <span class={isUnderWay ? "busy" : "quiet"}>{doing(robot)}</span>
        </span>
        {percent !== undefined && <span class={`battery${percent < LOW_PERCENT ? " low" : ""}`} title={say("battery")}>{percent.toFixed(0)} %</span>}
      </>}
      notes={[!robot.available && robot.reason, ...(robot.errors ?? []).map(({ level, text, type }) => `${level}: ${text || type}`)]}
      controls={<>
        {robot.available && <button type="button" onClick={() => act(() => send(robot))}>{say("send")}</button>}
        {isUnderWay && <button type="button" onClick={() => press("recall")}>{say("recall")}</button>}
        <button type="button" onClick={() => press(robot.forbidden ? "allow" : "forbid")}>{say(robot.forbidden ? "allow" : "forbid")}</button>
      </>}
      links={<a href={linkTo("devices", name)}>{say("device")}</a>} />
  );
}

/** What a robot does, the most telling first. */
function doing(robot: Robot): string {
  const activity = live.value.latest.get(robot.robot)?.values["robot_activity"];
  const isFaulty = robot.errors?.some((error) => ["CRITICAL", "FATAL"].includes(error.level));
  const isDriven = robot.mode !== undefined && !["automatic", "semiautomatic"].includes(robot.mode);
  const told = ([
    [!robot.connected, "unheard"], [isFaulty, "fault"], [robot.charging, "charging"], [robot.paused, "paused"],
    [isDriven, "manual"], [robot.visit && activity === MEASURES, "measuring"], [robot.visit && live.value.incidents.has(robot.visit.incident ?? ""), "visiting"],
    [robot.visit, "sent"], [robot.order, "order"],
  ] as const).find(([applies]) => applies);
  if (told) return sayOf("doing", told[1]);
  return activity === undefined ? sayOf("doing", "ready") : sayOf("doing", `a${activity}`);
}

async function send(robot: Robot): Promise<void> {
  const place = await pickPlace(`${say("send-aim")}${nameOf(robot)}`);
  if (!place) return;
  await post(path("robots", robot.robot, "send"), { lat: place[0], lon: place[1] });
  notice(`${say("sent")}${nameOf(robot)}`);
}
