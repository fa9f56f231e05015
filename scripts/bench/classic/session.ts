/** One connected user: where they are, whom they see, and the frames that follow from what changes. */
import { coarsePlace } from "../../../src/geo/coarse.ts";
import { distanceM } from "../../../src/geo/distance.ts";
import type { Place } from "../../../src/geo/place.ts";
import { type JumpOptions, judge, NO_TRACK, ROUGH_ABOVE_M, type Track } from "../../../src/nearby/jumps.ts";
import { encodeDown, type Friend, type Gone, type GoneReason, type Nearby } from "../../../src/protocol/down.ts";
import type { Fix } from "../../../src/protocol/fix.ts";
import { admit } from "../../../src/protocol/pace.ts";
import type { Position } from "./notice.ts";
import { isPaused, type Known, type Link } from "./people.ts";

/** A socket as far as the rules go. */
export interface Screen {
  /** Nothing about friends is sent before it. */
  hasSnapshot: boolean;
  send(frame: string): void;
}

export interface SessionRules {
  readonly radiusM: number;
  readonly inactiveAfterMs: number;
  readonly positionBurst: number;
  readonly positionMinMs: number;
  readonly jumps: JumpOptions;
}

/** Who asked, so that the answer repeats the `ref` to them alone. */
export interface Asker {
  readonly screen: Screen;
  readonly ref: number | undefined;
}

export class Session {
  readonly me: Known;
  readonly screens = new Set<Screen>();
  readonly links = new Map<string, Link>();

  /** Friendships that changed while the friends were read; null from then on, when changes are acted on at once. */
  missed: Set<string> | null = new Set();

  /** Newer than `me.position` until the own channel has said it. */
  #own: Position | null = null;
  #track: Track = NO_TRACK;
  #tatMs = 0;
  readonly #rules: SessionRules;

  constructor(me: Known, rules: SessionRules) {
    this.me = me;
    this.#rules = rules;
  }

  get position(): Position | null {
    return this.#own;
  }

  /**
   * A live position from a client. The own screens follow with `lookAround`, when the friends' servers can know of it.
   *
   * @returns what friends must be told; or why they need not be
   */
  report(fix: Fix, nowMs: number): Position | "too_fast" | "history_only" {
    const { positionBurst, positionMinMs, jumps } = this.#rules;
    const admission = admit(this.#tatMs, nowMs, positionBurst, positionMinMs);
    if (!admission.ok) return "too_fast";
    this.#tatMs = admission.tatMs;
    const { lat, lng } = fix;
    const next = { lat, lng, ts: Math.min(fix.ts, nowMs), pointTs: fix.ts, rough: (fix.accuracy ?? 0) > ROUGH_ABOVE_M };
    const verdict = judge(this.#own, this.#track, next, jumps);
    this.#track = verdict.track;
    if (verdict.kind !== "live") return "history_only";
    const position: Position = { lat, lng, ts: next.ts, atMs: nowMs, rough: next.rough };
    this.#own = position;
    return position;
  }

  /** The user is there: by another server, or by the cache. */
  moveTo(position: Position, nowMs: number): void {
    this.#own = position;
    this.lookAround(nowMs);
  }

  /** Who comes and goes because the user has moved; and the snapshot, for who has waited for a position. */
  lookAround(nowMs: number): void {
    if (this.#own === null) return;
    for (const link of this.links.values()) this.look(link, nowMs);
    for (const screen of this.screens) if (!screen.hasSnapshot) this.#sendSnapshot(screen, nowMs);
  }

  /** Whether a position from elsewhere is news here. */
  isNews(position: Position): boolean {
    return this.#own === null || position.ts >= this.#own.ts;
  }

  /** No live position for too long: who is not seen sees nobody. */
  fallSilent(nowMs: number): void {
    // A position has just come in, and the channel has not said it yet.
    if (this.#own !== null && !this.#isOver(this.#own, nowMs)) return;
    this.#own = null;
    this.#track = NO_TRACK;
    this.lookAtAll(nowMs);
  }

  /** A new client. It gets the snapshot at once if the user is active. */
  open(screen: Screen, nowMs: number): void {
    this.screens.add(screen);
    if (this.#own !== null && !this.#isOver(this.#own, nowMs)) this.#sendSnapshot(screen, nowMs);
  }

  lookAtAll(nowMs: number): void {
    for (const link of this.links.values()) this.look(link, nowMs);
  }

  /** Brings one friend on the screens in line with what is known now, when the friend has not moved. */
  look(link: Link, nowMs: number): void {
    // Most friends are asleep.
    if (link.friend.position === null && !link.shown) return;
    const reach = this.#reach(link, nowMs);
    if (typeof reach === "string") this.#hide(link, reach);
    else if (!link.shown) this.#show(link, reach);
  }

  /** The friend has moved, or is seen in another way than before. */
  friendMoved(link: Link, nowMs: number): void {
    const reach = this.#reach(link, nowMs);
    if (typeof reach === "string") this.#hide(link, reach);
    else this.#show(link, reach);
  }

  /** The answer to `subscribe`. */
  subscribed(link: Link, asker: Asker, nowMs: number): void {
    link.muted = false;
    const reach = this.#reach(link, nowMs);
    if (typeof reach === "string") {
      asker.screen.send(encodeDown({ type: "gone", id: link.friend.id, reason: reach, ...refOf(asker) }));
      return;
    }
    if (!link.shown) this.#show(link, reach, asker.screen);
    asker.screen.send(encodeDown({ type: "friend", friend: this.#friendOf(link, reach, true), ...refOf(asker) }));
  }

  unsubscribed(link: Link, asker: Asker): void {
    link.muted = true;
    this.#hide(link, "unsubscribed", asker);
  }

  /** The friendship has ended. */
  unfriended(link: Link): void {
    this.#hide(link, "unfriended");
    this.links.delete(link.friend.id);
    link.friend.watchers.delete(link);
  }

  /** To all clients, whatever they have seen. */
  tell(frame: string): void {
    for (const screen of this.screens) screen.send(frame);
  }

  nearby(nowMs: number): Nearby {
    // Whose time is over and who has not been swept out yet.
    this.lookAtAll(nowMs);
    const friends: Friend[] = [];
    for (const link of this.links.values()) {
      const { position } = link.friend;
      if (!link.shown || position === null || this.#own === null) continue;
      friends.push(this.#friendOf(link, distanceM(this.#own, shownPlace(position, link.coarse)), true));
    }
    return { type: "nearby", friends };
  }

  /** How far away the friend is, metres; or why they are not to be shown. */
  #reach({ friend, muted, hidden, coarse }: Link, nowMs: number): number | GoneReason {
    if (muted) return "unsubscribed";
    if (hidden || isPaused(friend, nowMs) || isPaused(this.me, nowMs)) return "paused";
    const { position } = friend;
    if (this.#own === null || position === null || this.#isOver(position, nowMs)) return "inactive";
    const awayM = distanceM(this.#own, shownPlace(position, coarse));
    return awayM > this.#rules.radiusM ? "far" : awayM;
  }

  #show(link: Link, awayM: number, except?: Screen): void {
    const withCard = !link.shown || link.told !== link.friend.card;
    link.shown = true;
    link.told = link.friend.card;
    let frame: string | undefined;
    for (const screen of this.screens) {
      if (!screen.hasSnapshot || screen === except) continue;
      frame ??= this.#friendFrame(link, awayM, withCard);
      screen.send(frame);
    }
  }

  #hide(link: Link, reason: GoneReason, asker?: Asker): void {
    if (!link.shown) return;
    link.shown = false;
    link.told = null;
    const gone: Gone = { type: "gone", id: link.friend.id, reason };
    const frame = encodeDown(gone);
    for (const screen of this.screens) {
      if (screen === asker?.screen) screen.send(encodeDown({ ...gone, ...refOf(asker) }));
      else if (screen.hasSnapshot) screen.send(frame);
    }
  }

  #isOver({ atMs }: Position, nowMs: number): boolean {
    return atMs + this.#rules.inactiveAfterMs <= nowMs;
  }

  #sendSnapshot(screen: Screen, nowMs: number): void {
    screen.send(encodeDown(this.nearby(nowMs)));
    screen.hasSnapshot = true;
  }

  /** Written out for the frame that nearly all frames are: a friend who is shown has moved. */
  #friendFrame(link: Link, awayM: number, withCard: boolean): string {
    const friend = this.#friendOf(link, awayM, withCard);
    if (withCard) return encodeDown({ type: "friend", friend });
    const { id, lat, lng, ts, distance, precision } = friend;
    // A user id has no character that JSON escapes.
    return `{"type":"friend","friend":{"id":"${id}","lat":${lat},"lng":${lng},"ts":${ts},"distance":${distance},"precision":"${precision}"}}`;
  }

  #friendOf({ friend, coarse }: Link, awayM: number, withCard: boolean): Friend {
    const { position } = friend;
    if (position === null) throw new Error("who is shown has a place");
    const { lat, lng } = shownPlace(position, coarse);
    return {
      id: friend.id,
      ...(withCard ? friend.card : undefined),
      lat,
      lng,
      ts: position.ts,
      distance: Math.round(awayM * 10) / 10,
      precision: coarse || position.rough ? "coarse" : "exact",
    };
  }
}

function shownPlace(position: Position, coarse: boolean): Place {
  return coarse || position.rough ? coarsePlace(position) : position;
}

function refOf({ ref }: Asker): { ref: number } | undefined {
  return ref === undefined ? undefined : { ref };
}
