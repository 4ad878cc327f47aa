// The chosen quantity between the devices, as the api interpolates it: the surer, the stronger.
import { computed, effect, signal } from "@preact/signals";
import { get, Refusal } from "../api";
import { bandOf, mode, shadeOfBand } from "../colour";
import { complain } from "../notice";
import { at } from "../state";
import { raster, type Grid } from "./raster";
import type { Layers } from "./view";

export interface Field {
  quantity: string; at: string; devices: number; reason: string | null;
  grid: (Grid & { value: number[]; low: number[]; high: number[] }) | null;
}

export const isFieldShown = signal(false);
export const field = signal<Field | null>(null);
const AGAIN_MS = 10_000, STRONGEST = 0.62, FAINTEST = 0.1, STEPS_OF_OPACITY = 6, STEPS_OF_COLOUR = 4;
// An index has no field of its own; what it mostly is of has.
const INDEX_OF = "pm25";
export const fieldQuantity = computed(() => (mode.value === "now" || mode.value === "hour" ? INDEX_OF : mode.value));

export const fieldLayers = computed((): Layers => {
  const known = isFieldShown.value ? field.value : null;
  if (!known?.grid || known.quantity !== fieldQuantity.value) return {};
  const { value, low, high } = known.grid, { quantity } = known;
  return {
    field: raster(known.grid, [value, low, high], ([middle, least, most]) => {
      const classes = bandOf(quantity, most!) - bandOf(quantity, least!);
      return {
        colour: shadeOfBand(quantity, Math.round(bandOf(quantity, middle!) * STEPS_OF_COLOUR) / STEPS_OF_COLOUR), opacity: opacityOf(classes),
      };
    }),
  };
});

/** Nine of ten times the value lies within so many classes. */
export function opacityOf(classes: number): number {
  const share = Math.round(STEPS_OF_OPACITY / (1 + Math.max(0, classes - 0.5))) / STEPS_OF_OPACITY;
  return Number(Math.max(FAINTEST, STRONGEST * share).toFixed(3));
}

let asking = false;
/** One question at a time: in playback the newest instant counts. */
async function load(): Promise<void> {
  if (asking) return;
  asking = true;
  try {
    for (let done = ""; isFieldShown.peek();) {
      const wanted = `field?quantity=${fieldQuantity.peek()}${at.peek() === null ? "" : `&at=${new Date(at.peek()!).toISOString()}`}`;
      if (wanted === done) break;
      field.value = await get<Field>(done = wanted);
    }
  } catch (error) {
    field.value = null;
    // What has no field (noise, the wind) is none, and that the link is lost is said elsewhere.
    if (!(error instanceof Refusal && [0, 422].includes(error.status))) complain(error);
  } finally {
    asking = false;
  }
}

export function followField(): void {
  effect(() => {
    void at.value, fieldQuantity.value;
    if (isFieldShown.value) void load();
    else field.value = null;
  });
  setInterval(() => { if (isFieldShown.value && at.value === null && !document.hidden) void load(); }, AGAIN_MS);
}
