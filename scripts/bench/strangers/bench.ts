/** What nearby strangers cost: a city and a stadium on virtual time, and as many people as fit with real objects. */
import { progress } from "../../progress.ts";
import { runCrowd, type CrowdFigures, type CrowdOptions } from "./crowd.ts";
import { cityPlace, stadiumPlace } from "./places.ts";
import { runReal } from "./real.ts";
import { makeStrangersReport, type StrangersReport } from "./report.ts";

const EVERY_MS = 30_000;
const CITY_PEOPLE = 5_000;
const CITY_REPORTS = 20_000;
const STADIUM_PEOPLE = 20_000;
/** The gates are open for so long; then everybody is there for half as long. */
const GATES_MS = 10 * 60_000;

export interface StrangersBenchOptions {
  /** With real objects. */
  readonly people: number;
  readonly onFailure: (error: Error) => void;
  /** Aborted when a socket fails. */
  readonly signal: AbortSignal;
}

export async function benchStrangers({ people, onFailure, signal }: StrangersBenchOptions): Promise<StrangersReport> {
  const real = await runReal({ people, reports: CITY_REPORTS, onFailure, signal });
  const steps = CITY_REPORTS / CITY_PEOPLE;
  const city = await crowd("city", {
    people: CITY_PEOPLE,
    everyMs: EVERY_MS,
    arriveMs: EVERY_MS,
    forMs: steps * EVERY_MS,
    place: cityPlace,
  });
  const inStadium = { people: STADIUM_PEOPLE, everyMs: EVERY_MS, place: stadiumPlace };
  const stadium = await crowd("stadium", { ...inStadium, arriveMs: GATES_MS, forMs: 1.5 * GATES_MS });
  const rush = await crowd("rush", { ...inStadium, arriveMs: EVERY_MS, forMs: 4 * EVERY_MS });
  return makeStrangersReport({ city, stadium, rush, real });
}

async function crowd(name: string, options: CrowdOptions): Promise<CrowdFigures> {
  const { people, everyMs, arriveMs, forMs } = options;
  const bar = progress(`strangers: ${name}`, Math.round(people * ((forMs - arriveMs / 2) / everyMs + 0.5)));
  try {
    return await runCrowd({ ...options, onReport: () => bar.tick() });
  } finally {
    bar.done();
  }
}
