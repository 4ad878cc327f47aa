// Official values and forecasts: those of the national network, never mixed with the city's own.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../api";
import { short, shadeOfGrade } from "../colour";
import type { OfficialDay, OfficialForecast, Reading } from "../model";
import { complain } from "../notice";
import { linkTo } from "../route";
import { devices, isPast, now, officials, shown } from "../state";
import { flagged, label, localized, say, shortTime } from "../words/words";

const AGAIN_MS = 600_000;
/** An hour is published some minutes after the next one has begun. */
export const OLD_MS = 2 * 3_600_000;
/** As people look for them: the finest particles first. */
const COLUMNS = ["pm25", "pm10", "o3"];
const forecast = signal<OfficialForecast | null>(null);

const load = () => get<OfficialForecast>("official/forecast").then((found) => { forecast.value = found; }, complain);

/** The last hour of an official station, without values that are flagged as bad; an hour that has not ended has none, whatever an answer says. */
export function hourly(name: string): Reading | undefined {
  const reading = devices.value.get(name)?.official ? shown.value.latest.get(name) : undefined;
  if (!reading || Date.parse(reading.time) > now.value) return undefined;
  return { ...reading, values: Object.fromEntries(Object.entries(reading.values).filter(([key]) => reading.quality?.[key]?.[0] !== "bad")) };
}

/** Says that a value is official and whose it is, with the hour that it is of. */
export function OfficialMark({ source, at }: { source: string | null | undefined; at?: string | undefined }) {
  if (!source) return null;
  const isOld = at !== undefined && now.value - Date.parse(at) > OLD_MS;
  return <span class={`mark official ${isOld ? "old" : ""}`}>{[say("official"), source, at && shortTime(at), isOld && say("old")].filter(Boolean).join(" · ")}</span>;
}

export function Official() {
  useEffect(() => {
    void load();
    const timer = setInterval(() => void load(), AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  // What is forecast now was not forecast then.
  const days = isPast.value ? [] : forecast.value?.days ?? [];
  if (!officials.value.length && !days.length) return null;
  return (
    <section id="official">
      {officials.value.length > 0 && <><h2>{say("official-values")}</h2><Hours /><p class="quiet">{say("official-source")}</p></>}
      {days.length > 0 && <><h2>{say("official-forecast")}</h2><Days days={days} /><Issued days={days} /></>}
    </section>
  );
}

function Hours() {
  return (
    <table id="official-hours">
      <thead><tr><th /><th>PM2.5</th><th>PM10</th><th>O₃</th></tr></thead>
      <tbody>{officials.value.map((name) => {
        const reading = hourly(name), flags = Object.entries(flagged(shown.value.latest.get(name)) ?? {}).map(([, [, reason]]) => reason).join("; ");
        return (
          <tr key={name} title={flags || undefined}>
            <td><a href={linkTo("devices", name)} lang="ko">{label(devices.value.get(name))}</a> <OfficialMark source="AirKorea" at={reading?.time} /></td>
            {COLUMNS.map((key) => <td key={key} class="number">{reading?.values[key] === undefined ? "–" : short(reading.values[key])}</td>)}
          </tr>
        );
      })}</tbody>
    </table>
  );
}

function Days({ days }: { days: OfficialDay[] }) {
  const rows = [...new Set(days.map(({ day, region }) => `${day} ${region}`))];
  return (
    <table id="official-days">
      <thead><tr><th>{say("day-word")}</th><th>PM2.5</th><th>PM10</th><th>O₃</th></tr></thead>
      <tbody>{rows.map((row) => (
        <tr key={row}>
          <td>{row.slice(5, 10)} <span class="quiet" lang="ko">{row.slice(11)}</span></td>
          {COLUMNS.map((key) => { const one = days.find((each) => each.quantity === key && `${each.day} ${each.region}` === row); return <td key={key} class="number">{one?.grade ? <><span class="swatch" style={{ background: shadeOfGrade(one.grade) }} />{localized(one, "grade")}</> : "–"}</td>; })}
        </tr>
      ))}</tbody>
    </table>
  );
}

function Issued({ days }: { days: OfficialDay[] }) {
  const { issued_at: at, is_old: isOld } = forecast.value!, texts = [...new Set(days.map(({ overall }) => overall).filter(Boolean))];
  return (
    <>
      <p class="quiet">{say("official-issued")} {shortTime(at!)}{isOld && <b class="bad"> {say("old")}</b>}. {say("official-forecast-source")}</p>
      {texts.length > 0 && <details><summary class="quiet">{say("official-text")}</summary>{texts.map((text) => <p key={text} class="quiet" lang="ko">{text}</p>)}</details>}
    </>
  );
}
