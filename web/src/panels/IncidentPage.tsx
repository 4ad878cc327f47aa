// One incident with an address of its own: what it may be, where it comes from, who was there, and what people wrote down.
import { signal, useComputed } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { get, path, post } from "../api";
import { byTime, lookAt, isPlaying } from "../clock";
import { isFresh } from "../map/layers";
import { showPlaces } from "../map/MapPane";
import type { Alert, Columns, Entry, Estimate, Incident, Place } from "../model";
import { complain } from "../notice";
import { linkTo } from "../route";
import { begun } from "../simulation";
import { devices, isPast, language, limits, live, mayPress, now, quantities, shown } from "../state";
import { metres } from "../trails";
import { age, arrival, dateAndTime, label, localized, nameOfZone, say, sayOf, shortTime } from "../words/words";
import { myName } from "./Alerts";
import { Asker } from "./Asker";
import { Chart } from "./Chart";
import { Export } from "./Export";
import { IncidentActions, reportOf, sourceWords, visitWords } from "./Incidents";
import { Robots } from "./Robots";
import { lineOf } from "./shared";

const whole = signal<Incident | null>(null), series = signal<{ id: string; asked: string; devices: Record<string, Columns> } | null>(null);
const BEFORE_MS = 30 * 60_000, MOST_CHARTS = 6;

async function load(id: string): Promise<void> {
  try {
    const found = await get<Incident>(path("incidents", id));
    whole.value = found;
    const start = Date.parse(found.opened_at) - BEFORE_MS, end = found.closed_at ? Date.parse(found.closed_at) + BEFORE_MS : now.value + 1000;
    const names = found.details.devices.slice(0, MOST_CHARTS).map((name) => `device=${encodeURIComponent(name)}`).join("&");
    if (!names) return;
    const asked = `series?start=${new Date(start).toISOString()}&end=${new Date(Math.max(end, start + 60_000)).toISOString()}&${names}&quantity=pm25&quantity=co&quantity=pm10`;
    series.value = { id, asked, devices: (await get<{ devices: Record<string, Columns> }>(asked)).devices };
  } catch (error) {
    complain(error);
  }
}

export function IncidentPage({ id }: { id: string }) {
  const stand = live.value.incidents.get(id), minute = Math.floor(now.value / 30_000);
  useEffect(() => { void load(id); }, [id, stand?.state, minute]);
  const found = whole.value?.id === id ? whole.value : null;
  if (!found) return <section><p class="quiet">…</p></section>;
  // What was known at the instant that is shown; the journal and alerts are those of the whole incident.
  const then = isPast.value ? shown.value.incidents.get(id) ?? found : stand ?? found;
  const { source, classes, downwind, visits } = then.details;
  const replay = () => { lookAt(Date.parse(found.opened_at) - 60_000); isPlaying.value = true; };
  const near = source && !source.says_nothing ? nearest([source.lat, source.lon]) : undefined, truth = near && source ? metres(near, [source.lat, source.lon]) : undefined;
  return (
    <>
      <section id="incident">
        <div class="title"><h2 id="incident-title">{localized(found, "summary")}</h2><span class="mark">{sayOf("state", found.state)}</span>{found.details.assignee && <span class="mark">→ {found.details.assignee}</span>}</div>
        <p class="quiet">{dateAndTime(found.opened_at)} · {age((found.closed_at ? Date.parse(found.closed_at) : now.value) - Date.parse(found.opened_at))} · {sayOf("severity", found.severity)} · {nameOfZone(found.zone)}</p>
        <div class="doing">
          {mayPress.value && <IncidentActions incident={found} />}
          <button type="button" onClick={replay}>▶ {say("replay-it")}</button>
          {source && !source.says_nothing && <button type="button" onClick={() => showPlaces([...(source.cells ?? []).map(([lat, lon]): [number, number] => [lat, lon]), [source.lat, source.lon]])}>{say("show-place")}</button>}
          <a href={reportOf(id)} target="_blank" rel="noreferrer">{say("report")}</a>
          <a href={reportOf(id, "pdf")} target="_blank" rel="noreferrer">PDF</a>
        </div>
        {mayPress.value && <Asker key={found.details.assignee ?? ""} label={say("assignee")} button={say("assign")} value={found.details.assignee ?? ""} mayBeEmpty names={myName()}
          send={async (assignee) => { await post(path("incidents", id), { action: "assign", assignee }); await load(id); }} />}
      </section>
      <div class="pair">
        <section>
          <h2>{say("classes")}</h2>
          {Object.entries(classes).slice(0, 5).map(([name, share]) => <div key={name} class="bar"><span>{sayOf("class", name)}</span><i style={{ "--share": share }} /><b>{(share * 100).toFixed(0)} %</b></div>)}
          <h2>{say("source")}</h2>
          <p>{source ? sourceWords(source) : say("says-nothing")}</p>
          {source && !source.says_nothing && <p class="quiet">{[
            source.radius_90_m ? `90 %: ${source.radius_90_m.toFixed(0)} m` : "", source.rate_g_s && `${say("emission")} ${source.rate_g_s.map((rate) => Number(rate.toPrecision(2))).join(" – ")} g/s ${label(quantities.value.get(source.quantity))}`,
            source.traced_at && `${say("traced")} ${shortTime(source.traced_at)}`, truth !== undefined && `${say("distance")} ${truth.toFixed(0)} m`].filter(Boolean).join(" · ")}</p>}
        </section>
        <section>
          <h2>{say("downwind")}{source?.traced_at && !isFresh(then) && <span class="count">{say("traced")} {shortTime(source.traced_at)}</span>}</h2>
          {downwind.length === 0 && <p class="quiet">–</p>}
          {downwind.length > 0 && <table id="downwind"><thead><tr><th /><th>{say("arrival")}</th><th>{say("probability")}</th></tr></thead><tbody>{downwind.map((reached) => (
            <tr key={reached.zone}><td>{nameOfZone(reached.zone)}</td><td class="number">{arrival(reached)}</td><td class="number">{(reached.probability * 100).toFixed(0)} %</td></tr>))}</tbody></table>}
          <h2>{say("robotics")}</h2>
          {visits.length ? visits.map((visit) => <p key={`${visit.robot} ${visit.sent_at}`} class="quiet">{visitWords(visit)}</p>) : <p class="quiet">{say("no-visits")}</p>}
          {!isPast.value && <Robots only={(robot) => robot.visit?.incident === id || (robot.available && robot.zone === found.zone)} />}
        </section>
      </div>
      <section><h2>{say("charts")}</h2><Charts incident={found} />{series.value?.id === id && <Export path={`${series.value.asked}&every=raw`} />}</section>
      <Traces incident={found} />
      <section><h2>{say("timeline")}</h2><Course incident={found} /></section>
    </>
  );
}

/** The nearest place where something truly happened, in a simulated city. */
const nearest = (to: Place): Place | undefined => begun.value.map(({ place }) => place).sort((a, b) => metres(a, to) - metres(b, to))[0];

/** How the source map came about: its radii by time, and how far it was off where the truth is known. A double click shows the city of then. */
function Traces({ incident: { details: { course = [] } } }: { incident: Incident }) {
  const truths = useComputed(() => begun.value.length).value;
  const lines = useMemo(() => {
    const told = course.filter(({ says_nothing: isSilent }) => !isSilent), times = told.map(({ at }) => Date.parse(at) / 1000);
    const line = (label: string, of: (estimate: Estimate) => number | null) => ({ label, times, values: told.map(of) });
    const off = ({ lat, lon }: Estimate) => { const place = nearest([lat, lon]); return place ? metres(place, [lat, lon]) : null; };
    return [line(say("region-50"), ({ radius_m: radius }) => radius), line(say("region-90"), ({ radius_90_m: radius }) => radius), ...(truths ? [line(say("distance"), off)] : [])];
  }, [course, truths]);
  if (lines[0]!.times.length < 2) return null;
  return <section><h2>{say("traces")}</h2><Chart title={say("traces-how")} unit="m" decimals={0} lines={lines} height={130} /></section>;
}

function Charts({ incident }: { incident: Incident }) {
  const found = series.value?.id === incident.id ? series.value.devices : {};
  const rows = useMemo(() => Object.keys(found).flatMap((name) => ["pm25", "co"].filter((key) => found[name]![key]).map((key) => ({
    name, key, lines: [lineOf(found[name], key, label(devices.value.get(name)))], alerts: (incident.alerts ?? []).filter(({ device }) => device === name),
  }))), [found, incident, language.value]);
  return (
    <div id="charts">
      {rows.map(({ name, key, lines, alerts }) => {
        const quantity = quantities.value.get(key)!;
        return <Chart key={`${name} ${key}`} title={`${label(devices.value.get(name))} · ${label(quantity)}`} unit={quantity.unit} decimals={quantity.decimals} lines={lines} alerts={alerts} limit={limits.value.advisories[key]?.[0]?.issue_at} />;
      })}
    </div>
  );
}

interface Step { at: string; what: string; who?: string; note?: string; href?: string }
const alertSteps = (alert: Alert): Step[] => [
  { at: alert.started_at, what: localized(alert, "summary"), ...(alert.device ? { href: linkTo("devices", alert.device) } : {}) },
  ...(alert.ended_at ? [{ at: alert.ended_at, what: `${sayOf("action", "alert-ended")}: ${localized(alert, "summary")}` }] : []),
];
const entryStep = ({ done_at: at, who, action, details }: Entry): Step => ({ at, who, what: sayOf("action", action), note: String(details["note"] ?? details["robot"] ?? details["assignee"] ?? "") });

function Course({ incident }: { incident: Incident }) {
  const steps = [...(incident.alerts ?? []).flatMap(alertSteps), ...(incident.journal ?? []).map(entryStep)].sort((a, b) => byTime(a.at, b.at));
  return (
    <>
      <ol id="course">
        {steps.map(({ at, what, who, note, href }, number) => (
          <li key={number} class={now.value < Date.parse(at) ? "later" : ""}>
            <button type="button" class="link" onClick={() => lookAt(Date.parse(at))}><time>{shortTime(at)}</time></button>
            <span>{href ? <a href={href}>{what}</a> : what}{note && <>: {note}</>}{who && <span class="quiet"> · {who}</span>}</span>
          </li>
        ))}
      </ol>
      {mayPress.value && <Asker label={say("comment-what")} button={say("comment")} send={async (note) => { await post(path("incidents", incident.id), { action: "comment", note }); await load(incident.id); }} />}
    </>
  );
}
