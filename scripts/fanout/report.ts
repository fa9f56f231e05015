/** What a replay found, as one document and as a table. */
import { round } from "../bench/figures.ts";
import type { Mode, ReplayFigures } from "./replay.ts";
import type { SpreadFigures } from "./spread.ts";

export interface FanoutSetup {
  readonly mode: Mode;
  readonly seed: number;
  readonly stepS: number;
  readonly people: number;
  /** On average, as they were made. */
  readonly friendsPerPerson: number;
  readonly edgesUsed: number;
  readonly edgesLeftOut: number;
  readonly edgesRepeated: number;
  /** Wall clock of the whole command, reading included. */
  readonly seconds: number;
}

interface FanoutBounds {
  readonly errorM: SpreadFigures;
  readonly overBound: number;
  readonly quietS: SpreadFigures;
  readonly lateS: SpreadFigures;
  readonly lateM: SpreadFigures;
}

/** The document of `--json`; the last five fields only in mode `economy`. FIELDS says what they mean. */
export interface FanoutReport extends FanoutSetup, Partial<FanoutBounds> {
  readonly updates: number;
  readonly activePerUpdate: number;
  readonly nearbyPerUpdate: number;
  readonly meetingsPerUpdate: number;
  readonly meetingsOfFloor: number | null;
  readonly activationCallsPerUpdate: number;
  readonly wrongViews: number;
}

/** What is measured, in the words of the table. */
const FIELDS = {
  updates: "live positions that were sent",
  activePerUpdate: "active friends of whoever sends one: what a call to each of them costs",
  nearbyPerUpdate: "those of them who truly are within the radius: the floor of exact delivery",
  meetingsPerUpdate: "calls to friends' objects while both are active",
  meetingsOfFloor: "the same as a share of the floor",
  activationCallsPerUpdate: "further calls, which found the friend inactive: a first position asks everybody",
  /** None in naive, which tells everybody everything. */
  wrongViews: "pairs x updates where a screen is wrong about who is near (in exact also about where)",
  errorM: "m that a friend's screen is off about whoever has just sent a position",
  overBound: "how often that is more than max(25 m, 1 % of the distance that the sender knows of)",
  quietS: "s since the two last told each other where they are",
  lateS: "s for which a screen is wrong about somebody who came or went",
  lateM: "m between such a pair's distance and the radius",
} as const satisfies Partial<Record<keyof FanoutReport, string>>;

export function makeReport(setup: FanoutSetup, figures: ReplayFigures): FanoutReport {
  const { updates, active, nearby, meetings, activationCalls, wrongViews } = figures;
  const perUpdate = (sum: number) => (updates === 0 ? 0 : round(sum / updates, 3));
  return {
    ...setup,
    updates,
    activePerUpdate: perUpdate(active),
    nearbyPerUpdate: perUpdate(nearby),
    meetingsPerUpdate: perUpdate(meetings),
    meetingsOfFloor: nearby === 0 ? null : round(meetings / nearby, 4),
    activationCallsPerUpdate: perUpdate(activationCalls),
    wrongViews,
    ...(setup.mode === "economy" ? bounds(figures) : {}),
  };
}

function bounds({ errorM, overBound, quietS, lateS, lateM }: ReplayFigures): FanoutBounds {
  return {
    errorM: rounded(errorM),
    overBound,
    quietS: rounded(quietS),
    lateS: rounded(lateS),
    lateM: rounded(lateM),
  };
}

function rounded({ p99, max }: SpreadFigures): SpreadFigures {
  return { p99: p99 === null ? null : round(p99, 3), max: max === null ? null : round(max, 3) };
}

const NAME_CHARS = 26;
const VALUE_CHARS = 24;

export function formatReport(report: FanoutReport): string {
  const { people, friendsPerPerson, mode, seed, stepS, edgesUsed, edgesLeftOut, edgesRepeated, seconds } = report;
  const left = edgesLeftOut > 0 ? `, ${edgesLeftOut} edges to people who are not in the tracks left out` : "";
  const repeated = edgesRepeated > 0 ? `, ${edgesRepeated} repeated` : "";
  const lines = [
    `${mode}: ${people} people, ${friendsPerPerson} friends each on average (${edgesUsed} edges${left}${repeated})`,
    `an update every ${stepS} s, seed ${seed}, ${seconds} s`,
    "",
  ];
  for (const [name, meaning] of Object.entries(FIELDS)) {
    const value: unknown = Reflect.get(report, name);
    if (value !== undefined) lines.push(name.padEnd(NAME_CHARS) + show(value).padEnd(VALUE_CHARS) + meaning);
  }
  return lines.join("\n");
}

function show(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return Object.entries(value)
    .map(([name, part]) => `${name} ${JSON.stringify(part)}`)
    .join(", ");
}
