import type { FriendNo } from "../../src/nearby/contact.ts";
import type { Effect } from "../../src/nearby/effects.ts";
import type { AwayReason, Sighting } from "../../src/nearby/sighting.ts";
import { Circle } from "../../src/nearby/circle.ts";
import { quietMaxMs } from "../../src/nearby/economy.ts";
import type { CircleState, Shown } from "../../src/nearby/state.ts";
import { type Down, encodeDown, type Friend, type Nearby } from "../../src/protocol/down.ts";
import type { Fix } from "../../src/protocol/fix.ts";
import type { Tally } from "../../src/observe/tally.ts";
import type { Settings } from "../../src/settings.ts";
import type { Activation } from "./activation.ts";
import type { Agenda } from "./agenda.ts";
import type { Connection, Connections } from "./connections.ts";
import { Copies } from "./copies.ts";
import { countPosition, countShown } from "./counting.ts";
import type { FriendRow, Friends } from "./friends.ts";
import { Fixes, type FixesState } from "./fixes.ts";
import { friendOf, movedFrame } from "./friend-frame.ts";
import type { History } from "./history.ts";
import type { Kept } from "./kept.ts";
import { type Meeting, type MeetingsParts, startMeetings } from "./meetings.ts";
import { Snapshots } from "./snapshots.ts";
import type { Meet, Stubs } from "./stubs.ts";
import { Tellings } from "./tellings.ts";
import { decodeSighting } from "./wire.ts";
import { type Card, type Said, sameCard } from "./words.ts";

export interface LiveParts {
  readonly user: string;
  readonly stubs: Stubs;
  readonly meets: Stubs<Meet>;
  readonly settings: Settings;
  readonly friends: Friends;
  readonly connections: Connections;
  readonly agenda: Agenda;
  readonly kept: Kept;
  readonly history: History;
  readonly activation: Activation;
  readonly tally: Tally;
  readonly card: () => Card;
  /** The friend has to hear this user's newest word (durable-objects/user/bonds.ts). */
  readonly owesWord: (no: FriendNo) => void;
  /** The live position is new, or may be known again: of interest beyond the friends. */
  readonly moved: (sighting: Sighting, now: number) => void;
}

/** What became of a live position. */
export type Reported = { readonly live: boolean } | { readonly kind: "too_fast"; readonly retryAfterMs: number };

/** Frames that answer one message: the asker's copy carries its `ref`. */
export interface Asker {
  readonly connection: Connection;
  readonly ref: number | undefined;
}

/** The shell around the pure core: performs its effects and mirrors its state. */
export class Live {
  readonly #parts: LiveParts;
  readonly #circle: Circle;
  readonly #fixes: Fixes;
  /** Friends whose name or avatar changed since clients were told. */
  readonly #newCards = new Set<FriendNo>();
  readonly #snapshots: Snapshots;
  readonly #copies: Copies;
  readonly #tellings: Tellings;
  readonly #meetings: MeetingsParts;

  constructor(parts: LiveParts, record: FixesState & { circle: CircleState }) {
    this.#parts = parts;
    const { radiusM, fanout } = parts.settings;
    const economy = fanout === "economy" ? { quietMs: quietMaxMs(parts.settings) } : {};
    const hasIndex = parts.activation.isOn;
    this.#circle = new Circle({ radiusM, roster: () => parts.friends.roster(), hasIndex, ...economy }, record.circle);
    const { connections, agenda, kept, history, tally, user, meets, friends, card } = parts;
    this.#tellings = new Tellings(card, record.circle.rev);
    this.#meetings = {
      user,
      meets,
      friends,
      tellings: this.#tellings,
      took: (ms) => tally.took("meeting", ms),
      answered: ({ no, callId }, { answer, card: theirs }, now) => {
        const row = theirs === undefined ? undefined : friends.byNo(no);
        if (row !== undefined && theirs !== undefined) this.#learn(row, theirs);
        this.#performAnswer(this.#circle.answered(no, callId, answer, now), now);
      },
      failed: ({ no, callId }, now) => this.#performAnswer(this.#circle.failed(no, callId, now), now),
      ended: () => this.mirror(),
    };
    this.#fixes = new Fixes(parts, record);
    this.#copies = new Copies({ circle: this.#circle, fixes: this.#fixes, connections, agenda, kept, history, tally });
    this.#snapshots = new Snapshots({
      circle: this.#circle,
      connections,
      build: () => this.#snapshot(),
      sent: () => this.mirror(),
    });
  }

  /** What a word to this friend has to say of the user's position. */
  saidTo({ standing, visibility }: FriendRow): Said {
    if (standing !== "friend") return {};
    const told = this.#circle.told(visibility);
    if (told === null) return {};
    if ("reason" in told) return { away: told };
    return visibility === "exact" ? {} : { told: { rev: told.rev, sighting: this.#tellings.encode(told) } };
  }

  /** Where the user is, for others than friends; null while nobody may know. */
  get place(): Sighting | null {
    const { self, sharing } = this.#circle;
    return self.kind === "active" && sharing ? self.sighting : null;
  }

  /** The user counts as active: friends may be shown where. */
  get active(): boolean {
    return this.#circle.self.kind === "active";
  }

  /** To look at. */
  get circle(): Pick<Circle, "self" | "contacts"> {
    return this.#circle;
  }

  // The own user

  /** A client has connected and was welcomed. */
  connected(now: number): void {
    this.#do(this.#circle.watch(now), now);
  }

  /**
   * The newest point of a frame or report. Over the pace nothing happens to it.
   *
   * @param restMs how long its source may be silent although nothing is wrong: so much longer the user counts as active
   */
  report(fix: Fix, now: number, restMs = 0): Reported {
    const taken = this.#fixes.take(fix, this.#circle.self, now);
    if (taken.kind === "too_fast") return taken;
    if (taken.kind !== "live") return { live: false };
    const activeUntil = this.#activeUntil(now + this.#parts.settings.inactiveAfterMs + restMs);
    const { live, effects } = this.#circle.position({ ...taken.fix, activeUntil }, now);
    if (live) {
      this.#parts.agenda.cover(activeUntil, now);
      if (this.place !== null) this.#parts.moved(this.place, now);
      countPosition(this.#parts.tally, this.#circle.contacts.size, effects);
    }
    this.#do(effects, now);
    return { live };
  }

  /** A source that reports rarely goes on reporting, also while another one, which is more often heard, comes and goes. */
  #activeUntil(deadline: number): number {
    const { self } = this.#circle;
    return self.kind === "active" ? Math.max(self.sighting.activeUntil, deadline) : deadline;
  }

  /** Deadlines of the core, from the alarm. @returns the next one, ms, or null */
  alarm(now: number): number | null {
    this.#circle.giveUpUnsure(now);
    this.#do(this.#circle.sweep(now), now);
    const { activation } = this.#parts;
    if (activation.isDue(now)) this.#do(this.#circle.renew(now), now);
    const { self, sharing } = this.#circle;
    if (self.kind !== "active") return null;
    return sharing ? activation.deadline(self.sighting.activeUntil) : self.sighting.activeUntil;
  }

  share(sharing: boolean, now: number): void {
    this.#do(sharing ? this.#circle.resume(now) : this.#circle.pause(now), now);
    if (this.place !== null) this.#parts.moved(this.place, now);
  }

  // Who wakes from the row kept without a socket must not call former friends, nor miss new ones.

  befriend(row: FriendRow, now: number): void {
    this.#do(this.#circle.befriend(row, now), now);
    this.keep();
  }

  unfriend(no: FriendNo): void {
    this.#do(this.#circle.unfriend(no), Date.now());
    this.keep();
  }

  /** What this friend may know of the user has changed. */
  reveal(row: FriendRow, now: number): void {
    this.#do(this.#circle.reveal(row, now), now);
    this.keep();
  }

  /** The account is gone. */
  retire(now: number): void {
    this.#circle.retire(now);
    this.keep();
  }

  mute({ no, muted }: FriendRow, now: number): void {
    this.#do(this.#circle.mute(no, muted, now), now);
    this.keep();
  }

  unsubscribe(no: FriendNo, asker: Asker, now: number): void {
    this.#do(this.#circle.mute(no, true, now), now, asker);
  }

  /** Answers the asker in every case: with the friend, or with why there is none to show. */
  async subscribe(row: FriendRow, asker: Asker, now: number): Promise<void> {
    const effects = this.#circle.mute(row.no, false, now);
    this.#do(effects, now, asker);
    if (effects.some(({ kind }) => kind === "show")) return;
    await this.#snapshots.settled();
    const shown = this.#circle.shown().find(({ no }) => no === row.no);
    const ref = asker.ref === undefined ? {} : { ref: asker.ref };
    this.#parts.connections.send(
      asker.connection,
      shown === undefined
        ? encodeDown({ type: "gone", id: row.id, reason: this.#circle.absence(row.no), ...ref })
        : encodeDown({ type: "friend", friend: this.#friendOf(row, shown, true), ...ref }),
    );
  }

  /** The `nearby` message, once every friend has answered, at the latest after `SNAPSHOT_WAIT_MS`. */
  async nearby(now: number): Promise<Nearby> {
    this.#do(this.#circle.watch(now), now);
    await this.#snapshots.settled();
    return this.#snapshot();
  }

  // Friends' objects

  /**
   * @param told an encoded sighting; the answer is encoded, too (durable-objects/user/wire.ts)
   * @param heard the friend's newest rev of this user; `holds`: with the sighting that came with it
   */
  meet(row: FriendRow, { told, heard, holds }: { told: string; heard: number; holds: boolean }, now: number): string {
    const { sighting, card } = decodeSighting(told);
    this.#learn(row, card);
    const { no, muted, visibility } = row;
    const { answer, effects } = this.#circle.meet({ no, muted, visibility, sighting, heard }, now);
    this.#do(effects, now);
    return this.#tellings.answer(answer, holds ? heard : 0);
  }

  /** A friend's position that came with a word. */
  placed(row: FriendRow, told: string, now: number): void {
    const { sighting, card } = decodeSighting(told);
    this.#learn(row, card);
    this.#do(this.#circle.placed(row, sighting, now), now);
  }

  left(no: FriendNo, rev: number, reason: AwayReason): void {
    this.#do(this.#circle.left(no, rev, reason), Date.now());
  }

  /** The newest rev heard of this friend, 0 for none. */
  heardOf(no: FriendNo): number {
    return this.#circle.contacts.get(no)?.theirRev ?? 0;
  }

  /** A friend has heard newer words of this user than this user's newest. */
  stepOver(told: number, now: number): void {
    this.#circle.own.stepOver(told, now);
    this.mirror();
  }

  // The state's copies (durable-objects/user/copies.ts)

  mirror(): void {
    this.#copies.mirror();
  }

  pointsStored(): void {
    this.#copies.pointsStored();
  }

  keep(): void {
    this.#copies.keep();
  }

  // Effects

  #do(effects: readonly Effect[], now: number, asker?: Asker): void {
    this.#perform(effects, now, asker);
    this.mirror();
  }

  /**
   * The copy of a pact may wait for the last answer of the event: a contact with a call in flight is unknown in it, and
   * unknown is never wrong.
   */
  #performAnswer(effects: readonly Effect[], now: number): void {
    this.#perform(effects, now);
    this.#copies.mirrorIfUrgent();
  }

  #perform(effects: readonly Effect[], now: number, asker?: Asker): void {
    let meetings: Meeting[] | null = null;
    for (const effect of effects) {
      if (effect.kind === "meet") (meetings ??= []).push(effect);
      else this.#performOne(effect, now, asker);
    }
    if (meetings !== null) {
      this.#parts.tally.add("meetings", meetings.length);
      startMeetings(this.#meetings, meetings);
    }
    this.#snapshots.sendIfDue();
  }

  #performOne(effect: Exclude<Effect, { kind: "meet" }>, now: number, asker: Asker | undefined): void {
    const { stubs, friends, owesWord, user } = this.#parts;
    if (effect.kind === "withdraw" || effect.kind === "restate") {
      owesWord(effect.no);
      return;
    }
    if (effect.kind === "lookUp") {
      void this.#lookUp(effect.id);
      return;
    }
    const row = friends.byNo(effect.no);
    if (row === undefined) return;
    switch (effect.kind) {
      case "show":
        this.#show(row, effect, now, asker);
        return;
      case "hide":
        this.#toClients({ type: "gone", id: row.id, reason: effect.reason }, asker);
        return;
      case "leave":
        // One try: a friend who misses it drops this user when the position is too old.
        stubs
          .call<void>(row.id, "left", (stub, onward) => stub.left(user, effect.rev, effect.reason, onward))
          .catch(() => {});
        return;
    }
  }

  #show(row: FriendRow, effect: Extract<Effect, { kind: "show" }>, now: number, asker: Asker | undefined): void {
    const { connections, tally, settings } = this.#parts;
    countShown(tally, effect, { clients: connections.size, now });
    const usuallyUntil = now + settings.inactiveAfterMs;
    const withCard = (this.#newCards.size > 0 && this.#newCards.delete(row.no)) || effect.isNew;
    if (withCard || asker !== undefined) {
      this.#toClients({ type: "friend", friend: friendOf(row, effect, { withCard, usuallyUntil }) }, asker);
    } else connections.broadcast(movedFrame(row, effect, usuallyUntil));
  }

  #toClients(message: Extract<Down, { type: "friend" | "gone" }>, asker: Asker | undefined): void {
    const { connections } = this.#parts;
    connections.broadcast(encodeDown(message), asker?.connection);
    if (asker === undefined) return;
    const { ref } = asker;
    connections.send(asker.connection, encodeDown(ref === undefined ? message : { ...message, ref }));
  }

  async #lookUp(id: number): Promise<void> {
    const listing = await this.#parts.activation.lookUp(this.#circle.rev, Date.now());
    const { version } = this.#circle;
    const now = Date.now();
    this.#do(this.#circle.listed(id, listing, now), now);
    // Who wakes from a row in which everybody is unknown would ask everybody after all.
    if (version !== this.#circle.version) this.keep();
  }

  #friendOf(row: FriendRow, shown: Pick<Shown, "sighting" | "distanceM">, withCard: boolean): Friend {
    return friendOf(row, shown, { withCard, usuallyUntil: Date.now() + this.#parts.settings.inactiveAfterMs });
  }

  #learn(row: FriendRow, card: Card): void {
    if (sameCard(row.card, card)) return;
    this.#parts.friends.setCard(row, card);
    this.#newCards.add(row.no);
  }

  // Snapshots

  #snapshot(): Nearby {
    const list: Friend[] = [];
    for (const shown of this.#circle.shown()) {
      const row = this.#parts.friends.byNo(shown.no);
      if (row !== undefined) list.push(this.#friendOf(row, shown, true));
    }
    // Shown before a restart and not heard of since: whoever gets this snapshot does not have the card.
    for (const { no, shown, seen } of this.#circle.contacts.values())
      if (shown && seen === null) this.#newCards.add(no);
    return { type: "nearby", friends: list.toSorted((a, b) => a.distance - b.distance) };
  }
}
