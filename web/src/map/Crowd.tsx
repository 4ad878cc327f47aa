// The picture of many stations, to click at: by the keyboard they are reached in the list, and on the map after a closer look.
import { effect, type ReadonlySignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { goTo } from "../route";
import { devices } from "../state";
import { label } from "../words/words";
import { question } from "./aim";
import { paint, pointedAt, type Point } from "./points";

const DRAG_PX = 6;

export function Crowd({ points }: { points: ReadonlySignal<ReadonlyMap<string, Point>> }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => effect(() => paint(canvas.current!, points.value)), []);
  useEffect(() => {
    const map = canvas.current!.closest<HTMLElement>("#map")!, leaving = new AbortController(), { signal } = leaving;
    let from: Point = [0, 0];
    const place = ({ clientX: x, clientY: y }: MouseEvent): Point => { const { left, top } = map.getBoundingClientRect(); return [x - left, y - top]; };
    const under = (event: MouseEvent) => ((event.target as HTMLElement).closest("button") ? undefined : pointedAt(points.value, place(event)));
    map.addEventListener("pointerdown", (event) => { from = place(event); }, { signal });
    map.addEventListener("pointermove", (event) => {
      const name = event.buttons ? undefined : under(event);
      map.title = name ? label(devices.value.get(name)) : "";
      map.classList.toggle("over", Boolean(name));
    }, { signal });
    map.addEventListener("click", (event) => {
      const name = under(event), [x, y] = place(event);
      // The end of a drag is no choice.
      if (name && !question.value && Math.hypot(x - from[0], y - from[1]) <= DRAG_PX) goTo("devices", name);
    }, { signal });
    return () => { leaving.abort(); map.title = ""; map.classList.remove("over"); };
  }, []);
  return <canvas id="crowd" aria-hidden="true" ref={canvas} />;
}
