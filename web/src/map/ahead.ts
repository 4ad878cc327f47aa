// How plumes are looked at: for how many minutes ahead of the instant that is shown, and whether from the side.
import { signal } from "@preact/signals";

export const STEP_MIN = 10, MOST_AHEAD_MIN = 60;
export const ahead = signal(0);
export const isTilted = signal(false);
