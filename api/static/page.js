// The live page starts here: no build step, no library, nothing from elsewhere.
import { attendAim, pickPlace } from "./place_picker.js";
import { alertActions, drawAlerts } from "./alerts.js";
import { get, post } from "./api.js";
import { follow, loadAll, loadSite } from "./data.js";
import { choose, drawDevice } from "./device.js";
import { $ } from "./dom.js";
import { drawMe, leave, letIn } from "./login.js";
import { drawIncidents, incidentActions } from "./incidents.js";
import { drawGround, drawLegend, drawSources, drawThings, followSize, layOut } from "./map.js";
import { complain, notice } from "./notice.js";
import { drawRobots, robotActions } from "./robots.js";
import { now, simulation, state } from "./state.js";
import { drawStations } from "./stations.js";
import { dateAndTime, drawWords, say, localized } from "./words.js";

const REFRESH_MS = 15_000, RATE_OVER_S = 10;
const FIRE = {
  kind: "fire", fuel: "mixed-waste", peak_heat_mw: 3,
  smoulder: "3m", smoulder_kg_s: 0.02, growth: "fast", plateau: "20m",
};
// What a press of an element with this `data-action` does.
const CHANGES = { ...alertActions, ...incidentActions, ...robotActions, fire: lightFire };
const VIEWS = { choose, language: switchLanguage, leave };

async function lightFire() {
  const place = await pickPlace(say("fire-aim"));
  if (!place) return;
  await post("simulation/events", { ...FIRE, lat: place[0], lon: place[1] });
  state.fires.push(place);
  notice(say("fire-sent"));
}

function switchLanguage() {
  state.language = localStorage.language = state.language === "ko" ? "en" : "ko";
  drawGround();
}

async function act({ action, subject }) {
  try {
    await (CHANGES[action] ?? VIEWS[action])(subject);
  } catch (error) {
    complain(error);
    await lookWhoAsks(error);
  }
  draw();
  if (CHANGES[action]) await refresh();
}

/** A key that was revoked or may do less than before: what it may not do is no longer offered. */
async function lookWhoAsks(error) {
  if (error.status === 401) location.reload();
  if (error.status === 403) state.me = await get("session");
}

function attend() {
  const found = (event) => event.target.closest?.("[data-action]")?.dataset;
  document.addEventListener("click", (event) => { if (found(event)) act(found(event)); });
  // Devices on the map are no real buttons.
  $("map").addEventListener("keydown", (event) => {
    if (!["Enter", " "].includes(event.key) || !found(event)) return;
    event.preventDefault();
    act(found(event));
  });
  attendAim();
}

function draw() {
  drawWords();
  drawMe();
  const { isShown, mayChange } = simulation();
  $("badge").hidden = !isShown;
  $("fire").hidden = !mayChange;
  $("note").textContent = localized(state.cai, "note") ?? say("note");
  drawLegend();
  drawStations();
  drawDevice();
  drawNews();
}

function drawNews() {
  drawSources();
  drawThings();
  drawAlerts();
  drawIncidents();
  drawRobots();
}

function showLink(isThere) {
  $("link").classList.toggle("off", !isThere);
  $("link").title = say(isThere ? "live" : "lost");
  $("link").setAttribute("aria-label", $("link").title);
  if (isThere) refresh();
}

async function refresh() {
  try {
    await loadAll();
    draw();
  } catch (error) {
    complain(error);
    await lookWhoAsks(error);
  }
}

function tick() {
  const seconds = performance.now() / 1000;
  state.arrived = state.arrived.filter(([at]) => seconds - at < RATE_OVER_S);
  const count = state.arrived.reduce((sum, [, readings]) => sum + readings, 0);
  $("flow").textContent = `${(count / RATE_OVER_S).toFixed(0)} ${say("rate")}`;
  if (state.latest.size) $("clock").textContent = dateAndTime(now());
  drawThings();
  drawRobots();
}

drawWords();
await letIn();
await loadSite();
layOut();
drawGround();
draw();
followSize();
attend();
follow(showLink, drawNews);
setInterval(tick, 1000);
setInterval(refresh, REFRESH_MS);
