// The map drawn by MapLibre: no tiles, no fonts from elsewhere; only the shapes of the site. Its worker is a file of our own.
import { Map as GlMap, setWorkerUrl, type GeoJSONSource, type LayerSpecification, type StyleSpecification } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import "maplibre-gl/dist/maplibre-gl.css";
import type { Place } from "../model";
import { wantedTiles, tiles, type Tiles } from "./tiles";
import { LAYERS, type LayerName, type MapView, type Shape } from "./view";

const EMPTY = { type: "FeatureCollection" as const, features: [] };
const NAMES = Object.keys(LAYERS) as LayerName[];

function layer(name: LayerName): LayerSpecification {
  if (LAYERS[name] === "fill") {
    return { id: name, source: name, type: "fill", paint: { "fill-color": ["get", "colour"], "fill-opacity": ["get", "opacity"], "fill-antialias": false } };
  }
  if (LAYERS[name] === "volume") {
    return {
      id: name, source: name, type: "fill-extrusion",
      paint: { "fill-extrusion-color": ["get", "colour"], "fill-extrusion-opacity": 0.4, "fill-extrusion-height": ["get", "height_m"] },
    };
  }
  return {
    id: name, source: name, type: "line", layout: { "line-cap": "round", "line-join": "round" },
    paint: {
      "line-color": ["get", "colour"], "line-opacity": ["get", "opacity"], "line-width": ["get", "width"],
      ...(LAYERS[name] === "dashes" ? { "line-dasharray": [2, 2] } : {}),
    },
  };
}

function style(ground: string): StyleSpecification {
  return {
    version: 8,
    sources: Object.fromEntries(NAMES.map((name) => [name, { type: "geojson" as const, data: EMPTY }])),
    layers: [{ id: "ground", type: "background", paint: { "background-color": ground } }, ...NAMES.map(layer)],
  };
}

export async function glView(box: HTMLElement, ground: string): Promise<MapView> {
  const wanted = await wantedTiles();
  setWorkerUrl(new URL(workerUrl, location.href).href);
  const map = new GlMap({
    container: box, style: style(ground), attributionControl: false, dragRotate: true, maxZoom: 18, minZoom: 8, fadeDuration: 0, keyboard: true,
  });
  return new Promise((resolve, reject) => {
    map.once("error", ({ error }) => reject(error));
    map.once("load", () => {
      // What is wrong later is wrong with tiles, which the map does without.
      if (wanted) lay(map, wanted);
      map.on("error", ({ error }) => console.warn("map:", error.message));
      resolve(over(map));
    });
  });
}

function lay(map: GlMap, { url, attribution }: Tiles): void {
  map.addSource("tiles", { type: "raster", tiles: [url], tileSize: 256, maxzoom: 19, attribution });
  map.addLayer({ id: "tiles", type: "raster", source: "tiles" }, NAMES[0]);
  tiles.value = { url, attribution };
}

/** Tiles are made for bright pages. */
const dim = (map: GlMap, ground: string) => {
  const isDark = parseInt(ground.slice(1, 3), 16) < 128;
  map.setPaintProperty("tiles", "raster-brightness-max", isDark ? 0.5 : 1);
  map.setPaintProperty("tiles", "raster-saturation", isDark ? -0.5 : -0.2);
};

function over(map: GlMap): MapView {
  const drawn: Partial<Record<LayerName, Shape[]>> = {};
  let tone = "", wanted: Place[] = [], isMoved = false;
  const fit = (places: Place[], animate: boolean) =>
    map.fitBounds(around(places), { padding: { top: 44, left: 56, right: 36, bottom: 76 }, animate, maxZoom: 15.5 });
  map.on("movestart", ({ originalEvent }) => { isMoved ||= Boolean(originalEvent); });
  // What was to be seen stays in view when the box changes, until somebody moves the map.
  map.on("resize", () => { if (wanted.length && !isMoved) fit(wanted, false); });
  return {
    project: ([lat, lon]) => { const { x, y } = map.project([lon, lat]); return [x, y]; },
    unproject: (x, y) => { const { lat, lng } = map.unproject([x, y]); return [lat, lng]; },
    draw(layers, ground) {
      if (tone !== ground) {
        map.setPaintProperty("ground", "background-color", tone = ground);
        if (tiles.value) dim(map, ground);
      }
      for (const name of NAMES) {
        const shapes = layers[name] ?? [], before = drawn[name];
        // Each change paints the whole map anew; the short lists are made anew with each reading, mostly the same.
        if (before === shapes || (before && shapes.length < 20 && JSON.stringify(before) === JSON.stringify(shapes))) continue;
        drawn[name] = shapes;
        void (map.getSource(name) as GeoJSONSource).setData({ type: "FeatureCollection", features: shapes });
      }
    },
    fit(places, animate = false) { wanted = places; isMoved = false; fit(places, animate); },
    zoom: (by) => { isMoved = true; map.easeTo({ zoom: map.getZoom() + by }); },
    tilt: (isTilted) => { if (isTilted !== map.getPitch() > 10) map.easeTo({ pitch: isTilted ? 55 : 0, bearing: 0 }); },
    onMove: (work) => { map.on("move", work); map.on("resize", work); },
    remove: () => map.remove(),
  };
}

function around(places: Place[]): [[number, number], [number, number]] {
  const lats = places.map(([lat]) => lat), lons = places.map(([, lon]) => lon);
  return [[Math.min(...lons), Math.min(...lats)], [Math.max(...lons), Math.max(...lats)]];
}
