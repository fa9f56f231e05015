/** What the app says, in the language that was chosen. */
import { computed } from "@preact/signals";

import { lang, type Lang } from "../state/prefs.ts";
import { EN, type Word, type Words } from "./en.ts";
import { KO } from "./ko.ts";

const WORDS: Readonly<Record<Lang, Words>> = { en: EN, ko: KO };

export const LANG_NAMES: Readonly<Record<Lang, string>> = { en: "English", ko: "한국어" };

const words = computed(() => WORDS[lang.value]);

type Values = Readonly<Record<string, string | number>>;

/** A text with its places filled in. Read inside a component, it is drawn again when the language changes. */
export function say(word: Word, values: Values = {}): string {
  return words.value[word].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

type Counted = Word extends infer W ? (W extends `${infer Stem}_one` ? Stem : never) : never;

const plurals = computed(() => new Intl.PluralRules(lang.value));

/** The form of a text for a number, which is `{n}` in it. */
export function sayCount(stem: Counted, n: number): string {
  const form = plurals.value.select(n) === "one" ? "one" : "other";
  return say(`${stem}_${form}`, { n: numbers.value.format(n) });
}

const numbers = computed(() => new Intl.NumberFormat(lang.value));
const metres = computed(() => unitFormat("meter", 0));
const kilometres = computed(() => unitFormat("kilometer", 1));

function unitFormat(unit: string, digits: number): Intl.NumberFormat {
  return new Intl.NumberFormat(lang.value, {
    style: "unit",
    unit,
    unitDisplay: "short",
    maximumFractionDigits: digits,
  });
}

const KM_M = 1000;
/** Below a kilometre to 10 m: receivers are no better, and the last digit would never rest. */
const STEP_M = 10;

export function sayDistance(distanceM: number): string {
  if (distanceM < KM_M - STEP_M / 2) return metres.value.format(Math.round(distanceM / STEP_M) * STEP_M);
  return kilometres.value.format(distanceM / KM_M);
}

const JUST_NOW_MS = 10_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Steps of ages under a minute. */
const SECONDS_STEP = 5;

export function sayAge(ageMs: number): string {
  if (ageMs < JUST_NOW_MS) return say("now");
  if (ageMs < MINUTE_MS) {
    return say("secondsAgo", { n: Math.floor(ageMs / 1000 / SECONDS_STEP) * SECONDS_STEP });
  }
  if (ageMs < HOUR_MS) return say("minutesAgo", { n: Math.floor(ageMs / MINUTE_MS) });
  if (ageMs < DAY_MS) return say("hoursAgo", { n: Math.floor(ageMs / HOUR_MS) });
  return say("daysAgo", { n: Math.floor(ageMs / DAY_MS) });
}

const clockTimes = computed(() => new Intl.DateTimeFormat(lang.value, { hour: "numeric", minute: "2-digit" }));
const fullTimes = computed(
  () => new Intl.DateTimeFormat(lang.value, { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" }),
);

export function sayClock(atMs: number): string {
  return clockTimes.value.format(atMs);
}

/** Without the day while it is less than a day away. */
export function sayTime(atMs: number, nowMs: number): string {
  return (Math.abs(atMs - nowMs) < DAY_MS ? clockTimes : fullTimes).value.format(atMs);
}
