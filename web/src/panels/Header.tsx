// The head of the page: where one is, how data flow, who one is.
import { useEffect, useRef } from "preact/hooks";
import { BASE, post, remove } from "../api";
import { say as notice } from "../notice";
import { linkTo, route } from "../route";
import { run, simulation } from "../simulation";
import { at, isLinked, isRun, isSimulated, isWall, language, live, mayOperate, me, newest, rate, site, sites, theme } from "../state";
import { dateAndTime, label, localized, say, sayOf } from "../words/words";

type Tab = "city" | "network" | "what-if" | "simulation";

export function Header() {
  const { name, role } = me.value, hasKey = name !== "local", page = route.value.page;
  const tabs = [["city", "city"], ["network", "network"], ...(isRun.value ? [] : [["what-if", "what-if"]]), ...(isSimulated.value ? [["simulation", "simulation"]] : [])] as [Tab, Tab][];
  const isIn = (tab: string) => tab === page || (tab === "city" && ["incidents", "devices"].includes(page));
  return (
    <header>
      <h1 id="title">{label(site.value)} {say("air")}</h1>
      {sites.value.length > 1 && !isWall && <SiteChoice />}
      {!isWall && <nav>{BASE.startsWith("/runs/") && <a href="/">← {say("to-city")}</a>}{tabs.map(([tab, word]) => <a key={tab} href={linkTo(tab)} aria-current={isIn(tab) ? "page" : undefined}>{say(word)}</a>)}
        <a href={`${BASE}public?language=${language.value}`} target="_blank" rel="noreferrer" title={say("public-what")}>{say("public")} ↗</a></nav>}
      <span id="clock" class="quiet">{live.value.latest.size > 0 && dateAndTime(at.value ?? newest.value)}</span>
      {isSimulated.value && <span id="badge" class="badge">{run.value ? `${say("finished-run")}: ${localized(simulation.value, "title")}` : say("simulated")}</span>}
      <span class="grow" />
      <span id="flow" class="quiet">{rate.value === null ? "…" : rate.value.toFixed(rate.value < 10 ? 1 : 0)} {say("rate")}</span>
      <span id="link" class={`link ${isLinked.value ? "" : "off"}`} role="img" title={say(isLinked.value ? "live" : "lost")} aria-label={say(isLinked.value ? "live" : "lost")} />
      {hasKey && role && <span id="me" class="quiet">{name} · {sayOf("role", role)}{mayOperate.value ? "" : ` (${say("reads-only")})`}</span>}
      {!isWall && <Buttons hasKey={hasKey} />}
    </header>
  );
}

/** Another of the sites that are served here. */
const SiteChoice = () => (
  <select id="sites" aria-label={say("site")} value={site.value.name} onChange={({ currentTarget }) => {
    location.href = sites.value.find(({ name }) => name === currentTarget.value)!.path;
  }}>
    {sites.value.map((one) => <option key={one.name} value={one.name}>{label(one)}</option>)}
  </select>
);

function Buttons({ hasKey }: { hasKey: boolean }) {
  const switchTheme = () => {
    theme.value = document.documentElement.dataset["theme"] === "dark" ? "light" : "dark";
    localStorage["theme"] = theme.value;
  };
  const switchLanguage = () => { language.value = language.value === "ko" ? "en" : "ko"; localStorage["language"] = language.value; };
  const share = async () => {
    try { await navigator.clipboard.writeText(location.href); notice(say("copied")); } catch { notice(location.href); }
  };
  return (
    <>
      {hasKey && <button id="leave" type="button" onClick={async () => { await remove("session"); location.reload(); }}>{say("leave")}</button>}
      <button type="button" class="icon" title={say("share")} aria-label={say("share")} onClick={share}><svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true"><path d="M6.5 9.5l3-3M7 4.5l1.8-1.8a2.6 2.6 0 0 1 3.7 3.7L10.7 8.200M9 11.500l-1.800 1.800a2.600 2.600 0 0 1-3.700-3.700L5.300 7.800" fill="none" stroke="currentColor" stroke-width="1.500" stroke-linecap="round" /></svg></button>
      <button type="button" class="icon" title={say("theme")} aria-label={say("theme")} onClick={switchTheme}>◐</button>
      <button type="button" onClick={switchLanguage}>{say("language")}</button>
    </>
  );
}

/** Asks for a key; the browser keeps it in a cookie that no script can read. */
export function Door({ wrong, onIn }: { wrong: string; onIn: (wrong: string) => void }) {
  const dialog = useRef<HTMLDialogElement>(null), field = useRef<HTMLInputElement>(null);
  useEffect(() => { if (!dialog.current!.open) dialog.current!.showModal(); field.current!.value = ""; field.current!.focus(); }, [wrong]);
  const enter = async (event: Event) => {
    event.preventDefault();
    onIn(await post("session", { key: field.current!.value.trim() || "-" }).then(() => "", (error: Error) => error.message));
  };
  return (
    <dialog id="door" aria-labelledby="door-text" ref={dialog} onCancel={(event) => event.preventDefault()}>
      <form onSubmit={enter}>
        <p id="door-text">{say("door")}</p>
        <input id="door-key" type="password" autocomplete="current-password" aria-label={say("key")} required ref={field} />
        <button class="main">{say("enter")}</button>
        <p id="door-wrong" class="refusal" role="alert">{wrong}</p>
      </form>
    </dialog>
  );
}
