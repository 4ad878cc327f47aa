// The bar of time: live, or back over what is stored, with the alerts of that time on it.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../api";
import { goLive, isPlaying, lookAt, span, SPANS, speed, SPEEDS } from "../clock";
import type { Alert } from "../model";
import { run } from "../simulation";
import { at, isLinked, live, newest } from "../state";
import { dateAndTime, localized, say, shortTime } from "../words/words";

const marks = signal<Alert[]>([]);
const SETTLES_MS = 700;

export function Timeline() {
  const end = run.value?.end ?? Math.max(newest.value, at.value ?? 0), start = run.value?.start ?? end - SPANS[span.value], instant = at.value ?? end;
  const hour = Math.floor(end / 600_000), count = live.value.alerts.size;
  useEffect(() => {
    // Many alerts may change one after the other.
    const timer = setTimeout(() => {
      void get<Alert[]>(`alerts?state=all&limit=300&since=${new Date(start).toISOString()}`).then((alerts) => { marks.value = alerts; }, () => undefined);
    }, SETTLES_MS);
    return () => clearTimeout(timer);
  }, [hour, start === run.value?.start, span.value, count]);
  const share = (time: number) => `${(100 * Math.min(Math.max((time - start) / (end - start), 0), 1)).toFixed(2)}%`;
  const play = () => {
    if (at.value === null) lookAt(start);
    isPlaying.value = !isPlaying.value;
  };
  return (
    <footer id="timeline">
      <button type="button" class="icon" id="play" title={say(isPlaying.value ? "pause" : "play")} aria-label={say(isPlaying.value ? "pause" : "play")} onClick={play}>{isPlaying.value ? "❚❚" : "▶"}</button>
      <select aria-label={say("speed")} value={speed.value} onChange={(event) => { speed.value = Number(event.currentTarget.value); }}>{SPEEDS.map((times) => <option key={times} value={times}>×{times}</option>)}</select>
      <div class="track">
        <div class="marks" aria-hidden="true">{marks.value.map((alert) =>
          <i key={alert.id} class={alert.severity} title={localized(alert, "summary")} style={{ left: share(Date.parse(alert.started_at)), right: `calc(100% - ${share(alert.ended_at ? Date.parse(alert.ended_at) : end)})` }} />)}</div>
        <input id="slider" type="range" aria-label={say("slider")} aria-valuetext={dateAndTime(instant)} min={start} max={end} step={10_000} value={instant}
          onInput={(event) => lookAt(event.currentTarget.valueAsNumber)} />
        <div class="ends quiet"><time>{shortTime(start)}</time><time>{shortTime(end)}</time></div>
      </div>
      {!run.value && <select aria-label={say("span")} value={span.value} onChange={(event) => { span.value = event.currentTarget.value as keyof typeof SPANS; }}>
        {(Object.keys(SPANS) as (keyof typeof SPANS)[]).map((key) => <option key={key} value={key}>{say(`span-${key}`)}</option>)}</select>}
      <output id="shown">{at.value === null ? say("live") : shortTime(at.value)}</output>
      <button type="button" id="live" class={at.value === null ? "" : "main"} disabled={at.value === null} onClick={goLive}><i class={isLinked.value ? "on" : "off"} />{say("to-live")}</button>
    </footer>
  );
}
