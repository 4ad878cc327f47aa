// The live page: no build step, no library, nothing from elsewhere. Server data is only ever put in as text, never as markup.
const TEXT = {
  ko: { other: "English", alerts: "현재 경보", none: "경보 없음", stations: "측정소 (지수 높은 순)", note: "보급형 측정기의 참고용 자료이며 국가측정망의 공식 자료가 아닙니다.", simulated: "모의 자료", fire: "🔥 여기에 불 놓기", aim: "지도를 누르세요", live: "실시간", lost: "연결 끊김", rate: "건/초", station: "측정소", robot: "로봇", wind: "바람", from: "풍", none_cai: "지수 없음", battery: "배터리", sent: "시뮬레이터에 화재를 보냈습니다", day: "지난 24시간", reference: "참고용", incidents: "사건", report: "보고서", near: "추정 발생지 반경", unsure: "발생지 불확실", downwind: "바람 아래", acknowledge: "확인함", confirm: "사실", "false-alarm": "오경보", close: "종료", acknowledged: "확인 중", confirmed: "사실로 확인", open: "접수", door: "API 키를 입력하세요", enter: "들어가기", sent_to: "출동, 측정 지점" },
  en: { other: "한국어", alerts: "Active alerts", none: "No alerts", stations: "Stations, worst first", note: "Low-cost instruments: for reference only, not official values of the national network.", simulated: "simulated", fire: "🔥 Light a fire", aim: "Click on the map", live: "live", lost: "connection lost", rate: "readings/s", station: "station", robot: "robot", wind: "wind", from: "from", none_cai: "no index", battery: "battery", sent: "Fire handed to the simulator", day: "last 24 hours", reference: "reference only", incidents: "Incidents", report: "report", near: "source within", unsure: "source not sure", downwind: "downwind", acknowledge: "acknowledge", confirm: "confirm", "false-alarm": "false alarm", close: "close", acknowledged: "acknowledged", confirmed: "confirmed", open: "open", door: "Enter your API key", enter: "Enter", sent_to: "sent, stops" },
};
const CHARTS = ["pm25", "pm10", "co", "no2", "o3", "voc_index", "h2s", "nh3", "thermal_max", "battery"];
const WIDTH = 1000, HEIGHT = 800, MARGIN = 45;
const $ = (id) => document.getElementById(id);
const get = async (path) => { const answer = await fetch(`/api/v1/${path}`); if (!answer.ok) throw new Error((await answer.json()).detail); return answer.json(); };

const state = { language: (localStorage.language ?? navigator.language).startsWith("ko") ? "ko" : "en", latest: new Map(), cai: { stations: {}, zones: {} }, alerts: new Map(), incidents: new Map(), devices: new Map(), chosen: null, arrived: [], fires: [] };
const say = (key) => TEXT[state.language][key];
const label = (thing) => thing?.[`label_${state.language}`] || thing?.name || "";

function element(name, attributes = {}, text) {
  const made = document.createElementNS(attributes.html ? "http://www.w3.org/1999/xhtml" : "http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) if (key !== "html") made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}
const html = (name, attributes, text) => element(name, { ...attributes, html: true }, text);

// The map: a plain projection around the devices, kept to scale.
let project, unproject;
function layOut() {
  const points = [...state.site.zones.flatMap((zone) => zone.outline), ...state.site.robots.flatMap((robot) => robot.loop), ...state.site.stations.map((s) => [s.lat, s.lon])];
  const lats = points.map((p) => p[0]), lons = points.map((p) => p[1]);
  const [south, north, west, east] = [Math.min(...lats), Math.max(...lats), Math.min(...lons), Math.max(...lons)];
  const squeeze = Math.cos(((south + north) / 2) * Math.PI / 180);
  const scale = Math.min((WIDTH - 2 * MARGIN) / ((east - west) * squeeze), (HEIGHT - 2 * MARGIN) / (north - south));
  const left = (WIDTH - (east - west) * squeeze * scale) / 2, top = (HEIGHT - (north - south) * scale) / 2;
  project = ([lat, lon]) => [left + (lon - west) * squeeze * scale, top + (north - lat) * scale];
  unproject = ([x, y]) => [north - (y - top) / scale, west + (x - left) / (squeeze * scale)];
}

function drawGround() {
  const map = $("map");
  map.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  map.replaceChildren();
  const marker = element("marker", { id: "tip", viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 4, markerHeight: 4, orient: "auto" });
  marker.append(element("path", { d: "M0,0 L8,4 L0,8 z", fill: "var(--accent)" }));
  const defs = element("defs"); defs.append(marker); map.append(defs);
  const path = (line) => line.map((point) => project(point).map((v) => v.toFixed(1)).join(",")).join(" ");
  for (const zone of state.site.zones) map.append(element("polygon", { class: "zone", points: path(zone.outline) }));
  for (const source of state.site.sources) {
    if (source.kind === "road") map.append(element("polyline", { class: "road", points: path(source.line) }));
    if (source.kind === "stack") { const [x, y] = project([source.lat, source.lon]); const mark = element("path", { class: "chimney", d: `M${x - 3},${y} l1.5,-11 h3 l1.5,11 z` }); mark.append(element("title", {}, label(source))); map.append(mark); }
  }
  for (const robot of state.site.robots) map.append(element("polygon", { class: "loop", points: path(robot.loop) }));
  for (const zone of state.site.zones) {
    const top = Math.min(...zone.outline.map((point) => project(point)[1])), x = zone.outline.reduce((sum, point) => sum + project(point)[0], 0) / zone.outline.length;
    map.append(element("text", { class: "zone-name", x, y: top - 8 }, label(zone)));
  }
  map.append(element("g", { id: "things" }));
}

function drawThings() {
  const group = $("things");
  if (!group) return;
  const things = [];
  const alarmed = new Set([...state.alerts.values()].filter((alert) => ["smoke", "dust", "release"].includes(alert.kind)).map((alert) => alert.device));
  for (const incident of state.incidents.values()) things.push(...sourceMap(incident));
  for (const fire of state.fires) { const [x, y] = project(fire); things.push(element("text", { class: "flame", x, y: y + 8 }, "🔥")); }
  for (const [name, place] of places()) {
    const [x, y] = project(place), index = state.cai.stations[name], robot = state.robots.has(name);
    if (alarmed.has(name)) things.push(element("circle", { class: "alarm", cx: x, cy: y, r: 18 }));
    const shape = { class: `dot${state.chosen === name ? " chosen" : ""}`, fill: index?.colour ?? (robot ? "#7a4fd0" : "#8796a5"), tabindex: 0, role: "button", "aria-label": title(name), "data-device": name };
    const dot = robot ? element("rect", { ...shape, x: x - 9, y: y - 9, width: 18, height: 18, rx: 4 }) : element("circle", { ...shape, cx: x, cy: y, r: 15 });
    dot.append(element("title", {}, title(name)));
    things.push(dot, element("text", { class: "value", x, y: y + 4 }, robot ? name.replace(/\D+/g, "") : index?.cai ?? "–"));
  }
  things.push(...wind());
  group.replaceChildren(...things);
}

// Where an incident may come from: its cells, the darker the more probable, and the circle that holds half of the probability.
function sourceMap(incident) {
  const source = incident.details.source;
  if (!source?.cells) return [];
  const [[x0, y0], [x1]] = [project([source.lat, source.lon]), project([source.lat, source.lon + source.radius_m / (111_320 * Math.cos(source.lat * Math.PI / 180))])];
  const radius = x1 - x0, side = radius * source.cell_m / source.radius_m, highest = source.cells[0][2];
  // What is spread over half of the map says little, and is drawn as faintly.
  const strength = Math.min(1, 400 / source.cells.length);
  const cells = source.cells.map(([lat, lon, share]) => { const [x, y] = project([lat, lon]); return element("rect", { class: "cell", x: x - side / 2, y: y - side / 2, width: side, height: side, "fill-opacity": strength * (0.1 + 0.6 * share / highest) }); });
  return source.is_unsure ? cells : [...cells, element("circle", { class: "source", cx: x0, cy: y0, r: Math.max(radius, 4) })];
}

function incidentLine(incident) {
  const line = html("li", { class: incident.severity }), source = incident.details.source, words = [say(incident.state)];
  if (source) words.push(source.is_unsure ? say("unsure") : `${say("near")} ${source.radius_m.toFixed(0)} m`);
  const zones = incident.details.downwind.map((one) => label(state.site.zones.find((zone) => zone.name === one.zone)));
  if (zones.length) words.push(`${say("downwind")}: ${zones.join(", ")}`);
  for (const visit of incident.details.visits) words.push(`${label(state.devices.get(visit.robot)) || visit.robot}: ${visit.ended_at ? visit.outcome : `${say("sent_to")} ${visit.places.length}`}`);
  line.append(html("time", {}, when(incident.opened_at)), incident[`summary_${state.language}`], html("div", { class: "quiet" }, words.join(" · ")));
  const row = html("div", { class: "doing" });
  for (const action of ["acknowledge", "confirm", "false-alarm", "close"]) if (action !== "acknowledge" || incident.state === "open") row.append(html("button", { type: "button", "data-incident": incident.id, "data-action": action }, say(action)));
  row.append(html("a", { href: `/api/v1/incidents/${encodeURIComponent(incident.id)}/report.html?language=${state.language}`, target: "_blank" }, say("report")));
  line.append(row);
  return line;
}

async function act(id, action) {
  const answer = await fetch(`/api/v1/incidents/${encodeURIComponent(id)}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ action }) });
  if (!answer.ok) $("flow").textContent = (await answer.json()).detail;
  await refresh();
}

function* places() {
  for (const station of state.site.stations) yield [station.name, [station.lat, station.lon]];
  for (const robot of state.site.robots) { const seen = state.latest.get(robot.name); yield [robot.name, seen?.position ?? robot.dock]; }
}

function wind() {
  let east = 0, north = 0, count = 0;
  for (const { values } of state.latest.values()) if (values.wind_speed !== undefined && values.wind_direction !== undefined) {
    const angle = values.wind_direction * Math.PI / 180; east -= values.wind_speed * Math.sin(angle); north -= values.wind_speed * Math.cos(angle); count++;
  }
  if (!count) return [];
  const speed = Math.hypot(east, north) / count, angle = Math.atan2(-north, east), reach = 18 + Math.min(speed, 8) * 5, [x, y] = [75, 75];
  const points = [x - reach * Math.cos(angle), y - reach * Math.sin(angle), x + reach * Math.cos(angle), y + reach * Math.sin(angle)].map((v) => v.toFixed(1));
  return [element("line", { class: "wind", x1: points[0], y1: points[1], x2: points[2], y2: points[3] }), element("text", { class: "wind-text", x: 30, y: 142 }, `${say("wind")} ${speed.toFixed(1)} m/s`)];
}

const title = (name) => { const index = state.cai.stations[name]; return `${label(state.devices.get(name))} (${name})${index?.cai === undefined ? "" : ` · CAI ${index.cai} ${index[`label_${state.language}`]} · US AQI ${index.us_aqi?.aqi ?? "–"} (${say("reference")})`}`; };
const when = (instant) => new Date(instant).toLocaleTimeString(state.language, { hour: "2-digit", minute: "2-digit", timeZone: state.site.timezone });

function drawSide() {
  $("zones").replaceChildren(...state.site.zones.map((zone) => {
    const worst = state.cai.stations[state.cai.zones[zone.name]?.worst], box = html("div");
    const figure = html("b", {}, worst?.cai ?? "–"); figure.style.color = worst?.colour ?? "";
    box.append(html("span", { class: "quiet" }, label(zone)), figure, html("span", {}, worst ? worst[`label_${state.language}`] : say("none_cai")));
    return box;
  }));
  const alerts = [...state.alerts.values()].sort((a, b) => b.started_at.localeCompare(a.started_at));
  $("alerts").replaceChildren(...(alerts.length ? alerts : [null]).map((alert) => {
    if (!alert) return html("li", { class: "quiet" }, say("none"));
    const line = html("li", { class: alert.severity });
    line.append(html("time", {}, when(alert.started_at)), alert[`summary_${state.language}`]);
    return line;
  }));
  const incidents = [...state.incidents.values()].sort((a, b) => b.opened_at.localeCompare(a.opened_at));
  $("incidents-box").hidden = !incidents.length;
  $("incidents").replaceChildren(...incidents.map(incidentLine));
  const stations = state.site.stations.map((station) => [station, state.cai.stations[station.name]]).sort((a, b) => (b[1]?.cai ?? -1) - (a[1]?.cai ?? -1));
  $("stations").replaceChildren(...stations.map(([station, index]) => {
    const row = html("tr", { "data-device": station.name }), name = html("td"), swatch = html("span", { class: "swatch" });
    swatch.style.background = index?.colour ?? "#8796a5"; name.append(swatch, label(station));
    const pm25 = state.latest.get(station.name)?.values.pm25;
    row.append(name, html("td", { class: "number" }, pm25 === undefined ? "" : `PM2.5 ${pm25.toFixed(0)}`), html("td", { class: "number" }, index?.cai ?? "–"));
    return row;
  }));
}

async function choose(name) {
  state.chosen = name; drawThings();
  $("device").hidden = false; $("device-title").textContent = `${title(name)} · ${say("day")}`;
  const answer = await get(`series?device=${encodeURIComponent(name)}&every=300&${CHARTS.map((key) => `quantity=${key}`).join("&")}`);
  const columns = answer.devices[name];
  $("charts").replaceChildren(...CHARTS.filter((key) => columns?.[key]).map((key) => chart(key, columns.time, columns[key])));
}

function chart(key, times, values) {
  const quantity = state.quantities.get(key), known = values.filter((value) => value !== null), limit = state.limits[key]?.[0]?.issue_at;
  const low = Math.min(0, ...known), high = Math.max(...known, low + 1e-6) * 1.08, first = Date.parse(times[0]), last = Date.parse(times.at(-1));
  const x = (i) => 400 * (Date.parse(times[i]) - first) / Math.max(last - first, 1), y = (value) => 62 - 46 * (value - low) / (high - low);
  const svg = element("svg", { class: "chart", viewBox: "0 0 400 74", preserveAspectRatio: "none", role: "img" });
  let pen = "", gap = true;
  values.forEach((value, i) => { if (value === null) { gap = true; return; } pen += `${gap ? "M" : "L"}${x(i).toFixed(1)},${y(value).toFixed(1)}`; gap = false; });
  svg.append(element("path", { d: pen }));
  if (limit !== undefined && limit < high) svg.append(element("path", { class: "limit", d: `M0,${y(limit)}H400` }));
  svg.append(element("text", { x: 0, y: 11 }, `${label(quantity)} ${known.at(-1)?.toFixed(quantity.decimals)} ${quantity.unit === "1" ? "" : quantity.unit}`), element("text", { x: 0, y: 73 }, when(times[0])), element("text", { x: 400, y: 73, "text-anchor": "end" }, when(times.at(-1))));
  return svg;
}

function drawWords() {
  document.documentElement.lang = state.language;
  $("title").textContent = state.language === "ko" ? `${label(state.site)} 대기` : `${label(state.site)} Air`;
  $("language").textContent = say("other"); $("alerts-title").textContent = say("alerts"); $("incidents-title").textContent = say("incidents"); $("stations-title").textContent = say("stations"); $("note").textContent = state.cai[`note_${state.language}`] ?? say("note");
  $("fire").textContent = $("fire").getAttribute("aria-pressed") === "true" ? say("aim") : say("fire");
  const simulated = [...state.devices.values()].some((device) => device.origin === "simulated");
  $("badge").hidden = !simulated; $("fire").hidden = !simulated; $("badge").textContent = say("simulated");
  const grades = state.grades.map((grade) => { const item = html("span"), dot = html("i"); dot.style.background = grade.colour; item.append(dot, grade[`label_${state.language}`]); return item; });
  const robot = html("span"), mark = html("i", { class: "robot" }); mark.style.background = "#7a4fd0"; robot.append(mark, say("robot"));
  $("legend").replaceChildren(...grades, robot);
}

function draw() { drawWords(); drawGround(); drawThings(); drawSide(); }
function tick() {
  const seconds = performance.now() / 1000;
  state.arrived = state.arrived.filter(([at]) => seconds - at < 10);
  $("flow").textContent = `${(state.arrived.reduce((sum, [, count]) => sum + count, 0) / 10).toFixed(0)} ${say("rate")}`;
  const newest = Math.max(...[...state.latest.values()].map((reading) => Date.parse(reading.time)));
  if (Number.isFinite(newest)) $("clock").textContent = new Date(newest).toLocaleString(state.language, { dateStyle: "medium", timeStyle: "medium", timeZone: state.site.timezone });
}

async function refresh() {
  const [latest, cai, alerts, devices, incidents] = await Promise.all([get("latest"), get("cai"), get("alerts"), get("devices"), get("incidents")]);
  state.incidents = new Map((await Promise.all(incidents.map((one) => get(`incidents/${encodeURIComponent(one.id)}`)))).map((one) => [one.id, one]));
  latest.forEach((reading) => state.latest.set(reading.device, reading));
  state.cai = cai; state.alerts = new Map(alerts.map((alert) => [alert.id, alert]));
  for (const device of devices) state.devices.set(device.device, { ...state.devices.get(device.device), ...device });
  drawWords(); drawThings(); drawSide();
}

function listen() {
  const stream = new EventSource("/api/v1/stream");
  const linked = (on) => { $("link").classList.toggle("off", !on); $("link").title = say(on ? "live" : "lost"); };
  stream.onopen = () => { linked(true); refresh().catch(console.error); };
  stream.onerror = () => linked(false);
  stream.addEventListener("readings", (event) => { const readings = JSON.parse(event.data); state.arrived.push([performance.now() / 1000, readings.length]); readings.forEach((reading) => state.latest.set(reading.device, reading)); });
  stream.addEventListener("alert", (event) => { const alert = JSON.parse(event.data); alert.active ? state.alerts.set(alert.id, alert) : state.alerts.delete(alert.id); drawSide(); drawThings(); });
  stream.addEventListener("incident", (event) => { const incident = JSON.parse(event.data); incident.active ? state.incidents.set(incident.id, incident) : state.incidents.delete(incident.id); drawSide(); drawThings(); });
}

function attend() {
  $("language").onclick = () => { state.language = localStorage.language = state.language === "ko" ? "en" : "ko"; draw(); };
  $("fire").onclick = () => { const aiming = $("fire").getAttribute("aria-pressed") !== "true"; $("fire").setAttribute("aria-pressed", aiming); $("map").classList.toggle("aiming", aiming); drawWords(); };
  $("incidents").addEventListener("click", (event) => { const { incident, action } = event.target.dataset; if (incident) act(incident, action).catch(console.error); });
  document.addEventListener("click", (event) => { const name = event.target.closest?.("[data-device]")?.dataset.device; if (name) choose(name).catch(console.error); });
  document.addEventListener("keydown", (event) => { if (["Enter", " "].includes(event.key)) { const name = event.target.dataset?.device; if (name) { event.preventDefault(); choose(name).catch(console.error); } } });
  $("map").addEventListener("click", async (event) => {
    if (!$("map").classList.contains("aiming")) return;
    event.stopPropagation();
    const box = $("map").getBoundingClientRect(), [lat, lon] = unproject([(event.clientX - box.left) * WIDTH / box.width, (event.clientY - box.top) * HEIGHT / box.height]);
    $("fire").onclick();
    const fire = { kind: "fire", lat, lon, fuel: "mixed-waste", peak_heat_mw: 3, smoulder: "3m", smoulder_kg_s: 0.02, growth: "fast", plateau: "20m" };
    const answer = await fetch("/api/v1/simulation/events", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(fire) });
    if (answer.ok) { state.fires.push([lat, lon]); drawThings(); }
    $("flow").textContent = answer.ok ? say("sent") : (await answer.json()).detail;
  });
}

// Where keys are used, the page asks for one once; the browser keeps it in a cookie that no script can read.
async function letIn() {
  while ((await fetch("/api/v1/site")).status === 401) {
    $("door-text").textContent = say("door"); $("door-open").textContent = say("enter"); $("door-key").value = "";
    $("door").showModal();
    await new Promise((done) => $("door").addEventListener("close", done, { once: true }));
    const answer = await fetch("/api/v1/session", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ key: $("door-key").value.trim() }) });
    $("door-wrong").textContent = answer.ok ? "" : (await answer.json()).detail;
  }
}

await letIn();
const [site, quantities, limits] = await Promise.all([get("site"), get("quantities"), get("limits")]);
Object.assign(state, { site, quantities: new Map(quantities.map((quantity) => [quantity.key, quantity])), limits: limits.advisories, grades: limits.grades, robots: new Set(site.robots.map((robot) => robot.name)) });
for (const device of [...site.stations, ...site.robots]) state.devices.set(device.name, device);
layOut(); draw(); attend(); listen();
setInterval(() => { tick(); drawThings(); }, 1000);
setInterval(() => refresh().catch(console.error), 15_000);
