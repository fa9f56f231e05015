/** Tracks like those of taxis, for tests of what history takes: the same every time. */
import type { StoreTask } from "../../src/history/message.ts";
import type { HistoryPoint } from "../../src/history/point.ts";

const START_MS = Date.UTC(2026, 10, 20, 8);
const M_PER_DEGREE = 111_195;

/** Numbers from 0 to 1 that look random and are not (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * One chunk for each of so many taxis in San Francisco: a position about every 30 s at up to 15 m/s, on a course that
 * turns, with stops, in 7 decimals, and an accuracy in steps of 0.001 m, as the chunk codec keeps them.
 */
export function taxis(count: number, pointsEach: number, seed = 1): StoreTask[] {
  const random = numbers(seed);
  const chunks: StoreTask[] = [];
  for (let i = 0; i < count; i++) {
    // 36 characters without a pattern, as a UUID has: the ids of most apps.
    const user = `taxi:${Array.from({ length: 31 }, () => Math.floor(random() * 16).toString(16)).join("")}`;
    const points: HistoryPoint[] = [];
    let lat = 37.7 + random() * 0.1;
    let lng = -122.5 + random() * 0.1;
    let ts = START_MS + Math.floor(random() * 3_600_000);
    let course = random() * 2 * Math.PI;
    for (let at = 0; at < pointsEach; at++) {
      const stepM = random() < 0.2 ? 0 : random() * 15 * 30;
      course += (random() - 0.5) * 2;
      lat += (stepM * Math.cos(course)) / M_PER_DEGREE;
      lng += (stepM * Math.sin(course)) / (M_PER_DEGREE * 0.79);
      ts += 30_000 + Math.floor(random() * 1_500);
      const accuracy = Math.round(3_000 + random() * 27_000) / 1_000;
      points.push({ lat: round7(lat), lng: round7(lng), ts, accuracy });
    }
    chunks.push({ kind: "store", user, storedAt: ts + 1_000, points });
  }
  return chunks;
}

function round7(degrees: number): number {
  return Math.round(degrees * 1e7) / 1e7;
}
