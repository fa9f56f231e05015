/**
 * Two or three people ask, accept, unfriend, block, pause, hide and unhide across each other, with calls that get lost, come
 * late and come twice, and objects that forget. Once calls arrive again, both halves of each pair say the same, and every
 * screen shows what the newest settings allow and nothing else. Computed here from the tables and the true places alone.
 */
import { describe, expect, test } from "vitest";

import { coarsePlace } from "../../src/geo/coarse.ts";
import { distanceM } from "../../src/geo/distance.ts";
import type { Place } from "../../src/geo/place.ts";
import { addCounts, noCounts } from "../sim/counts.ts";
import type { SimObject } from "../sim/object.ts";
import { race } from "../sim/race.ts";
import { run } from "../sim/run.ts";
import type { World } from "../sim/world.ts";

const RACES = 1_000;
const RUN_TIMEOUT_MS = 60_000;

/** What `viewer` has to be shown of `friend`. */
function due(viewer: SimObject, friend: SimObject, radiusM: number): Place | null {
  const [mine, theirs] = [viewer.table.rows.get(friend.id), friend.table.rows.get(viewer.id)];
  const [here, there] = [viewer.truth.place, friend.truth.place];
  if (mine?.standing !== "friend" || theirs?.standing !== "friend" || here === null || there === null) return null;
  if (!viewer.sharing || !friend.sharing || mine.muted) return null;
  if (mine.visibility === "hidden" || theirs.visibility === "hidden") return null;
  const told = theirs.visibility === "coarse" ? coarsePlace(there) : there;
  return distanceM(here, told) <= radiusM ? told : null;
}

/** What is wrong with how two people stand with each other, or null. */
function disagreement(me: SimObject, other: SimObject): string | null {
  const standings = `${me.table.standing(other.id)}/${other.table.standing(me.id)}`;
  const [mine, theirs] = [me.table.blocked.has(other.id), other.table.blocked.has(me.id)];
  // Whoever was blocked may ask, and is not told that nobody hears it.
  const allowed = ["none/none"];
  if (mine && !theirs) allowed.push("none/outgoing");
  if (theirs && !mine) allowed.push("outgoing/none");
  if (!mine && !theirs) allowed.push("friend/friend", "outgoing/incoming", "incoming/outgoing");
  if (!allowed.includes(standings)) return `${me.id} and ${other.id} are ${standings}`;
  const [marked, isMarked] = [other.table.blockedBy.has(me.id), me.table.blockedBy.has(other.id)];
  if (marked !== mine || isMarked !== theirs) return `${me.id} and ${other.id} do not agree on who is blocked`;
  const isOwed = me.table.outbox.has(other.id) || other.table.outbox.has(me.id);
  return isOwed ? `${me.id} and ${other.id} still owe each other a word` : null;
}

function wrongScreens(me: SimObject, other: SimObject, radiusM: number): string[] {
  const told = due(me, other, radiusM);
  const wrong: string[] = [];
  for (const { snapshotSent, view, device } of me.connections.all) {
    const shown = view.get(other.id);
    const isRight = shown?.lat === told?.lat && shown?.lng === told?.lng;
    if (!snapshotSent || !isRight) {
      wrong.push(`screen ${device} of ${me.id} has ${JSON.stringify(shown)} for ${JSON.stringify(told)}`);
    }
  }
  return wrong;
}

interface Ending {
  readonly wrong: string[];
  shown: number;
  friends: number;
  blocks: number;
}

function judge(world: World): Ending {
  const ending: Ending = { wrong: [], shown: 0, friends: 0, blocks: 0 };
  for (const me of world.objects) {
    for (const other of world.objects) {
      if (me === other) continue;
      const wrong = disagreement(me, other);
      ending.wrong.push(...(wrong === null ? [] : [wrong]), ...wrongScreens(me, other, world.scenario.radiusM));
      ending.shown += due(me, other, world.scenario.radiusM) === null ? 0 : 1;
      ending.friends += me.table.standing(other.id) === "friend" ? 1 : 0;
      ending.blocks += me.table.blocked.has(other.id) ? 1 : 0;
    }
  }
  return ending;
}

describe("friendship under a race", () => {
  test(`${RACES} random interleavings end with both halves equal`, { timeout: RUN_TIMEOUT_MS }, () => {
    const counts = noCounts();
    const sum = { shown: 0, friends: 0, blocks: 0 };
    const failures: string[] = [];
    for (let seed = 1; seed <= RACES; seed++) {
      let ending: Ending | null = null;
      const { failure, counts: more } = run(race(seed), undefined, undefined, (world) => {
        ending = judge(world);
      });
      addCounts(counts, more);
      const { wrong, shown, friends, blocks }: Ending = ending ?? { wrong: [], shown: 0, friends: 0, blocks: 0 };
      if (failure !== null) failures.push(`seed ${seed}: ${failure.message}`);
      for (const what of wrong) failures.push(`seed ${seed}: ${what}`);
      sum.shown += shown;
      sum.friends += friends;
      sum.blocks += blocks;
    }
    const { befriended, unfriended, blocked, pauses, coarsened, hidden, lostCalls, lostAnswers, repeatedCalls } =
      counts;
    const line =
      `${RACES} races: ${befriended} friendships, ${unfriended} ended, ${blocked} blocks, ${pauses} pauses, ` +
      `${coarsened} coarsened, ${hidden} hidden, ${lostCalls + lostAnswers} calls lost, ${repeatedCalls} repeated; ` +
      `at the end ${sum.friends / 2} friendships, ${sum.shown} people on screens, ${sum.blocks} blocks, ${failures.length} wrong`;
    console.log(line);
    expect(failures).toEqual([]);
    // Nothing is proved by worlds in which nobody can see anybody, or where the menu of faults did not strike.
    for (const count of [...Object.values(sum), befriended, unfriended, blocked, pauses, coarsened, hidden]) {
      expect(count).toBeGreaterThan(RACES / 10);
    }
    const { evictions, resets, clocksSetBack, slowCalls, reorderedCalls, lateAlarms } = counts;
    for (const fault of [lostCalls, lostAnswers, repeatedCalls, evictions, resets, clocksSetBack, slowCalls]) {
      expect(fault).toBeGreaterThan(RACES / 10);
    }
    expect(Math.min(reorderedCalls, lateAlarms)).toBeGreaterThan(RACES / 10);
  });
});
