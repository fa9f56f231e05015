/** Where the user has been on one day. */
import { computed, signal } from "@preact/signals";

import { distanceM } from "../../geo/distance.ts";
import { api, HistoryPage, type TrailPoint } from "./api.ts";
import { serverNowMs } from "./clock.ts";

export interface Trail {
  /** Local midnight, ms since the epoch. */
  readonly dayMs: number;
  /** Oldest first, without those that the server takes for errors of a receiver. */
  readonly points: readonly TrailPoint[];
  readonly lengthM: number;
}

/** Undefined while the panel is closed: then the map shows none. */
export const trail = signal<Trail | undefined>(undefined);
export const trailState = signal<"loading" | "failed" | "ready">("ready");
/** The chosen moment of the day, ms since the epoch. */
export const momentMs = signal(0);

/** Where the user was at the chosen moment. */
export const momentPoint = computed(() => {
  const points = trail.value?.points ?? [];
  return points.findLast(({ ts }) => ts <= momentMs.value) ?? points[0];
});

/** 30 pages of 1,000: a point every 3 s, all day. */
const PAGES_MAX = 30;

let asked = 0;

export function today(): number {
  return new Date(serverNowMs()).setHours(0, 0, 0, 0);
}

/** The same time of day, `days` later: days of 23 and 25 hours exist. */
export function shiftDay(dayMs: number, days: number): number {
  const date = new Date(dayMs);
  return date.setDate(date.getDate() + days);
}

export async function loadTrail(dayMs: number): Promise<void> {
  asked += 1;
  const mine = asked;
  trailState.value = "loading";
  try {
    const points = await readDay(dayMs);
    if (mine !== asked) return;
    trail.value = { dayMs, points, lengthM: lengthOf(points) };
    momentMs.value = points.at(-1)?.ts ?? dayMs;
    trailState.value = "ready";
  } catch {
    if (mine !== asked) return;
    trail.value = { dayMs, points: [], lengthM: 0 };
    trailState.value = "failed";
  }
}

export function closeTrail(): void {
  asked += 1;
  trail.value = undefined;
}

async function readDay(dayMs: number): Promise<TrailPoint[]> {
  const points: TrailPoint[] = [];
  const range = rangeOf(dayMs);
  let cursor: string | undefined = "";
  for (let page = 0; page < PAGES_MAX && cursor !== undefined; page++) {
    const query: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const answer = await api("GET", `/v1/history?${range}${query}`, { schema: HistoryPage });
    points.push(...answer.points.filter(({ outlier }) => outlier !== true));
    cursor = answer.next;
  }
  return points;
}

function rangeOf(dayMs: number): string {
  return `from=${dayMs}&to=${shiftDay(dayMs, 1)}`;
}

function lengthOf(points: readonly TrailPoint[]): number {
  return points.reduce((sumM, point, i) => {
    const before = points[i - 1];
    return before === undefined ? sumM : sumM + distanceM(before, point);
  }, 0);
}

/** The day as a file that other programs read. */
export function toGpx(points: readonly TrailPoint[]): Blob {
  const lines = points.map(
    ({ lat, lng, ts }) => `<trkpt lat="${lat}" lon="${lng}"><time>${new Date(ts).toISOString()}</time></trkpt>`,
  );
  const head = '<?xml version="1.0" encoding="UTF-8"?>\n<gpx version="1.1" creator="nearby-friends"';
  const text = `${head} xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>\n${lines.join("\n")}\n</trkseg></trk></gpx>\n`;
  return new Blob([text], { type: "application/gpx+xml" });
}
