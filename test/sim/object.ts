import {
  decodeAttachment,
  decodeKept,
  encodeAttachment,
  encodeKept,
  type ObjectRecord,
  NO_POINTS,
} from "../../durable-objects/user/attachment.ts";
import { NO_TRACK } from "../../src/nearby/jumps.ts";
import type { Answer, AwayReason, Sighting } from "../../src/nearby/sighting.ts";
import type { Self } from "../../src/nearby/state.ts";
import { REST_MAX_MS } from "../../src/protocol/limits.ts";
import { NEW_PACE } from "../../src/protocol/pace.ts";
import type { Visibility } from "../../src/protocol/resources.ts";
import { Alarm } from "./agenda.ts";
import { FriendTable, type Word, type WordReply } from "./bonds.ts";
import { Connections } from "./clients.ts";
import { Live } from "./live.ts";
import type { Action, PersonId } from "./scenario.ts";
import { Truth } from "./truth.ts";
import type { World } from "./world.ts";

/** The newest word of a friend that reached this object and was not forgotten with its memory. */
export interface Heard {
  readonly rev: number;
  readonly away: boolean;
  /** Of the place that was told; 0 = exact. */
  readonly errorM: number;
}

const CONNECTION = {
  device: null,
  lastHeard: 0,
  tokenUntil: 0,
  snapshotSent: false,
  discovery: null,
  pace: NEW_PACE,
  sent: 0,
  saved: 0,
  newestTs: 0,
} as const;

/** One person: what is durable, the memory (`live`) while there is one, and the clients. */
export class SimObject {
  readonly id: PersonId;
  readonly #world: World;
  readonly connections = new Connections();
  readonly table = new FriendTable();
  readonly alarm: Alarm;
  readonly truth = new Truth();
  readonly heard = new Map<PersonId, Heard>();
  /** True time, ms, since which everything that was heard is remembered. */
  rememberedSince = 0;
  /** When a friend's leave to know was last made less while there was something to know: true time, ms. */
  readonly withdrawnAt = new Map<PersonId, number>();
  /** Friends whose calls failed twice in a row: they are left out for some positions, or were until the memory went. */
  readonly leftOut = new Set<PersonId>();
  sharing = true;
  skewMs: number;
  live: Live;
  #attachment: Uint8Array | null = null;
  #row: Uint8Array | null = null;

  constructor(id: PersonId, skewMs: number, world: World) {
    this.id = id;
    this.skewMs = skewMs;
    this.#world = world;
    this.alarm = new Alarm({
      who: id,
      queue: world.queue,
      network: world.network,
      skewMs: () => this.skewMs,
      fire: () => this.#alarm(),
    });
    this.live = new Live(this, world, this.#recall());
  }

  /** The object's clock, ms. */
  get now(): number {
    return this.#world.queue.now + this.skewMs;
  }

  /** Performs one action of the scenario. */
  act(action: Action): void {
    const { live, now, table } = this;
    const { counts } = this.#world;
    switch (action.do) {
      case "position":
        this.#position(action);
        return;
      case "open":
        if (this.connections.has(action.device)) return;
        counts.socketsBack++;
        this.connections.open(action.device);
        live.connected(now);
        return;
      case "close":
        if (!this.connections.has(action.device)) return;
        counts.socketsLost++;
        if (this.connections.close(action.device)) this.#attachment = null;
        live.keep();
        return;
      case "pause":
      case "resume":
        this.#share(action.do === "resume");
        return;
      case "ask":
        // As `putFriend`: asking lifts a block.
        if (table.blocked.has(action.friend)) counts.unblocked++;
        live.bonds.unblock(action.friend, () => {});
        live.bonds.put(action.friend);
        return;
      case "refuse":
        if (table.standing(action.friend) === "friend") counts.unfriended++;
        live.bonds.delete(action.friend);
        return;
      case "mute":
        this.#mute(action.friend, action.on);
        return;
      case "reveal":
        this.#reveal(action.friend, action.visibility);
        return;
      case "block":
        if (!table.blocked.has(action.friend)) counts.blocked++;
        live.bonds.block(action.friend);
        return;
      case "unblock":
        if (table.blocked.has(action.friend)) counts.unblocked++;
        live.bonds.unblock(action.friend, () => {});
        return;
      case "hibernate":
        if (live.isIdle) this.#evict();
        return;
      case "evict":
        this.#evict();
        return;
      case "reset":
        this.#reset(action.skewMs);
        return;
    }
  }

  // Calls of friends' objects, with the checks of object.ts

  hearMeet(from: PersonId, sighting: Sighting, heard: number): Answer {
    this.#world.log?.(() => `${this.id}: hears ${from} at rev ${sighting.rev % 1e8}`);
    const isFriend = this.table.standing(from) === "friend";
    const answer: Answer = isFriend ? this.live.meet(from, sighting, heard, this.now) : { kind: "stranger" };
    this.#world.checks.after(this.id, from);
    return answer;
  }

  hearLeft(from: PersonId, rev: number, reason: AwayReason): void {
    this.#world.log?.(() => `${this.id}: hears that ${from} left, rev ${rev % 1e8}`);
    if (this.table.standing(from) === "friend") this.live.left(from, rev, reason);
    this.#world.checks.after(this.id, from);
  }

  hearWord(from: PersonId, word: Word): WordReply {
    this.#world.log?.(() => `${this.id}: hears a word of ${from}`);
    const before = this.table.standing(from);
    const reply = this.live.bonds.hear(from, word);
    if (before !== "friend" && this.table.standing(from) === "friend") this.#world.counts.befriended++;
    this.#world.checks.after(this.id, from);
    return reply;
  }

  // Copies of the state

  carry(record: ObjectRecord): void {
    this.#attachment = encodeAttachment({ connection: CONNECTION, object: record });
    this.#row = null;
  }

  keep(record: ObjectRecord | null): void {
    this.#row = record === null ? null : encodeKept(record);
  }

  /** What friends said before is gone with the contacts. */
  forget(): void {
    this.heard.clear();
    this.rememberedSince = this.#world.queue.now;
  }

  /** What reached this object, as the newest by rev. The radius, not this note, decides what is shown. */
  heardOf(friend: PersonId, word: Heard): void {
    // Who hides from a friend takes nothing from them.
    if (this.table.rows.get(friend)?.visibility === "hidden") return;
    this.leftOut.delete(friend);
    if (word.rev >= (this.heard.get(friend)?.rev ?? 0)) this.heard.set(friend, word);
  }

  // Parts

  #position({ lat, lng, ts }: Extract<Action, { do: "position" }>): void {
    const { counts, queue } = this.#world;
    const { live, now } = this;
    if (live.circle.self.kind !== "active") counts.wakes++;
    counts.updates++;
    const isLive = live.report({ lat, lng, ts: ts + this.#world.startMs }, now);
    if (isLive) this.truth.moved({ lat, lng }, queue.now, this.#world.scenario.inactiveAfterMs);
    else counts.oldPositions++;
    // Without a socket it came over HTTP, and then the row follows.
    if (this.connections.size === 0) live.keep();
    this.#world.checks.position(this.id);
  }

  #share(sharing: boolean): void {
    if (sharing !== this.sharing) this.#world.counts[sharing ? "resumes" : "pauses"]++;
    this.sharing = sharing;
    this.live.share(sharing, this.now);
    this.live.keep();
  }

  #mute(friend: PersonId, muted: boolean): void {
    const row = this.table.rows.get(friend);
    if (row?.standing !== "friend" || row.muted === muted) return;
    this.#world.counts.mutes++;
    this.table.rows.set(friend, { ...row, muted });
    this.live.mute(friend, muted);
  }

  /** As `patchFriend` of the object. */
  #reveal(friend: PersonId, visibility: Visibility): void {
    const row = this.table.rows.get(friend);
    if (row?.standing !== "friend" || row.visibility === visibility) return;
    const { counts, queue } = this.#world;
    counts[visibility === "exact" ? "revealed" : visibility === "coarse" ? "coarsened" : "hidden"]++;
    this.table.rows.set(friend, { ...row, visibility });
    this.withdrawnAt.delete(friend);
    if (row.visibility === "hidden") this.rememberedSince = queue.now;
    const { self, sharing } = this.live.circle;
    const isKnown = self.kind === "unsure" || (self.kind === "active" && self.sighting.activeUntil > this.now);
    if (visibility !== "exact" && isKnown && sharing) this.withdrawnAt.set(friend, queue.now);
    this.live.reveal(friend);
  }

  #alarm(): void {
    const wasActive = this.live.circle.self.kind !== "inactive";
    this.live.alarm(this.now);
    if (wasActive && this.live.circle.self.kind === "inactive") this.#world.counts.inactive++;
    this.#world.checks.acted(this.id);
  }

  #evict(): void {
    const { counts } = this.#world;
    counts.evictions++;
    this.live.die();
    this.forget();
    const carried = this.#attachment === null ? null : (decodeAttachment(this.#attachment)?.object ?? null);
    if (carried !== null) counts.fromAttachment++;
    this.#wake(carried ?? this.#recall());
    this.#forgot(carried === null);
  }

  #reset(skewMs: number): void {
    const { counts, network } = this.#world;
    counts.resets++;
    if (skewMs < this.skewMs) counts.clocksSetBack++;
    counts.socketsLost += this.connections.size;
    network.reset(this.id);
    this.live.die();
    this.forget();
    this.connections.closeAll();
    this.#attachment = null;
    this.skewMs = skewMs;
    this.#wake(this.#recall());
    this.#forgot(true);
  }

  #wake(record: ObjectRecord): void {
    this.live = new Live(this, this.#world, record);
    const { self, sharing, complete } = record.circle;
    if (self.kind === "active" && sharing && !complete) this.connections.forgetSnapshots();
  }

  #forgot(isMaybeUnsure: boolean): void {
    const { kind } = this.live.circle.self;
    this.#world.log?.(() => `${this.id}: restarts, ${kind}`);
    if (isMaybeUnsure && kind !== "active") this.truth.forgotten();
  }

  /** As `recall` of durable-objects/user/person.ts. */
  #recall(): ObjectRecord {
    const { sharing, now } = this;
    const { alarmAt } = this.alarm;
    const record = this.#row === null ? null : decodeKept(this.#row);
    if (record !== null) {
      this.#world.counts.fromRow++;
      return { ...record, circle: { ...record.circle, sharing }, alarmAt };
    }
    const { inactiveAfterMs } = this.#world.scenario;
    const self: Self = {
      kind: alarmAt !== null && alarmAt <= now + inactiveAfterMs + REST_MAX_MS ? "unsure" : "inactive",
    };
    if (self.kind === "unsure") this.#world.counts.unsure++;
    return {
      circle: { rev: now, sharing, self, complete: false, contacts: [] },
      positionTat: 0,
      track: NO_TRACK,
      alarmAt,
      unsaved: NO_POINTS,
    };
  }
}
