/** Lets the town live: moves its people with the clock and sends what their phones would send. */
import type { Place } from "../../src/geo/place.ts";
import { callApi } from "./api.ts";
import type { Member } from "./members.ts";
import { advance, placeAt, type Walker } from "./walkers.ts";

/**
 * A phone reports every 30 s. At the town's pace of 8 that is every 4 s; 2 s make the movement smooth on a screen that
 * people watch for a minute, at a load of some 20 positions a second.
 */
const MOVING_EVERY_MS = 2_000;
/** Who rests still reports, so that friends see that the place is recent. */
const RESTING_EVERY_MS = 10_000;
/** Who is there at the start says so at once, but not all in the same millisecond. */
const FIRST_WITHIN_MS = 500;
/** Resolution of all reports: members are spread over it instead of reporting in one burst. */
const TICK_MS = 100;

export interface TownOptions {
  readonly url: string;
  readonly walkers: readonly Walker[];
  /** By the walker's id. */
  readonly members: ReadonlyMap<string, Member>;
  readonly stops: readonly Place[];
  readonly random: () => number;
  readonly nowMs: () => number;
  /** A request of a member that failed; the town goes on. */
  readonly onProblem: (text: string) => void;
}

interface Inhabitant {
  readonly member: Member;
  walker: Walker;
  dueMs: number;
  isSharing: boolean;
}

/** @returns a function that stops all movement; the members stay connected */
export function startTown(options: TownOptions): () => void {
  const { url, walkers, members, stops, random, nowMs, onProblem } = options;
  const inhabitants: Inhabitant[] = [];
  for (const walker of walkers) {
    const member = members.get(walker.id);
    if (member === undefined) continue;
    inhabitants.push({ member, walker, dueMs: nowMs() + random() * FIRST_WITHIN_MS, isSharing: true });
  }

  function setSharing(inhabitant: Inhabitant, sharing: boolean): void {
    if (inhabitant.isSharing === sharing) return;
    inhabitant.isSharing = sharing;
    const { token } = inhabitant.member;
    callApi(url, { method: "PATCH", path: "/v1/me", token, body: { sharing } }).catch((error: unknown) =>
      onProblem(error instanceof Error ? error.message : String(error)),
    );
  }

  function report(inhabitant: Inhabitant, atMs: number): void {
    inhabitant.walker = advance(inhabitant.walker, stops, atMs, random);
    const { kind, endMs } = inhabitant.walker.activity;
    setSharing(inhabitant, kind !== "paused");
    if (kind === "moving" || kind === "resting") inhabitant.member.client.send(placeAt(inhabitant.walker, atMs));
    const everyMs = kind === "moving" ? MOVING_EVERY_MS : RESTING_EVERY_MS;
    // Not later than the end of a stay: a pause begins and ends when it should.
    inhabitant.dueMs = Math.max(atMs + TICK_MS, Math.min(atMs + everyMs, endMs));
  }

  const timer = setInterval(() => {
    const atMs = nowMs();
    for (const inhabitant of inhabitants) if (inhabitant.dueMs <= atMs) report(inhabitant, atMs);
  }, TICK_MS);
  return () => clearInterval(timer);
}
