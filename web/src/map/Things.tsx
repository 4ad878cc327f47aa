// What stands on the map as elements of the page: devices with their values, wind, fires, names. They can be reached by the keyboard.
import { computed, useComputed, useSignal } from "@preact/signals";
import { createContext } from "preact";
import { useContext, useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { inkOn, indexNow, shadeOf } from "../colour";
import type { Place } from "../model";
import { goTo, route } from "../route";
import { cai, devices, fixedPlaces, isPast, language, limits, now, places, robots, shown, site } from "../state";
import { lit } from "../simulation";
import { headingOf, metres } from "../trails";
import { move, moved, onMap, placed } from "../whatif";
import { arrival, label, localized, nameOfZone, say, sayOf } from "../words/words";
import { finish, question } from "./aim";
import { aside } from "./aside";
import { Crowd } from "./Crowd";
import { MOST_ELEMENTS, within, type Point } from "./points";
import { reached, traced } from "./layers";
import type { MapView } from "./view";

const FROM_AIR = ["smoke", "dust", "release"], GLIDE_MS = 6000, FRAME_MS = 80, FURTHEST_GLIDE_M = 400;

export const indexes = (name: string) => {
  const index = cai.value.stations[name];
  return index?.cai === undefined || isPast.value ? ""
    : [`${localized(limits.value.index, "label")} ${index.cai} ${localized(index, "label")}`,
      limits.value.index?.key !== "us" && `US AQI ${index.us_aqi?.aqi ?? "–"} (${say("reference")})`].filter(Boolean).join(" · ");
};
const title = (name: string) => [label(devices.value.get(name)), indexes(name)].filter(Boolean).join(" · ");
const alarmed = computed(() => new Set(onMap.value ? onMap.value.alerts.filter(({ kind }) => FROM_AIR.includes(kind)).map(({ device }) => device) : [...shown.value.alerts.values()].filter(({ kind }) => FROM_AIR.includes(kind)).map(({ device }) => device)));
const chosen = computed(() => (route.value.page === "devices" ? route.value.id : ""));

/** Robots glide from one reported place to the next. */
class Glide {
  private from = new Map<string, { place: Place; at: number }>();
  private to = new Map<string, Place>();

  now(name: string, target: Place): Place {
    const known = this.to.get(name), stamp = performance.now();
    if (!known || metres(known, target) > FURTHEST_GLIDE_M) {
      this.to.set(name, target);
      this.from.set(name, { place: target, at: 0 });
      return target;
    }
    if (known !== target && (known[0] !== target[0] || known[1] !== target[1])) {
      this.from.set(name, { place: this.between(name, known, stamp), at: stamp });
      this.to.set(name, target);
    }
    return this.between(name, target, stamp);
  }

  private between(name: string, target: Place, stamp: number): Place {
    const start = this.from.get(name)!, share = Math.min(1, (stamp - start.at) / GLIDE_MS);
    return [start.place[0] + (target[0] - start.place[0]) * share, start.place[1] + (target[1] - start.place[1]) * share];
  }
}

const Drawn = createContext<MapView>(null as unknown as MapView);
const put = (element: HTMLElement, [x, y]: [number, number]) => { element.style.transform = `translate(${x.toFixed(1)}px,${y.toFixed(1)}px)`; };

/** What stands still is placed as it comes and when the map moves; robots with every frame. */
export function Things({ view }: { view: MapView }) {
  const box = useRef<HTMLDivElement>(null), glide = useRef(new Glide()), points = useSignal<ReadonlyMap<string, Point>>(new Map());
  const each = (which: string, work: (element: HTMLElement, place: Place) => void) =>
    box.current?.querySelectorAll<HTMLElement>(which).forEach((element) => work(element, element.dataset["place"]!.split(",").map(Number) as Place));
  const placeMoving = () => {
    const stations = [...points.value.values()];
    each("[data-moves]", (element, target) => put(element, aside(view.project(glide.current.now(element.dataset["moves"]!, target)), stations)));
  };
  const placeAll = () => {
    points.value = new Map([...fixedPlaces.value].map(([name, place]) => [name, view.project(place)]));
    each("[data-place]:not([data-moves])", (element, place) => put(element, view.project(place)));
    placeMoving();
  };
  useEffect(() => {
    view.onMove(placeAll);
    placeAll();
    const timer = setInterval(() => { if (!document.hidden) placeMoving(); }, FRAME_MS);
    return () => clearInterval(timer);
  }, [view]);
  // As one text, so that what moves within the view changes nothing here.
  const near = useComputed(() => {
    const names = points.value.size > MOST_ELEMENTS ? within(points.value, box.current!.clientWidth, box.current!.clientHeight) : [...fixedPlaces.value.keys()];
    return names.length > MOST_ELEMENTS ? null : names.join("\n");
  }).value;
  const stations = near === null ? [...fixedPlaces.value.keys()].filter((name) => name === chosen.value || alarmed.value.has(name)).slice(0, MOST_ELEMENTS) : near ? near.split("\n") : [];
  const names = [...stations, ...site.value.robots.map(({ name }) => name)];
  return (
    <Drawn.Provider value={view}><div id="things" ref={box}>
      {near === null && <Crowd points={points} />}
      {site.value.zones.map((zone) => <ZoneName key={zone.name} name={zone.name} outline={zone.outline} />)}
      {site.value.land.filter(({ line }) => line.length).map((river) =>
        <At key={river.label_en} place={river.line[Math.floor(river.line.length / 2)]!} kind="river-name">{label(river)}</At>)}
      {site.value.sources.filter((source) => source.kind === "stack" && source.lat !== undefined).map((source) =>
        <At key={source.name} place={[source.lat!, source.lon!]} kind="chimney"><span title={label(source)} aria-hidden="true" /></At>)}
      {near !== null && stations.map((name) => <Wind key={`wind ${name}`} name={name} />)}
      {[...robots.value.values()].flatMap(({ robot, visit }) => (isPast.value ? [] : visit?.places ?? []).map((place, number) =>
        <At key={`${robot} ${number}`} place={place} kind="stop" />))}
      {traced.value.filter(({ details }) => details.source && !details.source.says_nothing).map(({ id, details: { source } }) =>
        <At key={id} place={[source!.lat, source!.lon]} kind="source-mark" />)}
      {lit.value.map((one) => <Lit key={`lit ${one.at} ${one.place.join()}`} {...one} />)}
      {/* Stations last, over the plates of robots beside them. */}
      {names.reverse().map((name) => <Dot key={name} name={name} />)}
      {/* On top, to be dragged. */}
      {placed.value.map((one) => <Put key={`put ${one.number}`} {...one} />)}
    </div></Drawn.Provider>
  );
}

// A flame, a cloud, and grains: drawn, as not every machine has letters for them.
const SIGNS: Record<string, string> = {
  fire: "M12 1c1 4 6 6 6 12a6 6 0 0 1-12 1c0-3 2-4 2-6 1 0 2 1 2 2 1-2 2-5 2-9z", leak: "M6 17a4 4 0 0 1 0-8 6 6 0 0 1 11-1 4.500 4.500 0 0 1 1 9z",
  dust: "M6 14a3 3 0 1 0 .1 0zM17 13a2.500 2.500 0 1 0 .1 0zM11 5a3 3 0 1 0 .1 0z",
};

function Lit({ place, kind, at: when }: { place: Place; kind: string; at: number }) {
  if (!useComputed(() => when <= now.value).value) return null;
  return <At place={place} kind="lit"><svg data-lit={kind} width="30" height="30" viewBox="0 0 24 24" role="img" aria-label={say("lit")}><path d={SIGNS[kind] ?? SIGNS["fire"]!} /></svg></At>;
}

const STEP_DEG = 0.0005;
const KEYS: Record<string, Place> = { ArrowUp: [STEP_DEG, 0], ArrowDown: [-STEP_DEG, 0], ArrowLeft: [0, -STEP_DEG], ArrowRight: [0, STEP_DEG] };

/** A change of a what-if where it was put: it can be dragged elsewhere, or moved by the arrow keys. */
function Put({ place, kind, number }: { place: Place; kind: string; number: number }) {
  const view = useContext(Drawn), isDragged = useRef(false);
  const drag = (event: PointerEvent) => {
    if (!(event.currentTarget as HTMLElement).hasPointerCapture(event.pointerId)) return;
    const box = document.getElementById("things")!.getBoundingClientRect();
    isDragged.current = true;
    move(number, view.unproject(event.clientX - box.left, event.clientY - box.top));
  };
  const leave = () => { if (isDragged.current) moved(); isDragged.current = false; };
  const press = (event: KeyboardEvent) => {
    const by = KEYS[event.key];
    if (by) { event.preventDefault(); move(number, [place[0] + by[0], place[1] + by[1]]); }
    if (event.key === "Enter") moved();
  };
  const sign = SIGNS[kind];
  return (
    <At place={place} kind="lit put">
      <button type="button" data-put={kind} title={say("drag-it")} aria-label={`${sayOf("kinds-of-events", kind)}: ${say("drag-it")}`} onKeyDown={press}
        onPointerDown={(event) => { event.stopPropagation(); event.currentTarget.setPointerCapture(event.pointerId); }} onPointerMove={drag} onPointerUp={leave} onPointerCancel={leave}>
        {sign ? <svg width="30" height="30" viewBox="0 0 24 24" aria-hidden="true"><path d={sign} /></svg> : <span class="pin" aria-hidden="true" />}
      </button>
    </At>
  );
}

function At({ place, kind = "", moves, children }: { place: Place; kind?: string; moves?: string | undefined; children?: preact.ComponentChildren }) {
  const view = useContext(Drawn), box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => { if (!moves) put(box.current!, view.project(place)); }, [view, place[0], place[1]]);
  return <div class={`at ${kind}`} data-place={place.join(",")} data-moves={moves} ref={box}>{children}</div>;
}

function ZoneName({ name, outline }: { name: string; outline: Place[] }) {
  const top = Math.max(...outline.map(([lat]) => lat)), lons = outline.map(([, lon]) => lon);
  const found = reached.value.filter(({ zone }) => zone === name).sort((a, b) => a.minutes - b.minutes)[0];
  const told = found && ` · ${arrival(found, say("now"))}, ${(found.probability * 100).toFixed(0)} %`;
  return <At place={[top, (Math.min(...lons) + Math.max(...lons)) / 2]} kind={`zone-name ${found ? "reached" : ""}`}><span>{nameOfZone(name)}{told}</span></At>;
}

function Wind({ name }: { name: string }) {
  const { wind_speed: speed, wind_direction: from } = shown.value.latest.get(name)?.values ?? {};
  return speed === undefined || from === undefined ? null : <Arrow speed={speed} from={from} place={fixedPlaces.value.get(name)!} />;
}

function Arrow({ speed, from, place }: { speed: number; from: number; place: Place }) {
  const length = 16 + Math.min(speed, 8) * 4;
  return useMemo(() => (
    <At place={place} kind="wind">
      <svg width="90" height="90" viewBox="-45 -45 90 90" role="img" aria-label={`${say("wind")} ${speed.toFixed(1)} m/s`}>
        <path transform={`rotate(${from + 180})`} d={`M0,-16V${-16 - length}M-5,${-10 - length}L0,${-17 - length}L5,${-10 - length}`} />
      </svg>
    </At>
  ), [speed, from, place[0], place[1], language.value]);
}

function Dot({ name }: { name: string }) {
  const fixed = fixedPlaces.value.get(name), isRobot = !fixed, place = fixed ?? places.value.get(name)!;
  const isChosen = useComputed(() => chosen.value === name).value, isAlarmed = useComputed(() => alarmed.value.has(name)).value;
  const shade = shadeOf(name), heading = isRobot ? headingOf(name) : null, index = indexNow(shown.value.latest.get(name));
  const battery = isRobot ? shown.value.latest.get(name)?.values["battery"] : undefined, words = title(name);
  const press = () => (question.value ? finish(place) : goTo("devices", name));
  // Most look as they did: those are not compared anew.
  return useMemo(() => (
    <At place={place} moves={isRobot ? name : undefined}>
      {isAlarmed && <span class="alarm" />}
      {heading !== null && <span class="heading" style={{ transform: `rotate(${heading}deg)` }} />}
      <button type="button" class={`dot ${isRobot ? "robot" : ""} ${isChosen ? "chosen" : ""}`} data-subject={name} title={words}
        aria-label={`${words}${index ? ` · ${shade.text}` : ""}`} style={{ background: shade.colour, color: inkOn(shade.colour) }} onClick={press}>
        {shade.text}
      </button>
      {isRobot && <span class="plate" aria-hidden="true">{name.replace(/\D+/g, "")}{battery !== undefined && <i style={{ "--charge": `${battery}%` }} class={battery < 20 ? "low" : ""} />}</span>}
    </At>
  ), [shade.text, shade.colour, isAlarmed, heading, isChosen, battery, place[0], place[1], words, Boolean(index)]);
}
