// The map: a plain projection around the devices, kept to scale.
import { $, html, svg, update } from "./dom.js";
import { places, state } from "./state.js";
import { label, say, localized } from "./words.js";

const WIDTH = 1000, MARGIN = 55, LOWEST = 500, HIGHEST = 1000;
const METRES_PER_DEGREE = 111_320, RADIANS = Math.PI / 180;
const ROBOT = "#7a4fd0", UNKNOWN = "#6b7a89";
// Thousands of cells are drawn as two shapes: the region that holds half of the probability, and the rest of nine tenths.
const DARK = 0.5, LIGHT = 0.15;
const FROM_AIR = ["smoke", "dust", "release"];

let project, unproject, height;
// How much larger than on a wide screen symbols and letters are drawn, so that they can be read on a narrow one.
let unit = 1;

export function layOut() {
  const { zones, robots, stations } = state.site;
  const points = [
    ...zones.flatMap((zone) => zone.outline), ...robots.flatMap((robot) => robot.loop),
    ...stations.map((station) => [station.lat, station.lon]),
  ];
  const lats = points.map(([lat]) => lat), lons = points.map(([, lon]) => lon);
  const [south, north, west, east] = [Math.min(...lats), Math.max(...lats), Math.min(...lons), Math.max(...lons)];
  const squeeze = Math.cos(((south + north) / 2) * RADIANS);
  const across = (WIDTH - 2 * MARGIN) / ((east - west) * squeeze), upright = (HIGHEST - 2 * MARGIN) / (north - south);
  const scale = Math.min(across, upright);
  height = Math.max(LOWEST, (north - south) * scale + 2 * MARGIN);
  const left = (WIDTH - (east - west) * squeeze * scale) / 2, top = (height - (north - south) * scale) / 2;
  project = ([lat, lon]) => [left + (lon - west) * squeeze * scale, top + (north - lat) * scale];
  unproject = ([x, y]) => [north - (y - top) / scale, west + (x - left) / (squeeze * scale)];
}

/** The geographic place of a pointer event. */
export function placeAt(event) {
  const box = $("map").getBoundingClientRect();
  const x = (event.clientX - box.left) * WIDTH / box.width, y = (event.clientY - box.top) * height / box.height;
  return unproject([x, y]);
}

export function followSize() {
  new ResizeObserver(() => {
    unit = Math.min(Math.max(WIDTH / $("map").clientWidth / 1.25, 1), 1.9);
    $("map").style.setProperty("--unit", unit);
    drawSources();
    drawThings();
  }).observe($("map"));
}

const line = (points) => points.map((point) => project(point).map((value) => value.toFixed(1)).join(",")).join(" ");

export function drawGround() {
  const { zones, sources, robots } = state.site;
  $("map").setAttribute("viewBox", `0 0 ${WIDTH} ${height}`);
  update($("ground"), [
    ...zones.map((zone) => svg("polygon", { class: "zone", points: line(zone.outline) })),
    ...sources.filter(({ kind }) => kind === "road").map(road),
    ...sources.filter(({ kind }) => kind === "stack").map(chimney),
    ...robots.map((robot) => svg("polygon", { class: "loop", points: line(robot.loop) })),
    ...zones.map(zoneName),
  ]);
}

const road = (source) => svg("polyline", { class: "road", points: line(source.line) });

function chimney(source) {
  const [x, y] = project([source.lat, source.lon]);
  const path = `M${x - 3},${y} l1.5,-11 h3 l1.5,11 z`;
  return svg("path", { class: "chimney", d: path }, svg("title", {}, label(source)));
}

function zoneName(zone) {
  const points = zone.outline.map(project);
  const top = Math.min(...points.map(([, y]) => y)), x = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  return svg("text", { class: "zone-name", x, y: top - 8 }, label(zone));
}

export function drawThings() {
  update($("things"), [
    ...[...state.robots.values()].flatMap(way),
    ...state.fires.map(flame),
    ...[...places()].map(([name, place]) => device(name, project(place))),
    ...wind(),
  ]);
}

/** Where incidents may come from: the regions that hold half of the probability and nine tenths, and the circle that holds half of it. */
export function drawSources() {
  update($("sources"), [...state.incidents.values()].flatMap(({ details }) => sourceMap(details.source)));
}

function sourceMap(source) {
  if (!source?.cells || source.says_nothing) return [];
  const half = source.cells_of_half || halfOf(source.cells);
  const regions = [[source.cells.slice(half), LIGHT], [source.cells.slice(0, half), DARK]].map(([cells, opacity]) =>
    svg("path", { class: "cell", d: squares(cells, source), "fill-opacity": opacity }));
  return source.is_unsure ? regions : [...regions, halfCircle(source)];
}

function squares(cells, source) {
  const side = inUnits(source.cell_m, source);
  return cells.map(([lat, lon]) => {
    const [x, y] = project([lat, lon]);
    return `M${x - side / 2},${y - side / 2}h${side}v${side}h${-side}z`;
  }).join("");
}

/** How many of the cells, which hold nine tenths together, hold half; sources of earlier versions do not say. */
function halfOf(cells) {
  const all = cells.reduce((total, [, , share]) => total + share, 0);
  let held = 0;
  return cells.findIndex(([, , share]) => (held += share) >= all * 5 / 9) + 1;
}

function halfCircle(source) {
  const [x, y] = project([source.lat, source.lon]), radius = inUnits(source.radius_m, source);
  // A place that is known to a few metres would hide under the robot that found it.
  return svg("circle", { class: "source", cx: x, cy: y, r: Math.max(radius, 13 * unit) });
}

function inUnits(metres, { lat, lon }) {
  const further = lon + metres / (METRES_PER_DEGREE * Math.cos(lat * RADIANS));
  return project([lat, further])[0] - project([lat, lon])[0];
}

// The stops that a robot was sent to, and its way to the last of them.
function way({ robot, visit }) {
  if (!visit) return [];
  const here = new Map(places()).get(robot), stops = visit.places;
  const path = svg("polyline", { class: "way", points: line([here, stops.at(-1)]) });
  const marks = stops.map(project).map(([x, y]) => svg("circle", { class: "stop", cx: x, cy: y, r: 5 * unit }));
  return [svg("g", { "data-key": `way ${robot}` }, path, ...marks)];
}

function flame(place) {
  const [x, y] = project(place);
  return svg("text", { class: "flame", x, y: y + 8 * unit, "data-key": `fire ${place}` }, "🔥");
}

/** A device with its index, ringed while it smells smoke, dust or a release. */
function device(name, [x, y]) {
  const index = state.cai.stations[name], isRobot = state.robotNames.has(name);
  const parts = isAlarmed(name) ? [svg("circle", { class: "alarm", cx: x, cy: y, r: 18 * unit })] : [];
  const shape = {
    class: `dot${state.chosen === name ? " chosen" : ""}`, fill: index?.colour ?? (isRobot ? ROBOT : UNKNOWN),
    tabindex: 0, role: "button", "aria-label": title(name), "data-action": "choose", "data-subject": name,
  };
  parts.push(isRobot ? square(shape, x, y, 9 * unit) : svg("circle", { ...shape, cx: x, cy: y, r: 15 * unit }));
  const text = isRobot ? name.replace(/\D+/g, "") : index?.cai ?? "–";
  parts.push(svg("text", { class: "value", x, y: y + 4 * unit }, text));
  return svg("g", { "data-key": `device ${name}` }, svg("title", {}, title(name)), ...parts);
}

const isAlarmed = (name) =>
  [...state.alerts.values()].some((alert) => alert.device === name && FROM_AIR.includes(alert.kind));

const square = (shape, x, y, half) =>
  svg("rect", { ...shape, x: x - half, y: y - half, width: 2 * half, height: 2 * half, rx: half / 2 });

/** What a device is called, with its indexes. */
export const title = (name) => [label(state.devices.get(name)), indexes(name)].filter(Boolean).join(" · ");

export function indexes(name) {
  const index = state.cai.stations[name];
  if (index?.cai === undefined) return "";
  return `CAI ${index.cai} ${localized(index, "label")} · US AQI ${index.us_aqi?.aqi ?? "–"} (${say("reference")})`;
}

/** An arrow with the mean wind of all stations. */
function wind() {
  const winds = [...state.latest.values()].map(({ values }) => [values.wind_speed, values.wind_direction * RADIANS])
    .filter(([speed, from]) => speed !== undefined && !Number.isNaN(from));
  if (!winds.length) return [];
  const mean = (part) => winds.reduce((sum, [speed, from]) => sum - speed * part(from), 0) / winds.length;
  const east = mean(Math.sin), north = mean(Math.cos), speed = Math.hypot(east, north);
  const angle = Math.atan2(-north, east), reach = (18 + Math.min(speed, 8) * 5) * unit, x = 85 * unit, y = 70 * unit;
  const [dx, dy] = [reach * Math.cos(angle), reach * Math.sin(angle)];
  return [
    svg("line", { class: "wind", "data-key": "wind", x1: x - dx, y1: y - dy, x2: x + dx, y2: y + dy }),
    svg("text", { class: "wind-text", x, y: y + 62 * unit }, `${say("wind")} ${speed.toFixed(1)} m/s`),
  ];
}

export function drawLegend() {
  const grades = state.grades.map((grade) => mark(grade.colour, localized(grade, "label")));
  update($("legend"), [...grades, mark(ROBOT, say("robot"), "robot")]);
}

function mark(colour, text, kind = "") {
  const dot = html("i", { class: kind });
  dot.style.background = colour;
  return html("span", {}, dot, text);
}
