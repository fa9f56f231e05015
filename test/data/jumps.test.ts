/** What the check of implausible fixes does to a day of San Francisco's taxis, whose receivers jump now and then. */
import { beforeAll, expect, test } from "vitest";

import { type Tracks, readTracks } from "../../scripts/town/tracks.ts";
import { distanceM } from "../../src/geo/distance.ts";
import { type Current, judge, NO_TRACK, type Track } from "../../src/nearby/jumps.ts";
import { dataFile } from "./data-folder.ts";

const OPTIONS = { speedMaxMps: 150, betterForMs: 570_000 };
/** Nobody drives so fast in a city: such a segment is noise at one of its ends. */
const NOISE_MPS = 70;
/** As the settings have it: after a longer silence a taxi is inactive, and its next fix is news. */
const INACTIVE_AFTER_S = 600;
const GAP_MIN_S = 1;

let tracks: Tracks;

beforeAll(async () => {
  tracks = await readTracks(dataFile("tracks/cabspotting_sf_24h.csv.gz"));
}, 60_000);

interface Counts {
  fixes: number;
  held: number;
  real: number;
  jumps: number;
  noisySegments: number;
  noisyLive: number;
}

function replay(): Counts {
  const counts = { fixes: 0, held: 0, real: 0, jumps: 0, noisySegments: 0, noisyLive: 0 };
  let entity = -1;
  let before: Current | null = null;
  let current: Current | null = null;
  let track: Track = NO_TRACK;
  for (const { entity: of, atS, lat, lng } of tracks.fixes) {
    if (of !== entity) [entity, before, current, track] = [of, null, null, NO_TRACK];
    const fix = { lat, lng, ts: atS * 1000, pointTs: atS * 1000, rough: false };
    if (before !== null && speedMps(before, fix) > NOISE_MPS) counts.noisySegments += 1;
    before = fix;
    const isActive: boolean = current !== null && fix.ts - current.ts < INACTIVE_AFTER_S * 1000;
    const verdict = judge(isActive ? current : null, track, fix, OPTIONS);
    counts.fixes += 1;
    if (track.held !== null && verdict.track.held !== track.held) counts[verdict.confirms ? "real" : "jumps"] += 1;
    if (verdict.kind === "held") counts.held += 1;
    if (verdict.kind === "live") {
      if (isActive && current !== null && speedMps(current, fix) > NOISE_MPS) counts.noisyLive += 1;
      current = fix;
    }
    ({ track } = verdict);
  }
  return counts;
}

function speedMps(a: Current, b: Current): number {
  return distanceM(a, b) / Math.max(GAP_MIN_S, (b.ts - a.ts) / 1000);
}

test("[JUMP1] of the taxis' fixes few are held, and far fewer segments show noise", () => {
  const { fixes, held, real, jumps, noisySegments, noisyLive } = replay();
  const percent = (n: number, of = fixes): string => `${((100 * n) / of).toFixed(3)} %`;
  process.stdout.write(
    `taxis: ${fixes} fixes, ${percent(noisySegments)} of segments above ${NOISE_MPS} m/s; held back ${held}` +
      ` (${percent(held)}), of which jumps ${percent(jumps, held)}, real ${percent(real, held)};` +
      ` live segments above ${NOISE_MPS} m/s: ${percent(noisyLive)}\n`,
  );
  expect(fixes).toBeGreaterThan(500_000);
  expect(held).toBeGreaterThan(0);
  // Each is settled by the next fix, but for the last one of a taxi.
  expect(jumps + real).toBeGreaterThan(0.99 * held);
  // Noise is held, driving is not: the file has 0.55 % of noisy segments, and a jump makes two.
  expect(held / fixes).toBeLessThan(0.0055);
  // Some receivers stay where they jumped to: then the next fix agrees, and nobody can tell.
  expect(Math.min(jumps, real)).toBeGreaterThan(0);
  expect(noisyLive).toBeLessThan(0.75 * noisySegments);
});
