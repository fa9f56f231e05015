/** Sends recorded fixes when their time comes. */
import type { NearbyClient } from "../../src/client/index.ts";
import type { TrackFix } from "./tracks.ts";

/**
 * Recorded time runs so many times faster. City fleets report about once a minute: that becomes one position every
 * three seconds, which an eye can follow on the map and a laptop can carry for some hundred vehicles.
 */
export const TRACK_PACE = 20;

const TICK_MS = 50;

export interface ReplayOptions {
  /** In order of time. */
  readonly fixes: readonly TrackFix[];
  /** By index of the entity. */
  readonly clients: readonly NearbyClient[];
  readonly nowMs: () => number;
  /** All fixes have been sent. */
  readonly onEnd: () => void;
}

/** @returns a function that stops the replay */
export function startReplay({ fixes, clients, nowMs, onEnd }: ReplayOptions): () => void {
  const startMs = nowMs();
  let done = 0;
  const timer = setInterval(() => {
    const untilS = ((nowMs() - startMs) / 1000) * TRACK_PACE;
    for (let fix = fixes[done]; fix !== undefined && fix.atS <= untilS; fix = fixes[done]) {
      done += 1;
      // Live positions carry the time of now: the recorded one is years ago, and inactive by any measure.
      clients[fix.entity]?.send({ lat: fix.lat, lng: fix.lng });
    }
    if (done < fixes.length) return;
    clearInterval(timer);
    onEnd();
  }, TICK_MS);
  return () => clearInterval(timer);
}
