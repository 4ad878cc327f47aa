// A grid of numbers as shapes of the map: drawn between its nodes, in bands of one colour and opacity.
import type { Shape } from "./view";

/** Nodes row by row from the south-west. */
export interface Grid { south: number; west: number; step_lat: number; step_lon: number; rows: number; columns: number }
export interface Paint { colour: string; opacity: number; height_m?: number }

// A cell is drawn in so many parts a side, so that the edges of bands are no stairs of hundreds of metres.
const PARTS = 3;

/** `paint` says how a place between nodes is drawn, from bilinear means of each list; null leaves it clear. */
export function raster(grid: Grid, lists: readonly (readonly number[])[], paint: (values: number[], lat: number, lon: number) => Paint | null): Shape[] {
  const rings = new Map<string, { paint: Paint; strips: [number, number][][][] }>(), dy = grid.step_lat / PARTS, dx = grid.step_lon / PARTS;
  for (let row = 0; row < (grid.rows - 1) * PARTS; row += 1) {
    const south = grid.south + row * dy;
    let open: { key: string; paint: Paint; from: number } | null = null;
    for (let column = 0; column <= (grid.columns - 1) * PARTS; column += 1) {
      const found = column < (grid.columns - 1) * PARTS ? paint(lists.map((list) => between(grid, list, (row + 0.5) / PARTS, (column + 0.5) / PARTS)), south + dy / 2, grid.west + (column + 0.5) * dx) : null;
      const key = found ? `${found.colour} ${found.opacity} ${found.height_m ?? ""}` : "";
      if (open && open.key === key) continue;
      if (open) {
        const kept = rings.get(open.key) ?? { paint: open.paint, strips: [] }, west = grid.west + open.from * dx, east = grid.west + column * dx;
        kept.strips.push([[[west, south], [east, south], [east, south + dy], [west, south + dy], [west, south]]]);
        rings.set(open.key, kept);
      }
      open = found ? { key, paint: found, from: column } : null;
    }
  }
  return [...rings.values()].map(({ paint: properties, strips }) =>
    ({ type: "Feature", properties: { ...properties, width: 0 }, geometry: { type: "MultiPolygon", coordinates: strips } }));
}

function between({ columns }: Grid, list: readonly number[], row: number, column: number): number {
  const south = Math.floor(row), west = Math.floor(column), up = row - south, along = column - west, at = south * columns + west;
  return (1 - up) * ((1 - along) * list[at]! + along * list[at + 1]!) + up * ((1 - along) * list[at + columns]! + along * list[at + columns + 1]!);
}
