// The map without WebGL: the same layers as SVG, to zoom and move.
import type { Place } from "../model";
import { LAYERS, type LayerName, type Layers, type MapView, type Shape } from "./view";

const SVG = "http://www.w3.org/2000/svg", MARGIN = 44, STEP = 1.35, LARGEST = 2_000_000, SMALLEST = 500;

export function plainView(box: HTMLElement): MapView {
  const svg = document.createElementNS(SVG, "svg");
  svg.classList.add("plain-map");
  box.append(svg);
  let middle: Place = [0, 0], scale = 1, layers: Layers = {}, wanted: Place[] = [], isMoved = false;
  const listeners: (() => void)[] = [];
  // Asked for once: each question makes the browser lay out what was moved before, device by device.
  let width = box.clientWidth, height = box.clientHeight;
  const squeeze = () => Math.cos((middle[0] * Math.PI) / 180);
  const project = ([lat, lon]: Place): [number, number] =>
    [width / 2 + (lon - middle[1]) * squeeze() * scale, height / 2 - (lat - middle[0]) * scale];
  const unproject = (x: number, y: number): Place =>
    [middle[0] - (y - height / 2) / scale, middle[1] + (x - width / 2) / (squeeze() * scale)];

  function path({ geometry }: Shape): string {
    const pen = (places: [number, number][]) => places.map(([lon, lat], number) => {
      const [x, y] = project([lat, lon]);
      return `${number ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}`;
    }).join("");
    if (geometry.type === "LineString") return pen(geometry.coordinates);
    const rings = geometry.type === "Polygon" ? geometry.coordinates : geometry.coordinates.flat();
    return rings.map((ring) => `${pen(ring)}z`).join("");
  }

  function drawn(name: LayerName, shape: Shape): SVGPathElement {
    const element = document.createElementNS(SVG, "path"), { colour, opacity, width: stroke } = shape.properties, isFill = LAYERS[name] === "fill";
    const attributes = {
      d: path(shape), opacity, fill: isFill ? colour : "none", stroke: isFill ? "none" : colour, "stroke-width": stroke,
      "stroke-linejoin": "round", "stroke-linecap": "round", "data-layer": name, ...(isFill ? { "shape-rendering": "crispEdges" } : {}), ...(LAYERS[name] === "dashes" ? { "stroke-dasharray": "6 6" } : {}),
    };
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    return element;
  }

  function redraw(): void {
    svg.replaceChildren(...(Object.keys(LAYERS) as LayerName[]).filter((name) => LAYERS[name] !== "volume").flatMap((name) => (layers[name] ?? []).map((shape) => drawn(name, shape))));
  }

  function moved(): void {
    redraw();
    listeners.forEach((work) => work());
  }

  function show(places: Place[]): void {
    const lats = places.map(([lat]) => lat), lons = places.map(([, lon]) => lon);
    const [south, north, west, east] = [Math.min(...lats), Math.max(...lats), Math.min(...lons), Math.max(...lons)];
    middle = [(south + north) / 2, (west + east) / 2];
    const across = Math.max(width - 2 * MARGIN, 50) / Math.max((east - west) * squeeze(), 0.002);
    scale = Math.min(across, Math.max(height - 2 * MARGIN, 50) / Math.max(north - south, 0.002));
  }

  function zoomAt(factor: number, x: number, y: number): void {
    const there = unproject(x, y);
    scale = Math.min(Math.max(scale * factor, SMALLEST), LARGEST);
    const [nowX, nowY] = project(there);
    middle = unproject(width / 2 + nowX - x, height / 2 + nowY - y);
    isMoved = true;
    moved();
  }

  svg.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomAt(event.deltaY < 0 ? STEP : 1 / STEP, event.offsetX, event.offsetY);
  }, { passive: false });
  svg.addEventListener("pointermove", (event) => {
    if (!event.buttons) return;
    middle = unproject(width / 2 - event.movementX, height / 2 - event.movementY);
    isMoved = true;
    moved();
  });
  const sizes = new ResizeObserver(() => {
    [width, height] = [box.clientWidth, box.clientHeight];
    if (wanted.length && !isMoved) show(wanted);
    moved();
  });
  sizes.observe(box);

  return {
    project, unproject,
    draw(given, ground) { layers = given; box.style.background = ground; redraw(); },
    fit(places) { wanted = places; isMoved = false; show(places); moved(); },
    zoom: (by) => zoomAt(2 ** by, width / 2, height / 2),
    onMove: (work) => { listeners.push(work); },
    remove() { sizes.disconnect(); box.remove(); },
  };
}
