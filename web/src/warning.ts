// New critical alerts are heard once, and counted in the title of the window.
import { effect } from "@preact/signals";
import type { Alert } from "./model";
import { live, site } from "./state";
import { label, say } from "./words/words";

const known = new Set<string>();
let isFirst = true;

/** Sound two tones for critical alerts that were not there before; what lasts already when the page opens is not new. */
export function warn(alerts: Alert[]): void {
  const fresh = alerts.filter(({ id, severity, active, held_back: held }) => severity === "critical" && active && !held && !known.has(id));
  fresh.forEach(({ id }) => known.add(id));
  if (fresh.length && !isFirst) sound();
  isFirst = false;
}

function sound(): void {
  try {
    const context = new AudioContext();
    for (const [number, hertz] of [880, 660].entries()) {
      const tone = context.createOscillator(), gain = context.createGain();
      gain.gain.value = 0.08;
      tone.frequency.value = hertz;
      tone.connect(gain).connect(context.destination);
      tone.start(context.currentTime + number * 0.18);
      tone.stop(context.currentTime + number * 0.18 + 0.15);
    }
    setTimeout(() => void context.close(), 1000);
  } catch { /* without a sound device the alert is seen, not heard */ }
}

export const countInTitle = () => effect(() => {
  const open = [...live.value.alerts.values()].filter(({ severity, handling }) => severity === "critical" && handling.state === "open").length;
  document.title = `${open ? `(${open}) ` : ""}${label(site.value)} ${say("air")}`;
});
