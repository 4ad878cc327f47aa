// Incidents that are open, and what people do about them.
import { path, post, ROOT } from "../api";
import { byTime } from "../clock";
import { isFresh } from "../map/layers";
import type { Incident, Source, Visit } from "../model";
import { act } from "../notice";
import { linkTo } from "../route";
import { devices, language, now, shown } from "../state";
import { age, arrival, clockTime, label, localized, nameOfZone, say, sayOf } from "../words/words";
import { Row } from "./Row";

// Which actions change something in which state.
const ACTIONS = {
  acknowledge: ["open"],
  confirm: ["open", "acknowledged", "false-alarm"],
  "false-alarm": ["open", "acknowledged", "confirmed"],
  close: ["open", "acknowledged", "confirmed", "false-alarm"],
} as const;

export function Incidents() {
  const incidents = [...shown.value.incidents.values()].sort((a, b) => byTime(b.opened_at, a.opened_at));
  if (!incidents.length) return null;
  return (
    <section id="incidents-box">
      <h2>{say("incidents")}<span class="count">{incidents.length}</span></h2>
      <ul id="incidents">{incidents.map((incident) => <IncidentRow key={incident.id} incident={incident} />)}</ul>
    </section>
  );
}

function IncidentRow({ incident }: { incident: Incident }) {
  const { source, downwind, visits } = incident.details;
  return (
    <Row id={incident.id} kind={incident.severity} isOpen
      head={<>
        <time>{clockTime(incident.opened_at)}</time><span class="age">{age(now.value - Date.parse(incident.opened_at))}</span>
        <span class="what">{localized(incident, "summary")}</span>
        <span class="mark">{sayOf("state", incident.state)}</span>
        {incident.details.assignee && <span class="mark">→ {incident.details.assignee}</span>}
      </>}
      notes={[
        source && sourceWords(source), isFresh(incident) && downwind.length > 0 && `${say("downwind")}: ${downwind.map((reached) => `${nameOfZone(reached.zone)} (${arrival(reached)})`).join(", ")}`,
        ...visits.map(visitWords),
      ]}
      controls={<IncidentActions incident={incident} />}
      links={<><a class="strong" href={linkTo("incidents", incident.id)}>{say("open")}</a><a href={reportOf(incident.id)} target="_blank" rel="noreferrer">{say("report")}</a></>} />
  );
}

export const reportOf = (id: string, form: "html" | "pdf" = "html") => `${ROOT}${path("incidents", id, `report.${form}`)}?language=${language.value}`;

export function IncidentActions({ incident }: { incident: Incident }) {
  const offered = (Object.keys(ACTIONS) as (keyof typeof ACTIONS)[]).filter((action) => (ACTIONS[action] as readonly string[]).includes(incident.state));
  return <>{offered.map((action) =>
    <button key={action} type="button" onClick={() => act(() => post(path("incidents", incident.id), { action }))}>{say(action)}</button>)}</>;
}

export function sourceWords(source: Source): string {
  const where = source.says_nothing ? say("says-nothing") : source.is_unsure ? say("unsure") : `${say("near")} ${source.radius_m.toFixed(0)} m`;
  return source.unexplained?.length ? `${where}, ${say("second")}` : where;
}

export function visitWords(visit: Visit): string {
  const name = label(devices.value.get(visit.robot)) || visit.robot;
  return `${name}: ${visit.ended_at ? sayOf("outcome", visit.outcome ?? "") : `${say("visit")} ${visit.places.length}`}`;
}
