// What charts need of the rest.
import { lookAt } from "../clock";
import type { Columns } from "../model";
import { flagged, flagWords } from "../words/words";
import type { Line } from "./Chart";

export { isPast, now, site } from "../state";
export const lookedAt = lookAt;

/** One quantity of one device out of an answer of `/series`, with the reason where it is flagged. */
export function lineOf(columns: Columns | undefined, key: string, label: string): Line {
  const values = (columns?.[key] ?? []) as (number | null)[];
  const times = (columns?.time ?? []).map((time) => Date.parse(time) / 1000);
  const reasons = flagged(columns)?.map((flags) => (flags?.[key] ? flagWords(flags[key]) : null));
  return { label, times, values, ...(reasons ? { reasons } : {}) };
}
