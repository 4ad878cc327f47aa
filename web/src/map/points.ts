// Thousands of stations: those in view are elements of the page only where they are few enough to be told apart, otherwise one picture.
import { inkOn, shadeOf } from "../colour";

export type Point = [x: number, y: number];
/** A browser lays out and paints so many in a few milliseconds. */
export const MOST_ELEMENTS = 300;
const RADIUS_PX = 6, REACH_PX = 10, MARGIN_PX = 40;

/** What lies within a box, or just outside of it. */
export const within = (points: ReadonlyMap<string, Point>, width: number, height: number): string[] =>
  [...points].filter(([, [x, y]]) => x > -MARGIN_PX && y > -MARGIN_PX && x < width + MARGIN_PX && y < height + MARGIN_PX).map(([name]) => name);

/** The one that is pointed at. */
export function pointedAt(points: ReadonlyMap<string, Point>, [x, y]: Point): string | undefined {
  let least = REACH_PX ** 2, found: string | undefined;
  for (const [name, [atX, atY]] of points) {
    const square = (atX - x) ** 2 + (atY - y) ** 2;
    if (square < least) [least, found] = [square, name];
  }
  return found;
}

export function paint(canvas: HTMLCanvasElement, points: ReadonlyMap<string, Point>): void {
  const { clientWidth: width, clientHeight: height } = canvas, pen = canvas.getContext("2d")!;
  [canvas.width, canvas.height] = [width * devicePixelRatio, height * devicePixelRatio];
  pen.scale(devicePixelRatio, devicePixelRatio);
  for (const [name, [x, y]] of points) {
    const { colour } = shadeOf(name);
    pen.beginPath();
    pen.arc(x, y, RADIUS_PX, 0, 2 * Math.PI);
    pen.fillStyle = colour;
    pen.fill();
    pen.strokeStyle = inkOn(colour);
    pen.globalAlpha = 0.5;
    pen.stroke();
    pen.globalAlpha = 1;
  }
}
