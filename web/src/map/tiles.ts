// Tiles of another server under the map, where the one who runs the city has set some; nothing of them is asked for without WebGL.
import { signal } from "@preact/signals";
import { get } from "../api";

export interface Tiles { url: string; attribution: string }
/** Set once they lie under the map: then the ground of the site file is left out. */
export const tiles = signal<Tiles | null>(null);

export const wantedTiles = (): Promise<Tiles | null> => get<Tiles | null>("tiles").catch(() => null);
