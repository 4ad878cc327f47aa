// Every word of the console, in Korean and English: `say` picks the language that is chosen.
import type { Downwind, Labelled } from "../model";
import { language, newest, site } from "../state";
import { ENGLISH } from "./en";
import { KOREAN } from "./ko";

type Group = { [name: string]: string };
export type Words = { [Key in keyof typeof KOREAN]: (typeof KOREAN)[Key] extends string ? string : Group };
export const WORDS: { ko: Words; en: Words } = { ko: KOREAN as unknown as Words, en: ENGLISH };
type WordKey = { [Key in keyof Words]: Words[Key] extends string ? Key : never }[keyof Words];
type GroupKey = Exclude<keyof Words, WordKey>;

export const say = (key: WordKey): string => WORDS[language.value][key] as string;
/** Of a group of words the one that is named, or the name itself where there is none. */
export const sayOf = (key: GroupKey, name: string): string => (WORDS[language.value][key] as Group)[name] ?? name;

/** What the api wrote in both languages: `label`, `summary`, `title`, `note`. */
export const localized = (thing: object | undefined | null, what: string): string =>
  ((thing as Record<string, string | undefined> | undefined)?.[`${what}_${language.value}`]) ?? "";

/** The flags of a reading, or of each of a series. */
export const flagged = <Found>(thing: { quality?: Found; quality_ko?: Found } | undefined): Found | undefined =>
  (language.value === "ko" ? thing?.quality_ko : undefined) ?? thing?.quality;
export const flagWords = ([severity, reason]: [string, string]): string => `${sayOf("flag", severity)}: ${reason}`;

export const label = (thing: (Labelled & { name?: string; device?: string; robot?: string }) | undefined): string =>
  localized(thing, "label") || thing?.name || thing?.device || thing?.robot || "";

const inCity = (instant: string | number, format: Intl.DateTimeFormatOptions): string =>
  new Date(instant).toLocaleString(language.value, { ...format, timeZone: site.value.timezone });

export const clockTime = (instant: string | number) => inCity(instant, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
export const clockSeconds = (instant: string | number) =>
  inCity(instant, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
export const dateAndTime = (instant: string | number) =>
  inCity(instant, { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

/** The time alone within half a day from now, with its day else. */
export function shortTime(instant: string | number): string {
  const isNear = Math.abs(new Date(instant).getTime() - newest.value) < 12 * 3_600_000;
  const day: Intl.DateTimeFormatOptions = isNear ? {} : { month: "short", day: "numeric" };
  return inCity(instant, { ...day, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

/** How long something lasts: minutes, then hours, then days. */
export function age(milliseconds: number): string {
  const minutes = Math.max(0, Math.round(milliseconds / 60_000));
  if (minutes < 120) return `${minutes} ${say("minutes")}`;
  return minutes < 2880 ? `${Math.round(minutes / 60)} ${say("hours")}` : `${Math.round(minutes / 1440)} ${say("days")}`;
}

/** When a plume arrives: between two times, or at one where earlier versions knew no more. */
export function arrival({ minutes, minutes_10: early, minutes_90: late }: Pick<Downwind, "minutes" | "minutes_10" | "minutes_90">, here = say("arrives-here")): string {
  const [first, last] = [early ?? minutes, late ?? minutes].map((number) => number.toFixed(0)) as [string, string];
  return last === "0" ? here : `${first === last ? first : `${first}–${last}`} ${say("minutes")}`;
}

export const nameOfZone = (name: string | null | undefined) => label(site.value.zones.find((zone) => zone.name === name)) || name || "";
