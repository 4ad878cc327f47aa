// What the map is drawn with: MapLibre where the browser has WebGL, otherwise plain SVG. Both draw the same layers.
import type { Place } from "../model";

export interface Shape {
  type: "Feature";
  properties: { colour: string; opacity: number; width: number; height_m?: number };
  geometry: { type: "Polygon"; coordinates: [number, number][][] } | { type: "MultiPolygon"; coordinates: [number, number][][][] }
    | { type: "LineString"; coordinates: [number, number][] };
}
// From the ground up.
export const LAYERS = {
  land: "fill", water: "line", zones: "fill", field: "fill", edges: "line", roads: "line", loops: "dashes",
  downwind: "fill", plume: "fill", bad: "fill", far: "fill", near: "fill", circle: "line", trails: "line", ways: "dashes", lofted: "volume",
} as const;
export type LayerName = keyof typeof LAYERS;
export type Layers = Partial<Record<LayerName, Shape[]>>;

export interface MapView {
  /** Where a place is in the box of the map [px]. */
  project(place: Place): [number, number];
  unproject(x: number, y: number): Place;
  draw(layers: Layers, ground: string): void;
  /** Show all of these places. */
  fit(places: Place[], animate?: boolean): void;
  zoom(by: number): void;
  tilt?(isTilted: boolean): void;
  onMove(work: () => void): void;
  remove(): void;
}

export const polygon = (outlines: Place[][], colour: string, opacity: number): Shape => ({
  type: "Feature", properties: { colour, opacity, width: 0 }, geometry: { type: "Polygon", coordinates: outlines.map(closed) },
});
export const line = (places: Place[], colour: string, width: number, opacity = 1): Shape => ({
  type: "Feature", properties: { colour, opacity, width }, geometry: { type: "LineString", coordinates: places.map(flipped) },
});
const flipped = ([lat, lon]: Place): [number, number] => [lon, lat];
const closed = (places: Place[]): [number, number][] => [...places, places[0]!].map(flipped);

const METRES_PER_DEGREE = 111_320;
const perMetre = (lat: number): [number, number] => [1 / METRES_PER_DEGREE, 1 / (METRES_PER_DEGREE * Math.cos((lat * Math.PI) / 180))];

/** Square cells as one shape. */
export function squares(cells: readonly (readonly [number, number, number])[], side_m: number, colour: string, opacity: number): Shape {
  const half = side_m / 2;
  const rings = cells.map(([lat, lon]) => {
    const [up, right] = perMetre(lat), dy = half * up, dx = half * right;
    return [closed([[lat - dy, lon - dx], [lat - dy, lon + dx], [lat + dy, lon + dx], [lat + dy, lon - dx]])];
  });
  return { type: "Feature", properties: { colour, opacity, width: 0 }, geometry: { type: "MultiPolygon", coordinates: rings } };
}

export function circle([lat, lon]: Place, radius_m: number): Place[] {
  const [up, right] = perMetre(lat);
  return Array.from({ length: 49 }, (_, number): Place => {
    const angle = (number / 48) * 2 * Math.PI;
    return [lat + radius_m * up * Math.sin(angle), lon + radius_m * right * Math.cos(angle)];
  });
}
