import { COARSE_ERROR_M, coarsePlace } from "../../src/geo/coarse.ts";
import { distanceM } from "../../src/geo/distance.ts";
import type { Place } from "../../src/geo/place.ts";
import { mustMeet } from "../../src/nearby/contact.ts";
import { toleranceM } from "../../src/nearby/economy.ts";
import type { Sighting } from "../../src/nearby/sighting.ts";
import type { Visibility } from "../../src/protocol/resources.ts";
import { quietMsOf } from "./core.ts";
import type { SimObject } from "./object.ts";
import type { PersonId } from "./scenario.ts";
import type { World } from "./world.ts";

/** A rule that does not hold. The run ends here. */
export class Violation extends Error {
  readonly rule: string;
  readonly atMs: number;
  constructor(rule: string, atMs: number, detail: string) {
    super(`${rule} at ${atMs} ms: ${detail}`);
    this.rule = rule;
    this.atMs = atMs;
  }
}

/** Both sides compute the same distance from rounded places; nothing is concluded from a pair that stands on the circle. */
const EDGE_M = 0.05;
/** Clocks differ by less than this: what is due at one clock is due everywhere so much later. */
const CLOCKS_MS = 3_000;
const LATE_ALARM_MAX_MS = 61_000;
/** Crossing calls may need a few rounds; more, for one position, is a loop. */
const CALLS_PER_POSITION_MAX = 12;
const HEALED_AFTER = 2;
/** The same in `economy`: what a fault left behind near is noticed when it is time to tell again. */
const HEALED_AFTER_QUIET = 8;

/** The rules that must hold, checked where something happened. */
export class Checks {
  readonly #world: World;
  readonly #calls = new Map<string, number>();
  readonly #comparedPairs = new Set<number>();
  /** Settled and other contacts of active people, seen at positions. */
  readonly kinds = { far: 0, near: 0, unknown: 0 };
  /** Views compared with the oracle. */
  compared = 0;
  /** Answers that repeat what the caller holds. */
  sameAnswers = 0;
  /** Positions that a near friend was not told, in `economy`. */
  spared = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** A position of `teller` leaves its object. */
  told(teller: SimObject, friend: PersonId, sighting: Sighting): void {
    const what = `${teller.id} tells ${friend}`;
    const row = teller.table.rows.get(friend);
    if (row?.standing !== "friend") this.#fail("told-stranger", what);
    if (!teller.sharing) this.#fail("told-paused", what);
    if (row.visibility === "hidden") this.#fail("told-hidden", what);
    const { self } = teller.live.circle;
    if (self.kind !== "active") this.#fail("told-unknown", what);
    const told = toldPlace(self.sighting, row.visibility);
    const isTold = told !== null && told.lat === sighting.lat && told.lng === sighting.lng;
    if (!isTold || sighting.errorM !== errorOf(row.visibility)) this.#fail("told-finer", what);
  }

  /** An answer of the rev that its caller holds may be left out: it has to say nothing else than what is held. */
  answered(from: PersonId, held: Sighting | null, answer: Sighting): void {
    if (held?.rev !== answer.rev) return;
    this.sameAnswers++;
    const { lat, lng, ts, errorM } = answer;
    const isSame = held.lat === lat && held.lng === lng && held.ts === ts && held.errorM === errorM;
    if (!isSame) this.#fail("same-rev", `${from} holds another place of rev ${answer.rev}`);
  }

  called(from: PersonId, to: PersonId): void {
    const name = `${from}>${to}`;
    const calls = (this.#calls.get(name) ?? 0) + 1;
    this.#calls.set(name, calls);
    if (calls > CALLS_PER_POSITION_MAX) this.#fail("storm", `${from} calls ${to} again and again`);
  }

  /** Something happened in `id` that concerns `friend`. */
  after(id: PersonId, friend: PersonId): void {
    const me = this.#world.object(id);
    const other = this.#world.object(friend);
    this.#view(me);
    this.#withdrawn(me, other);
    this.#withdrawn(other, me);
    this.#silence(me, other);
    this.#pair(me, other);
  }

  position(id: PersonId): void {
    const me = this.#world.object(id);
    if (this.#world.isCalm) me.truth.sinceCalm++;
    for (const friend of me.table.rows.keys()) this.#calls.delete(`${id}>${friend}`);
    for (const { pact, call } of me.live.circle.contacts.values()) {
      if (pact.kind !== "away") this.kinds[pact.kind]++;
      if (pact.kind === "near" && call === null && me.live.circle.sharing) this.spared++;
    }
  }

  /** Something happened in `id` that may concern all friends. */
  acted(id: PersonId): void {
    const me = this.#world.object(id);
    this.#view(me);
    for (const friend of me.table.rows.keys()) {
      const other = this.#world.object(friend);
      this.#withdrawn(me, other);
      this.#withdrawn(other, me);
      this.#silence(me, other);
      this.#pair(me, other);
    }
  }

  /** At the end, when everything has settled. @returns the share of all pairs that were ever compared with the oracle */
  everything(): number {
    let pairs = 0;
    for (const me of this.#world.objects) {
      this.#view(me);
      for (const friend of me.table.rows.keys()) {
        if (friend <= me.id) continue;
        pairs++;
        this.#pair(me, this.#world.object(friend));
      }
    }
    return pairs === 0 ? 1 : this.#comparedPairs.size / pairs;
  }

  #fail(rule: string, detail: string): never {
    throw new Violation(rule, this.#world.queue.now - this.#world.startMs, detail);
  }

  /** (a) Nobody is shown what the object knows may not be shown. */
  #view(me: SimObject): void {
    const { self, contacts } = me.live.circle;
    for (const friend of me.table.blocked) {
      if (me.table.standing(friend) !== "none") this.#fail("hears-blocked", `${me.id} has blocked ${friend}`);
    }
    for (const { view, device } of me.connections.all) {
      for (const [friend, place] of view) {
        const what = `screen ${device} of ${me.id} shows ${friend}`;
        if (me.table.standing(friend) !== "friend") this.#fail("shows-stranger", what);
        if (me.table.rows.get(friend)?.muted === true) this.#fail("shows-muted", what);
        if (me.table.rows.get(friend)?.visibility === "hidden") this.#fail("watches-unseen", `${what}, hidden from it`);
        if (me.table.blocked.has(friend)) this.#fail("shows-blocked", what);
        if (!me.sharing) this.#fail("watches-unseen", `${what} while paused`);
        if (self.kind !== "active") return this.#fail("shows-inactive", `${what}, but is ${self.kind}`);
        const heard = me.heard.get(friend);
        if (heard?.away === true && heard.rev >= place.rev) this.#fail("shows-away", `${what}, who has left`);
        if (heard !== undefined && heard.rev > place.rev && heard.errorM > place.errorM)
          this.#fail("shows-finer", what);
        const contact = contacts.get(friend);
        if (contact?.shown !== true) this.#fail("shows-dropped", what);
        const seen = contact?.seen ?? null;
        // Forgotten with the memory: neither the place nor its age is known until the friend answers.
        if (seen === null) continue;
        if (seen.rev !== place.rev) this.#fail("shows-old", `${what} at rev ${place.rev}, not ${seen.rev}`);
        if (distanceM(self.sighting, place) > this.#world.scenario.radiusM) this.#fail("shows-far", what);
      }
    }
  }

  /**
   * (a) across two objects: when nothing is owed and nothing under way, nobody who remembers what was heard shows more than
   * `owner` lets them know, whether anybody has moved since or not.
   */
  #withdrawn(viewer: SimObject, owner: SimObject): void {
    const since = owner.withdrawnAt.get(viewer.id);
    const row = owner.table.rows.get(viewer.id);
    if (since === undefined || row?.standing !== "friend" || viewer.rememberedSince >= since) return;
    if (row.visibility === "exact") return;
    if (owner.table.outbox.has(viewer.id) || this.#world.network.isBusy(viewer.id, owner.id)) return;
    for (const { view, device } of viewer.connections.all) {
      const place = view.get(owner.id);
      if (place === undefined || (row.visibility === "coarse" && place.errorM > 0)) continue;
      this.#fail("shows-withdrawn", `screen ${device} of ${viewer.id} shows ${owner.id}, who is ${row.visibility}`);
    }
  }

  /** (c) While neither side will speak, the distance is above the radius. */
  #silence(me: SimObject, other: SimObject): void {
    const [mine, theirs] = [me.truth.place, other.truth.place];
    if (mine === null || theirs === null || !isSilent(me, other) || !isSilent(other, me)) return;
    const awayM = distanceM(mine, theirs);
    if (awayM > this.#world.scenario.radiusM - EDGE_M) return;
    // One whom the index did not list may not have been met; that is over with the next renewal.
    if (!this.#hasLookedUp(me) || !this.#hasLookedUp(other)) return;
    const why = `${kindOf(me, other)} and ${kindOf(other, me)}`;
    this.#fail("silent-inside", `${me.id} and ${other.id} are silent (${why}) at ${Math.round(awayM)} m`);
  }

  /** (b) Both views are what the oracle says, as soon as the rules promise it. */
  #pair(me: SimObject, other: SimObject): void {
    if (!this.#isComparable(me, other) || !this.#isComparable(other, me)) return;
    if (this.#world.network.isBusy(me.id, other.id) || me.live.asking + other.live.asking > 0) return;
    const isFriend = me.table.standing(other.id) === "friend";
    if (isFriend !== (other.table.standing(me.id) === "friend")) {
      this.#fail("friends-disagree", `${me.id} and ${other.id}`);
    }
    const isShared = isFriend && me.sharing && other.sharing && this.#isActive(me) && this.#isActive(other);
    this.#compare(me, other, isShared);
    this.#compare(other, me, isShared);
    this.#comparedPairs.add(Math.min(me.id, other.id) * 65_536 + Math.max(me.id, other.id));
  }

  /** @param isShared both are there, and neither has paused */
  #compare(viewer: SimObject, friend: SimObject, isShared: boolean): void {
    const [mine, theirs] = [viewer.table.rows.get(friend.id), friend.table.rows.get(viewer.id)];
    const told = isShared && mine?.visibility !== "hidden" ? toldPlace(friend.truth.place, theirs?.visibility) : null;
    let near = false;
    if (told !== null && viewer.truth.place !== null) {
      const awayM = distanceM(viewer.truth.place, told);
      const { radiusM } = this.#world.scenario;
      if (Math.abs(awayM - radiusM) < this.#edgeM) return;
      near = awayM <= radiusM;
    }
    this.compared++;
    const expected = near && mine?.muted !== true ? told : null;
    const what = `${viewer.id} has ${friend.id} as ${kindOf(viewer, friend)}`;
    for (const { snapshotSent, view, device } of viewer.connections.all) {
      if (!snapshotSent) {
        // It waits for every friend of whom nothing is known yet.
        if (near && viewer.live.circle.settled) this.#fail("no-snapshot", `screen ${device} of ${viewer.id}`);
        continue;
      }
      const place = view.get(friend.id);
      if ((place !== undefined) !== (expected !== null)) this.#fail("wrong-view", `${what}: screen ${device}`);
      if (place === undefined || expected === null) continue;
      if (this.#isEconomy) this.#bounded(viewer, friend, distanceM(place, expected));
      else if (place.lat !== expected.lat || place.lng !== expected.lng) {
        this.#fail("old-view", `${what}: screen ${device}`);
      }
    }
  }

  /** `economy`: what is shown is off by no more than agreed, and never silent for longer. */
  #bounded(viewer: SimObject, friend: SimObject, errorM: number): void {
    const known = friend.live.circle.contacts.get(viewer.id);
    const { lastPositionAt } = friend.truth;
    const place = toldPlace(friend.truth.place, known?.visibility);
    if (known === undefined || known.seen === null || known.pact.kind !== "near" || place === null) return;
    // The share is one of the distance that the friend knows.
    const allowedM = toleranceM(distanceM(place, known.seen)) + EDGE_M;
    if (errorM > allowedM) this.#fail("too-far-off", `${friend.id} at ${viewer.id}: ${errorM} m of ${allowedM} m`);
    const { inactiveAfterMs } = this.#world.scenario;
    const quietMs = lastPositionAt + inactiveAfterMs - known.pact.toldUntil;
    if (quietMs > quietMsOf({ inactiveAfterMs }) + CLOCKS_MS) this.#fail("too-quiet", `${friend.id} at ${viewer.id}`);
  }

  get #isEconomy(): boolean {
    return this.#world.build.fanout === "economy";
  }

  /** How close to the radius a pair may be seen either way: in `economy` both sides may be off. */
  get #edgeM(): number {
    return this.#isEconomy ? 2 * toleranceM(this.#world.scenario.radiusM) : EDGE_M;
  }

  /** Nothing rests any more on what the index said while it could lie. */
  #hasLookedUp({ truth }: SimObject): boolean {
    return this.#world.scenario.index === undefined || !this.#world.hadFaults || truth.lookedUp;
  }

  #isActive({ truth }: SimObject): boolean {
    return truth.place !== null && this.#world.queue.now < truth.activeUntil;
  }

  /** Whether the rules promise already that `me` shows `other` correctly. */
  #isComparable(me: SimObject, other: SimObject): boolean {
    const { queue, isCalm, hadFaults, mayForget } = this.#world;
    if (!isCalm || me.table.outbox.has(other.id)) return false;
    const { now } = queue;
    const { truth } = me;
    if (Math.abs(now - truth.activeUntil) < CLOCKS_MS) return false;
    const isActive = this.#isActive(me);
    if (isActive && truth.isLost) return false;
    if (isActive && me.sharing && !this.#hasLookedUp(me)) return false;
    // Near is in no copy, so an object that woke from one tells nobody that its user has become inactive: the friends find
    // out at their next own position. The same goes for a `leave` that was lost.
    const missedLeave =
      isActive && !this.#isActive(other) && truth.lastPositionAt < other.truth.activeUntil + CLOCKS_MS;
    if (mayForget && missedLeave) return false;
    // Positions that were not told did not put off, there, when this user becomes inactive.
    const { inactiveAfterMs } = this.#world.scenario;
    const toldUntil = truth.lastPositionAt + inactiveAfterMs - 2 * quietMsOf(this.#world.scenario);
    if (this.#isEconomy && isActive && now > toldUntil) return false;
    if (!hadFaults) return true;
    if (isActive && truth.sinceCalm < (this.#isEconomy ? HEALED_AFTER_QUIET : HEALED_AFTER)) return false;
    if (!isActive && truth.place !== null && now < truth.activeUntil + CLOCKS_MS + LATE_ALARM_MAX_MS) return false;
    // A friend who did not answer twice is left out for a few positions: that is agreed, and not healed before.
    return !me.leftOut.has(other.id);
  }
}

/** The object `me` tells nothing to `other`, wherever its user goes within the slack. */
function isSilent(me: SimObject, other: SimObject): boolean {
  const { self, sharing, complete, contacts, own } = me.live.circle;
  const row = me.table.rows.get(other.id);
  if (self.kind !== "active" || !sharing || row?.standing !== "friend" || row.visibility === "hidden") return false;
  if (me.live.bonds.putting.has(other.id)) return false;
  const contact = contacts.get(other.id);
  if (contact === undefined) return complete;
  if (contact.call !== null) return false;
  return (
    contact.pact.kind !== "near" &&
    contact.pact.kind !== "unknown" &&
    !mustMeet(contact.pact, own.tell(self.sighting, row.visibility))
  );
}

/** What a friend may know of somebody who is here. */
function toldPlace(place: Place | null, visibility: Visibility = "exact"): Place | null {
  if (place === null || visibility === "hidden") return null;
  return visibility === "coarse" ? coarsePlace(place) : place;
}

function errorOf(visibility: Visibility): number {
  return visibility === "coarse" ? COARSE_ERROR_M : 0;
}

function kindOf(me: SimObject, other: SimObject): string {
  const { complete, contacts } = me.live.circle;
  const pact = contacts.get(other.id)?.pact;
  if (pact === undefined) return complete ? "away (not held)" : "unknown (not held)";
  if (pact.kind === "away") return `away (${pact.reason})`;
  return pact.kind === "far" ? `far by ${pact.slackM} m, pair ${pact.mine % 1e8}/${pact.theirs % 1e8}` : pact.kind;
}
