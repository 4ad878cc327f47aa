// The operator's console starts here: nothing from elsewhere, no script in the markup.
import { effect, signal } from "@preact/signals";
import { render } from "preact";
import { get } from "./api";
import { runClock } from "./clock";
import { follow, loadSite, loadSites, refresh } from "./data";
import { followField } from "./map/field";
import { isDark } from "./map/layers";
import { MapPane } from "./map/MapPane";
import { followPlumes } from "./map/plume";
import type { Me } from "./model";
import { afterActions, notice } from "./notice";
import { Alerts, SilenceDialog } from "./panels/Alerts";
import { DevicePage } from "./panels/DevicePage";
import { Door, Header } from "./panels/Header";
import { IncidentPage } from "./panels/IncidentPage";
import { Incidents } from "./panels/Incidents";
import { NetworkPage } from "./panels/NetworkPage";
import { Official } from "./panels/Official";
import { Robots } from "./panels/Robots";
import { takeDrops } from "./panels/RunDrop";
import { SimulationPage } from "./panels/SimulationPage";
import { Stations, Zones } from "./panels/Stations";
import { WhatIfPage } from "./panels/WhatIfPage";
import { Timeline } from "./panels/Timeline";
import { followAddress, linkTo, route } from "./route";
import { followSimulation, loadSimulation } from "./simulation";
import { cai, isLinked, isPast, isWall, language, me, site } from "./state";
import { countInTitle } from "./warning";
import { localized, say } from "./words/words";
import "./style.css";

const isReady = signal(false), wrong = signal("");

function City() {
  return (
    <>
      <Zones />
      <Incidents />
      <Alerts />
      {!isPast.value && <section><h2>{say("robots")}</h2><Robots /></section>}
      <Stations />
      <Official />
      <p id="note" class="quiet">{localized(cai.value, "note") || say("note")}</p>
    </>
  );
}

function Panel() {
  const { page, id } = route.value;
  if (page === "incidents" && id) return <><Back /><IncidentPage key={id} id={id} /></>;
  if (page === "devices" && id) return <><Back /><DevicePage key={id} name={id} /></>;
  if (page === "network") return <NetworkPage />;
  if (page === "what-if") return <WhatIfPage />;
  return page === "simulation" ? <SimulationPage /> : <City />;
}

const Back = () => <a class="back" href={linkTo("city")}>← {say("back")}</a>;

function Page() {
  if (!isReady.value) return me.value.role === null && wrong.value !== "-" ? <Door wrong={wrong.value} onIn={(line) => { wrong.value = line; void enter(); }} /> : null;
  const { page, id } = route.value, kind = (page === "incidents" || page === "devices") && id ? "detail" : page;
  return (
    <>
      <Header />
      {!isLinked.value && hasBeenLinked && <p id="lost" role="status">{say("lost")}</p>}
      <main class={kind}>
        <MapPane />
        <aside class="column">{!isWall && isPast.value && <p class="quiet banner">{say("past-only")}</p>}<Panel /></aside>
      </main>
      {!isWall && <Timeline />}
      {notice.value.line && <p id="notice" role="alert" class={notice.value.kind}>{notice.value.line}</p>}
      <SilenceDialog />
    </>
  );
}

let hasBeenLinked = false;

/** Ask who the key belongs to; without one the page asks for it. */
async function enter(): Promise<void> {
  try {
    me.value = await get<Me>("session");
  } catch (error) {
    wrong.value = (error as Error).message;
  }
  if (!me.value.role || isReady.value) { wrong.value = wrong.value === "-" ? "" : wrong.value; return; }
  await loadSites();
  await loadSite();
  followAddress();
  runClock();
  countInTitle();
  afterActions(async () => { await refresh(); await loadSimulation().catch(() => undefined); });
  follow();
  followField();
  followPlumes();
  followSimulation();
  takeDrops();
  isReady.value = true;
}

wrong.value = "-";
effect(() => { hasBeenLinked ||= isLinked.value; });
effect(() => {
  document.documentElement.lang = language.value;
  document.documentElement.dataset["theme"] = isDark.value ? "dark" : "light";
});
if (isWall) document.documentElement.dataset["wall"] = "";
void site;
render(<Page />, document.getElementById("page")!);
void enter();
