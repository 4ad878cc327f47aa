// The index of each zone, and the stations, the worst first.
import { signal } from "@preact/signals";
import { indexNow, inkOn, palette, shadeOf, classOf, short } from "../colour";
import { goTo } from "../route";
import { cai, isPast, limits, places, robotNames, shown, site } from "../state";
import { label, localized, say } from "../words/words";

export function Zones() {
  const anyHourly = !isPast.value && site.value.zones.some((zone) => cai.value.zones[zone.name]?.worst);
  return (
    <section id="zones" aria-label={say("zones")}>
      <h2>{say(anyHourly ? "zones" : "zones-now")}</h2>
      {site.value.zones.map((zone) => {
        const worst = cai.value.stations[cai.value.zones[zone.name]?.worst ?? ""], known = worst?.cai !== undefined && !isPast.value;
        const stations = site.value.stations.filter((station) => station.zone === zone.name);
        const nows = stations.map(({ name }) => indexNow(shown.value.latest.get(name))?.value ?? -1), highest = Math.max(-1, ...nows);
        const index = known ? worst.cai! : highest, colour = index < 0 ? "" : palette.value[classOf(index)]!;
        return (
          <div key={zone.name}>
            <span class="quiet">{label(zone)}</span>
            <b style={{ borderColor: colour }}>{index < 0 ? "–" : index}</b>
            <span>{index < 0 ? say("no-index") : localized(limits.value.grades[classOf(index)], "label")}</span>
            {known && highest >= 0 && <span class="quiet">{say("now")} <b class="inline">{highest}</b></span>}
          </div>
        );
      })}
    </section>
  );
}

const FEW = 60;
const mostShown = signal(FEW);

/** The rest of a long list, at a press: thousands of rows would be compared with every reading. */
export function More({ count, shown: most }: { count: number; shown: typeof mostShown }) {
  if (count <= most.value) return null;
  return <button type="button" onClick={() => { most.value += 5 * FEW; }}>{say("more")} ({count - most.value})</button>;
}

export function Stations() {
  const rows = site.value.stations.map((station) => ({
    station, index: indexNow(shown.value.latest.get(station.name))?.value ?? -1, hourly: isPast.value ? undefined : cai.value.stations[station.name]?.cai,
  }));
  rows.sort((a, b) => b.index - a.index);
  return (
    <section>
      <h2>{say("stations")}</h2>
      <table id="stations">
        <thead><tr><th /><th title={say("index-now")}>{say("now")}</th><th title={say("index-hour")}>{say("hourly")}</th><th>PM2.5</th><th>PM10</th></tr></thead>
        <tbody>
          {rows.slice(0, mostShown.value).map(({ station, hourly }) => {
            const values = shown.value.latest.get(station.name)?.values ?? {}, shade = shadeOf(station.name), now = indexNow(shown.value.latest.get(station.name));
            return (
              <tr key={station.name}>
                <td class="name"><span class="swatch" style={{ background: shade.colour }} /><button type="button" class="link" onClick={() => goTo("devices", station.name)}>{label(station)}</button></td>
                <td class="number"><Figure index={now?.value} /></td>
                <td class="number">{hourly ?? "–"}</td>
                <td class="number">{values["pm25"] === undefined ? "" : short(values["pm25"])}</td>
                <td class="number">{values["pm10"] === undefined ? "" : short(values["pm10"])}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <More count={rows.length} shown={mostShown} />
    </section>
  );
}

function Figure({ index }: { index: number | undefined }) {
  if (index === undefined) return <>–</>;
  const colour = palette.value[classOf(index)]!;
  return <span class="figure" style={{ background: colour, color: inkOn(colour) }}>{index}</span>;
}

export const nearest = (name: string, count: number): string[] => {
  const here = places.value.get(name);
  if (!here) return [];
  const far = new Map([...places.value].map(([other, [lat, lon]]) => [other, Math.hypot(lat - here[0], (lon - here[1]) * 0.81)]));
  return [...far.keys()].filter((other) => other !== name && !robotNames.value.has(other)).sort((a, b) => far.get(a)! - far.get(b)!).slice(0, count);
};
