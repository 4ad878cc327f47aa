// Alerts that last, what people did about them, and silences.
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, path, post, remove } from "../api";
import { byTime } from "../clock";
import type { Alert, Entry, Handling, Silence } from "../model";
import { act } from "../notice";
import { linkTo } from "../route";
import { devices, isPast, language, mayPress, me, now, shown, silences, site } from "../state";
import { age, clockTime, label, localized, say, sayOf, shortTime } from "../words/words";
import { Export } from "./Export";
import { Asker } from "./Asker";
import { Row } from "./Row";

const VERDICTS = ["confirmed", "false-alarm"] as const;
const asked = signal<Alert | null>(null);

export function Alerts() {
  const alerts = [...shown.value.alerts.values()].sort((a, b) => rank(a) - rank(b) || byTime(b.started_at, a.started_at));
  return (
    <section>
      <h2>{say(isPast.value ? "alerts-then" : "alerts")}<span class="count">{alerts.length || ""}</span></h2>
      <ul id="alerts">{alerts.length ? alerts.map((alert) => <AlertRow key={alert.id} alert={alert} />) : <li class="quiet none">{say("no-alerts")}</li>}</ul>
      {!isPast.value && <Export path="alerts" />}
      {!isPast.value && silences.value.length > 0 && (
        <details id="silences-box">
          <summary id="silences-title">{say("silences")} ({silences.value.length})</summary>
          <ul id="silences">{silences.value.map((silence) => <SilenceRow key={silence.id} silence={silence} />)}</ul>
        </details>
      )}
    </section>
  );
}

const SEVERITIES = ["critical", "warning", "info"];
const rank = ({ severity }: Alert) => SEVERITIES.indexOf(severity);

export function AlertRow({ alert }: { alert: Alert }) {
  const { handling, held_back: held } = alert, silence = silences.value.find(({ id }) => id === held?.silence);
  const comments = handling.comments ? `${handling.comments} ${say("notes")}` : "", assignee = handling.assignee ? `→ ${handling.assignee}` : "";
  const marks = [handlingMark(handling), assignee, comments, held?.silence ? say("silenced") : "", held?.inhibited_by ? say("inhibited") : ""].filter(Boolean);
  const verdict = (name: (typeof VERDICTS)[number]) => act(() => post(path("alerts", alert.id, "close"), { verdict: name }));
  const end = alert.ended_at ? Date.parse(alert.ended_at) : now.value;
  return (
    <Row id={alert.id} kind={`${alert.severity}${held ? " held" : ""}`}
      head={<>
        <time>{clockTime(alert.started_at)}</time><span class="age">{age(end - Date.parse(alert.started_at))}</span>
        <span class="what">{localized(alert, "summary")}</span>
        {marks.map((text) => <span key={text} class="mark">{text}</span>)}
      </>}
      notes={[sayOf("severity", alert.severity), handlingNote(handling), silence && silenceNote(silence)]}
      controls={<>
        {handling.state === "open" && <button type="button" onClick={() => act(() => post(path("alerts", alert.id, "acknowledge")))}>{say("acknowledge")}</button>}
        {!held?.silence && <button type="button" onClick={() => { asked.value = alert; }}>{say("silence")}</button>}
        {handling.state !== "closed" && VERDICTS.map((name) => <button key={name} type="button" onClick={() => verdict(name)}>{say(name)}</button>)}
      </>}
      links={alert.device && <a href={linkTo("devices", alert.device)}>{label(devices.value.get(alert.device)) || alert.device}</a>}
      more={() => <Written alert={alert} />} />
  );
}

/** What people wrote down about an alert, and lines to add to it. */
function Written({ alert: { id, handling } }: { alert: Alert }) {
  const [entries, setEntries] = useState<Entry[]>([]), { comments = 0, assignee = "" } = handling;
  useEffect(() => {
    if (comments || assignee) void get<{ journal: Entry[] }>(path("alerts", id)).then(({ journal }) => setEntries(journal), () => undefined);
  }, [id, comments, assignee]);
  return (
    <>
      {entries.filter(({ action }) => ["comment", "assign"].includes(action)).map((entry) =>
        <p key={entry.id} class="quiet">{shortTime(entry.done_at)} {entry.who}{entry.action === "assign" ? ` → ${String(entry.details["assignee"] ?? say("nobody"))}` : `: ${String(entry.details["note"])}`}</p>)}
      {mayPress.value && <div class="pair">
        <Asker label={say("comment-what")} button={say("comment")} send={(note) => post(path("alerts", id, "comment"), { note })} />
        <Asker key={assignee} label={say("assignee")} button={say("assign")} value={assignee} mayBeEmpty names={myName()} send={(name) => post(path("alerts", id, "assign"), { assignee: name })} />
      </div>}
    </>
  );
}

export const myName = () => (me.value.name && me.value.name !== "local" ? [me.value.name] : []);

const handlingMark = ({ state: stand, verdict }: Handling) => (stand === "open" ? "" : sayOf("handled", verdict ?? stand));

function handlingNote(handling: Handling): string {
  if (handling.state === "open") return "";
  return [handlingMark(handling), handling.who, handling.since && shortTime(handling.since), handling.note].filter(Boolean).join(" · ");
}

const silenceNote = ({ until_at: until, reason, who }: Silence) => [say("silenced"), untilTime(until), reason, who].join(" · ");
const untilTime = (instant: string) =>
  language.value === "ko" ? `${shortTime(instant)}${say("until")}` : `${say("until")} ${shortTime(instant)}`;

function SilenceRow({ silence }: { silence: Silence }) {
  const { id, kind, device, zone, until_at: until, reason, who } = silence;
  const named = devices.value.get(device) ?? site.value.zones.find(({ name }) => name === zone);
  const narrowest = [device, zone].find((glob) => glob !== "*");
  const what = kind === "*" ? say("all-alerts") : localized(silence, "title");
  const where = named ? label(named) : narrowest ?? say("everywhere");
  return (
    <Row id={id} head={<><span class="what">{what} · {where}</span><span class="mark">{untilTime(until)}</span></>} notes={[`${reason} · ${who}`]}
      controls={<button type="button" onClick={() => act(() => remove(path("silences", id)))}>{say("end")}</button>} />
  );
}

/** Asks for how long an alert is to be silent, and why. */
export function SilenceDialog() {
  const dialog = useRef<HTMLDialogElement>(null), form = useRef<HTMLFormElement>(null), alert = asked.value;
  useEffect(() => {
    if (!alert) return;
    form.current!.reset();
    dialog.current!.returnValue = "";
    dialog.current!.showModal();
  }, [alert]);
  const closed = () => {
    asked.value = null;
    if (!alert || dialog.current!.returnValue !== "silence") return;
    const { duration, reason } = Object.fromEntries(new FormData(form.current!));
    void act(() => post("silences", { kind: alert.kind, device: alert.device ?? "*", zone: alert.zone ?? "*", for: duration, reason }));
  };
  return (
    <dialog id="silence" aria-labelledby="silence-title" ref={dialog} onClose={closed}>
      <form id="silence-form" method="dialog" ref={form}>
        <h2 id="silence-title">{say("silence-title")}</h2>
        <p id="silence-what">{alert && localized(alert, "summary")}</p>
        <p class="quiet">{say("silence-scope")}</p>
        <fieldset class="choice">
          <legend>{say("silence-for")}</legend>
          {([["1h", "hour"], ["8h", "8-hours"], ["24h", "1-day"]] as const).map(([value, word]) =>
            <label key={value}><input type="radio" name="duration" value={value} defaultChecked={value === "1h"} /><span>{say(word)}</span></label>)}
        </fieldset>
        <label for="silence-reason">{say("silence-reason")}</label>
        <input id="silence-reason" name="reason" type="text" minLength={3} maxLength={2000} required />
        <div class="doing">
          <button value="silence" class="main">{say("silence-start")}</button>
          <button formNoValidate value="cancel">{say("cancel")}</button>
        </div>
      </form>
    </dialog>
  );
}
