// A line over time with its flags, alerts and the instant that the page shows.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { isDark } from "../map/layers";
import type { Alert } from "../model";
import { isPast, lookedAt, now, site } from "./shared";

export interface Line { label: string; times: number[]; values: (number | null)[]; colour?: string; isDashed?: boolean; reasons?: (string | null)[] }
export interface ChartProps { title: string; unit: string; decimals: number; lines: Line[]; alerts?: Alert[]; limit?: number | undefined; height?: number }

const LONGEST_REASON = 60;
const COLOURS = ["#1f6fd0", "#d1495b", "#2a9d8f", "#8e6bbf", "#b5651d", "#5b7083"];
/** Of the truth of a simulated city. */
export const TRUTH = "#17a34a";
/** Of official stations, whose lines are dashed: hourly means beside own values. */
export const OFFICIAL = ["#a06a00", "#6b5b95"];
const SEVERITY: Record<string, string> = { critical: "#c9302c", warning: "#c98a00", info: "#5b7083" };

/** One table of all instants, as uPlot wants it. */
export function joined(lines: Line[]): uPlot.AlignedData {
  const times = [...new Set(lines.flatMap((line) => line.times))].sort((a, b) => a - b);
  return [times, ...lines.map((line) => {
    const values = new Map(line.times.map((time, number) => [time, line.values[number] ?? null]));
    return times.map((time) => (values.has(time) ? values.get(time)! : undefined));
  })] as uPlot.AlignedData;
}

export function Chart({ title, unit, decimals, lines, alerts = [], limit, height = 110 }: ChartProps) {
  const box = useRef<HTMLDivElement>(null), said = useRef<HTMLSpanElement>(null), instant = now.value, dark = isDark.value;
  const last = lines[0]?.values.findLast((value) => value !== null && value !== undefined);
  const chart = useRef<uPlot | null>(null), shown = useRef(instant);
  shown.current = instant;
  useEffect(() => { chart.current?.redraw(false); }, [instant]);
  useEffect(() => {
    const ink = dark ? "#9aa9b8" : "#566473", grid = dark ? "#2c384488" : "#d8dee588";
    const axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { show: false }, font: "11px system-ui" };
    const made = new uPlot({
      width: Math.max(box.current!.clientWidth, 120), height, legend: { show: false }, tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), site.value.timezone),
      cursor: { y: false, points: { size: 5 } }, scales: { y: { range: (_chart, low, high) => bounds(low, high, limit) } },
      axes: [{ ...axis, size: 22, space: 55, values: [[86400, "{MM}-{DD}", null, null, null, null, null, null, 1], [60, "{HH}:{mm}", null, null, null, null, null, null, 1]] as uPlot.Axis.Values },
        { ...axis, size: 44, space: 26 }],
      series: [{}, ...lines.map((line, number) => ({ label: line.label, stroke: line.colour ?? COLOURS[number % COLOURS.length]!, width: number ? 1 : 1.6, points: { show: !!line.isDashed, size: 4 }, spanGaps: false, ...(line.isDashed ? { dash: [6, 4] } : {}) }))],
      hooks: {
        drawClear: [(plot) => spans(plot, alerts)],
        draw: [(plot) => { flags(plot, lines[0]); upright(plot, shown.current, ink); if (limit !== undefined) level(plot, limit); }],
        setCursor: [(plot) => tell(plot, said.current, lines, decimals)],
      },
    }, joined(lines), box.current!);
    chart.current = made;
    made.over.addEventListener("dblclick", () => { const at = made.posToVal(made.cursor.left ?? 0, "x"); lookedAt(at * 1000); });
    const sizes = new ResizeObserver(() => made.setSize({ width: Math.max(box.current!.clientWidth, 120), height }));
    sizes.observe(box.current!);
    return () => { sizes.disconnect(); made.destroy(); chart.current = null; };
  }, [lines, alerts, dark, height, limit]);
  return (
    <figure>
      <figcaption><span>{title} <small class="quiet">{unit === "1" ? "" : unit}</small></span><span class="quiet cursor" ref={said} /><b>{last === null || last === undefined ? "–" : last.toFixed(decimals)}</b></figcaption>
      {lines.length > 1 && <div class="keys quiet">{lines.map((line, number) => <span key={line.label}><i style={{ background: line.colour ?? COLOURS[number % COLOURS.length] }} />{line.label}</span>)}</div>}
      <div class="plot" ref={box} role="img" aria-label={title} />
    </figure>
  );
}

function bounds(low: number | null, high: number | null, limit: number | undefined): [number, number] {
  const top = Math.max(high ?? 1, 0), bottom = Math.min(low ?? 0, 0);
  const near = limit !== undefined && limit < top * 1.6 ? Math.max(top, limit) : top;
  return [bottom, (near > bottom ? near : bottom + 1) * 1.08];
}

function spans({ ctx, bbox, valToPos }: uPlot, alerts: Alert[]): void {
  for (const { started_at: from, ended_at: until, severity } of alerts) {
    const left = Math.max(valToPos(Date.parse(from) / 1000, "x", true), bbox.left);
    const right = Math.min(until ? valToPos(Date.parse(until) / 1000, "x", true) : bbox.left + bbox.width, bbox.left + bbox.width);
    if (right <= left) continue;
    ctx.fillStyle = `${SEVERITY[severity] ?? SEVERITY["info"]!}26`;
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
    ctx.fillStyle = SEVERITY[severity] ?? SEVERITY["info"]!;
    ctx.fillRect(left, bbox.top, 2, bbox.height);
  }
}

/** A text, cut short where it is too long or does not fit. */
export function fitting(text: string, fits: (text: string) => boolean): string {
  if (text.length <= LONGEST_REASON && fits(text)) return text;
  let length = Math.min(text.length, LONGEST_REASON);
  while (length > 0 && !fits(`${text.slice(0, length)}…`)) length -= 1;
  return `${text.slice(0, length)}…`;
}

/** Values that are flagged, as rings on the line; where a reason begins it is written beside them. */
function flags({ ctx, bbox, valToPos }: uPlot, line: Line | undefined): void {
  let before: string | null = null, free = bbox.left, ringed = -Infinity;
  const apart = 5 * devicePixelRatio;
  ctx.strokeStyle = ctx.fillStyle = "#b85c00";
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.font = `${10 * devicePixelRatio}px system-ui`;
  ctx.textAlign = "left"; // the axes leave it otherwise
  line?.reasons?.forEach((reason, number) => {
    const value = line.values[number];
    const isNew = reason !== before;
    before = reason;
    if (!reason || value === null || value === undefined) return;
    const x = valToPos(line.times[number]!, "x", true), y = valToPos(value, "y", true);
    if (isNew || x - ringed >= apart) {
      ringed = x;
      ctx.beginPath();
      ctx.arc(x, y, 3 * devicePixelRatio, 0, 2 * Math.PI);
      ctx.stroke();
    }
    if (!isNew || x < free) return;
    const text = fitting(reason, (said) => ctx.measureText(said).width <= bbox.width), width = ctx.measureText(text).width;
    const left = Math.min(x, bbox.left + bbox.width - width);
    ctx.fillText(text, left, Math.max(y - 7 * devicePixelRatio, bbox.top + 10 * devicePixelRatio));
    free = left + width;
  });
}

function upright({ ctx, bbox, valToPos }: uPlot, instant: number, ink: string): void {
  const x = valToPos(instant / 1000, "x", true);
  if (!isPast.value || x < bbox.left || x > bbox.left + bbox.width) return;
  ctx.fillStyle = ink;
  ctx.fillRect(x, bbox.top, devicePixelRatio, bbox.height);
}

function level({ ctx, bbox, valToPos }: uPlot, value: number): void {
  const y = valToPos(value, "y", true);
  if (y < bbox.top) return;
  ctx.fillStyle = "#c9302c99";
  for (let x = bbox.left; x < bbox.left + bbox.width; x += 9 * devicePixelRatio) ctx.fillRect(x, y, 5 * devicePixelRatio, devicePixelRatio);
}

function tell(plot: uPlot, element: HTMLElement | null, lines: Line[], decimals: number): void {
  if (!element) return;
  const at = plot.cursor.idx, time = at === null || at === undefined ? undefined : plot.data[0]![at];
  if (time === undefined) { element.textContent = ""; return; }
  const values = lines.map((line, number) => { const value = plot.data[number + 1]![at!]; return value === null || value === undefined ? "" : `${lines.length > 1 ? `${line.label} ` : ""}${value.toFixed(decimals)}`; });
  const where = lines[0]?.times.indexOf(time) ?? -1, reason = where < 0 ? "" : lines[0]?.reasons?.[where] ?? "";
  const clock = new Date(time * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: site.value.timezone });
  element.textContent = [clock, ...values.filter(Boolean), reason].filter(Boolean).join(" · ");
}
