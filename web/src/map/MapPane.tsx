// The map with its controls and legend. MapLibre comes after the first paint, and only where the browser can draw with it.
import { effect, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { coloured, colouring, isOfficial, marks, mode, ROBOT } from "../colour";
import type { Place } from "../model";
import { isWall, limits, places, quantities, site } from "../state";
import { label, localized, say } from "../words/words";
import { ahead, isTilted, MOST_AHEAD_MIN, STEP_MIN } from "./ahead";
import { finish, question } from "./aim";
import { field, fieldLayers, fieldQuantity, isFieldShown } from "./field";
import { findings, ground, movements, tones, traced } from "./layers";
import { plainView } from "./plain";
import { BAD, plumeLayers, plumes, TOLD } from "./plume";
import { Things } from "./Things";
import { tiles } from "./tiles";
import type { MapView } from "./view";

const view = signal<MapView | null>(null);
const DRAG_PX = 6;

function hasWebGl(): boolean {
  try {
    const context = document.createElement("canvas").getContext("webgl2");
    context?.getExtension("WEBGL_lose_context")?.loseContext();
    return Boolean(context);
  } catch {
    return false;
  }
}

/** A layer of its own, below those that are there. */
function canvas(box: HTMLElement): HTMLElement {
  const made = Object.assign(document.createElement("div"), { className: "canvas" });
  box.prepend(made);
  return made;
}

/** Draw plainly at once, and by WebGL as soon as that is there. */
async function open(box: HTMLElement, show: (made: MapView) => void): Promise<void> {
  const plain = plainView(canvas(box));
  show(plain);
  if (!hasWebGl()) return;
  const under = canvas(box);
  try {
    const { glView } = await import("./gl");
    show(await glView(under, tones.value.ground));
    plain.remove();
  } catch (error) {
    console.warn("the map is drawn without WebGL:", error);
    under.remove();
  }
}

export const showCity = (animate = true) => view.value?.fit(whole(), animate);
export const showPlaces = (shown: Place[]) => { if (shown.length) view.value?.fit(shown, true); };

const whole = (): Place[] => [...site.value.zones.flatMap(({ outline }) => outline), ...places.value.values()];

export function MapPane() {
  const box = useRef<HTMLDivElement>(null), pressed = useRef<[number, number]>([0, 0]);
  useEffect(() => {
    let dispose = () => undefined as void;
    void open(box.current!, (made) => {
      dispose();
      made.fit(whole());
      view.value = made;
      const leave = effect(() => made.tilt?.(isTilted.value));
      const stop = effect(() => made.draw({ ...ground.value, ...fieldLayers.value, ...findings.value, ...plumeLayers.value, ...movements.value }, tones.value.ground));
      dispose = () => { leave(); stop(); };
    });
  }, []);
  const attend = (event: MouseEvent) => {
    if (!question.value || !view.value || (event.target as HTMLElement).closest(".controls,.legend")) return;
    const rect = box.current!.getBoundingClientRect(), [x, y] = [event.clientX, event.clientY];
    // The end of a drag is no choice; neither is a press on a key, which the device itself answers.
    if (event.detail === 0 || Math.hypot(x - pressed.current[0], y - pressed.current[1]) > DRAG_PX) return;
    event.stopPropagation();
    finish(view.value.unproject(x - rect.left, y - rect.top));
  };
  return (
    <section id="map-box" aria-label={say("map")}>
      <div id="map" role="group" aria-label={say("map")} class={question.value ? "aiming" : ""} onClickCapture={attend}
        onPointerDownCapture={(event) => { pressed.current = [event.clientX, event.clientY]; }}>
        <div id="canvas" ref={box} />
        {view.value && <Things key={view.value.tilt ? "gl" : "plain"} view={view.value} />}
      </div>
      {question.value && (
        <div id="aim"><span id="aim-text" role="status">{question.value}</span><button type="button" onClick={() => finish(null)}>{say("cancel")}</button></div>
      )}
      {!isWall && <Controls />}
      {plumes.value.size > 0 && <Ahead />}
      {tiles.value && <p id="attribution">{tiles.value.attribution}</p>}
      <Legend />
    </section>
  );
}

function Controls() {
  return (
    <div class="controls">
      <button type="button" title={say("zoom-in")} aria-label={say("zoom-in")} onClick={() => view.value?.zoom(1)}>＋</button>
      <button type="button" title={say("zoom-out")} aria-label={say("zoom-out")} onClick={() => view.value?.zoom(-1)}>－</button>
      <button type="button" title={say("whole-city")} aria-label={say("whole-city")} onClick={() => showCity()}>⌂</button>
      {view.value?.tilt && <button type="button" title={say("tilt")} aria-label={say("tilt")} aria-pressed={isTilted.value} onClick={() => { isTilted.value = !isTilted.value; }}>◿</button>}
      <button type="button" id="field-switch" title={say("field")} aria-label={say("field")} aria-pressed={isFieldShown.value} onClick={() => { isFieldShown.value = !isFieldShown.value; }}>▦</button>
    </div>
  );
}

function Legend() {
  const grades = limits.value.grades, unit = mode.value === "now" || mode.value === "hour" ? "" : coloured.value.find(({ key }) => key === mode.value)?.unit ?? "";
  return (
    <div id="legend" class="legend" role="group" aria-label={say("legend")}>
      {!isWall && (
        <select id="colouring" aria-label={say("colour")} value={colouring.value} onChange={(event) => { colouring.value = event.currentTarget.value; }}>
          <option value="now">{say("index-now")}</option>
          <option value="hour">{say("index-hour")}</option>
          {coloured.value.map((quantity) => <option key={quantity.key} value={quantity.key}>{label(quantity)}</option>)}
        </select>
      )}
      {marks.value.map(({ colour, grade, text }) =>
        <span key={colour}><i style={{ background: colour }} />{grade === undefined ? text : localized(grades[grade], "label")}</span>)}
      {unit && unit !== "1" && <span>{unit}</span>}
      {isFieldShown.value && <FieldLegend />}
      {plumes.value.size > 0 && <PlumeLegend />}
      <span><i class="robot" style={{ background: ROBOT }} />{say("robot")}</span>
      {traced.value.some(({ details }) => details.source?.cells?.length && !details.source.says_nothing) && <>
        <span><i class="region near" />{say("region-50")}</span><span><i class="region far" />{say("region-90")}</span></>}
      {!isWall && (
        <button type="button" class="plain" onClick={() => { isOfficial.value = !isOfficial.value; localStorage["palette"] = isOfficial.value ? "official" : "safe"; }}>
          {say(isOfficial.value ? "palette" : "palette-official")}
        </button>
      )}
    </div>
  );
}

/** What the field is, and how sure: it is no measurement. */
function FieldLegend() {
  const known = field.value, name = label(quantities.value.get(fieldQuantity.value));
  if (!known?.grid) return <span id="field-note">{name}: {say(known ? "field-few" : "field-none")}</span>;
  return <span id="field-note"><i class="faded" style={{ "--tone": marks.value[1]?.colour }} />{`${name} ${say("field-between")} (${known.devices}${say("field-devices")}) · ${say("field-unsure")}`}</span>;
}

/** The plume now, and as it is forecast for the next hour. */
function Ahead() {
  const words = ahead.value ? `+${ahead.value} ${say("minutes")}` : say("now");
  return (
    <label id="ahead"><span>{say("plume")}</span>
      <input type="range" min={0} max={MOST_AHEAD_MIN} step={STEP_MIN} value={ahead.value} aria-label={say("plume-ahead")} aria-valuetext={words}
        onInput={(event) => { ahead.value = event.currentTarget.valueAsNumber; }} />
      <output>{words}</output></label>
  );
}

function PlumeLegend() {
  const [plume] = [...plumes.value.values()], [told, bad] = plume!.levels, name = label(quantities.value.get(plume!.quantity)), rise = plume!.rise_m;
  return <>
    {isTilted.value && view.value?.tilt && rise && <span id="rise">{`${say("plume-rise")} ${rise[1]} m (${rise[0]}–${rise[2]} m)`}</span>}
    <span title={`${name} ≥ ${told} ${plume!.unit}, 10 · 30 · 50 · 90 %`}><i class="region" style={{ background: TOLD }} />{say("plume-told")}</span>
    <span title={`${name} ≥ ${bad} ${plume!.unit}, 10 · 30 · 50 · 90 %`}><i class="region" style={{ background: BAD }} />{say("plume-bad")}</span>
  </>;
}
