import type { FriendNo } from "../../src/nearby/contact.ts";
import type { Effect } from "../../src/nearby/effects.ts";
import type { AwayReason, Sighting } from "../../src/nearby/sighting.ts";
import { Circle } from "../../src/nearby/circle.ts";
import { quietMaxMs } from "../../src/nearby/economy.ts";
import type { CircleState } from "../../src/nearby/state.ts";
import { type Down, encodeDown, type Friend, type Nearby } from "../../src/protocol/down.ts";
import type { Fix } from "../../src/protocol/fix.ts";
import { SNAPSHOT_WAIT_MS } from "../../src/protocol/limits.ts";
import { admit } from "../../src/protocol/pace.ts";
import type { Settings } from "../../src/settings.ts";
import type { Agenda } from "./agenda.ts";
import type { ObjectRecord } from "./attachment.ts";
import type { Connection, Connections } from "./connections.ts";
import type { FriendRow, Friends } from "./friends.ts";
import type { Kept } from "./kept.ts";
import { callMeet } from "./meetings.ts";
import type { Stubs } from "./stubs.ts";
import { decodeReply, decodeSighting, encodeAnswer, encodeSighting } from "./wire.ts";
import { type Card, type MeetReply, sameCard } from "./words.ts";

export interface LiveParts {
  readonly user: string;
  readonly stubs: Stubs;
  readonly settings: Settings;
  readonly friends: Friends;
  readonly connections: Connections;
  readonly agenda: Agenda;
  readonly kept: Kept;
  readonly card: () => Card;
  /** The friend has to hear this user's newest word (durable-objects/user/bonds.ts). */
  readonly owesWord: (no: FriendNo) => void;
}

/** What became of a live position. */
export type Reported = { readonly live: boolean } | { readonly retryAfterMs: number };

/** Frames that answer one message: the asker's copy carries its `ref`. */
export interface Asker {
  readonly connection: Connection;
  readonly ref: number | undefined;
}

/** The shell around the pure core: performs its effects and mirrors its state. */
export class Live {
  readonly #parts: LiveParts;
  readonly #circle: Circle;
  #positionTat: number;
  /** Friends whose name or avatar changed since clients were told. */
  readonly #newCards = new Set<FriendNo>();
  #snapshotTimer: ReturnType<typeof setTimeout> | null = null;
  readonly #settledWaiters = new Set<() => void>();
  #told: { readonly sighting: Sighting; readonly card: Card; readonly text: string } | null = null;
  #mirroredVersion = -1;
  #mirroredUrgency = -1;
  /** `roused` of the core when the row was written. */
  #keptRoused = 0;
  #mirroredAlarmAt: number | null = null;

  constructor(parts: LiveParts, record: { circle: CircleState; positionTat: number }) {
    this.#parts = parts;
    this.#positionTat = record.positionTat;
    const { radiusM, fanout } = parts.settings;
    const economy = fanout === "economy" ? { quietMs: quietMaxMs(parts.settings) } : {};
    this.#circle = new Circle({ radiusM, roster: () => parts.friends.roster(), ...economy }, record.circle);
  }

  get away(): { rev: number; reason: AwayReason } | undefined {
    return this.#circle.sharing ? undefined : { rev: this.#circle.rev, reason: "paused" };
  }

  // The own user

  /** A client has connected and was welcomed. */
  connected(now: number): void {
    this.#do(this.#circle.watch(now));
  }

  /** The newest point of a frame or report. Over the pace nothing happens to it. */
  report(fix: Fix, now: number): Reported {
    const { settings } = this.#parts;
    const admission = admit(this.#positionTat, now, settings.positionBurst, settings.positionMinMs);
    if (!admission.ok) return { retryAfterMs: admission.retryAfterMs };
    this.#positionTat = admission.tatMs;
    // A phone's clock may run ahead: nobody is shown to have been somewhere in the future.
    const ts = Math.min(fix.ts, now);
    const activeUntil = now + settings.inactiveAfterMs;
    const { live, effects } = this.#circle.position({ lat: fix.lat, lng: fix.lng, ts, activeUntil }, now);
    if (live) this.#parts.agenda.cover(activeUntil, now);
    this.#do(effects);
    return { live };
  }

  /** Deadlines of the core, from the alarm. @returns the next one, ms, or null */
  alarm(now: number): number | null {
    this.#circle.giveUpUnsure(now);
    this.#do(this.#circle.sweep(now));
    const { self } = this.#circle;
    return self.kind === "active" ? self.sighting.activeUntil : null;
  }

  share(sharing: boolean, now: number): void {
    this.#do(sharing ? this.#circle.resume(now) : this.#circle.pause(now));
  }

  // Who wakes from the row kept without a socket must not call former friends, nor miss new ones.

  befriend({ no, muted }: FriendRow, now: number): void {
    this.#do(this.#circle.befriend(no, muted, now));
    this.keep();
  }

  unfriend(no: FriendNo): void {
    this.#do(this.#circle.unfriend(no));
    this.keep();
  }

  unsubscribe(no: FriendNo, asker: Asker, now: number): void {
    this.#do(this.#circle.mute(no, true, now), asker);
  }

  /** Answers the asker in every case: with the friend, or with why there is none to show. */
  async subscribe(row: FriendRow, asker: Asker, now: number): Promise<void> {
    const effects = this.#circle.mute(row.no, false, now);
    this.#do(effects, asker);
    if (effects.some(({ kind }) => kind === "show")) return;
    await this.#settled();
    const shown = this.#circle.shown().find(({ no }) => no === row.no);
    const ref = asker.ref === undefined ? {} : { ref: asker.ref };
    this.#parts.connections.send(
      asker.connection,
      shown === undefined
        ? encodeDown({ type: "gone", id: row.id, reason: this.#circle.absence(row.no), ...ref })
        : encodeDown({ type: "friend", friend: friendOf(row, shown.sighting, shown.distanceM, true), ...ref }),
    );
  }

  /** The `nearby` message, once every friend has answered, at the latest after `SNAPSHOT_WAIT_MS`. */
  async nearby(now: number): Promise<Nearby> {
    this.#do(this.#circle.watch(now));
    await this.#settled();
    return this.#snapshot();
  }

  // Friends' objects

  /** @param told an encoded sighting; the answer is encoded, too (durable-objects/user/wire.ts) */
  meet(row: FriendRow, told: string, heard: number, now: number): string {
    const { sighting, card } = decodeSighting(told);
    this.#learn(row, card);
    const { answer, effects } = this.#circle.meet({ no: row.no, muted: row.muted, sighting, heard }, now);
    this.#do(effects);
    return encodeAnswer(answer, answer.kind === "active" ? this.#tell(answer.sighting) : "");
  }

  left(no: FriendNo, rev: number, reason: AwayReason): void {
    this.#do(this.#circle.left(no, rev, reason));
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

  answered(no: FriendNo, callId: number, { answer, card }: MeetReply, now: number): void {
    const row = card === undefined ? undefined : this.#parts.friends.byNo(no);
    if (row !== undefined && card !== undefined) this.#learn(row, card);
    this.#performAnswer(this.#circle.answered(no, callId, answer, now));
  }

  failed(no: FriendNo, callId: number, now: number): void {
    this.#performAnswer(this.#circle.failed(no, callId, now));
  }

  // The state's copies

  /** Brings the copy of the state up to date, if it has to be: a socket's attachment, which costs no row. */
  mirror(): void {
    const { connections, agenda, kept } = this.#parts;
    const { version, urgency } = this.#circle;
    const isCurrent = version === this.#mirroredVersion && agenda.alarmAt === this.#mirroredAlarmAt;
    if (connections.size === 0) {
      // A friend whom the row has as away has come back: who wakes from that row would never meet this friend.
      if (this.#circle.roused !== this.#keptRoused) this.keep();
      return;
    }
    if (isCurrent && !connections.carrierStale) return;
    connections.carry(this.#record());
    this.#mirroredVersion = version;
    this.#mirroredUrgency = urgency;
    this.#mirroredAlarmAt = agenda.alarmAt;
    // A row from a time without sockets would be restored after a crash, older than what was told since.
    kept.clear();
  }

  /** Without a socket the state goes to a row: when the last one closes, and per HTTP report. */
  keep(): void {
    this.#keptRoused = this.#circle.roused;
    if (this.#parts.connections.size > 0) this.mirror();
    else if (this.#circle.self.kind === "active") this.#parts.kept.write(this.#record());
    else this.#parts.kept.clear();
  }

  #record(): ObjectRecord {
    const { rev, sharing, self, complete, keepsNear, contacts } = this.#circle;
    const circle = { rev, sharing, self, complete, keepsNear, contacts: contacts.values() };
    return { circle, positionTat: this.#positionTat, alarmAt: this.#parts.agenda.alarmAt };
  }

  // Effects

  #do(effects: readonly Effect[], asker?: Asker): void {
    this.#perform(effects, asker);
    this.mirror();
  }

  /**
   * The copy of a pact may wait for the last answer of the event: a contact with a call in flight is unknown in it, and
   * unknown is never wrong.
   */
  #performAnswer(effects: readonly Effect[]): void {
    this.#perform(effects);
    if (this.#circle.urgency !== this.#mirroredUrgency) this.mirror();
  }

  #perform(effects: readonly Effect[], asker?: Asker): void {
    const meetings: Extract<Effect, { kind: "meet" }>[] = [];
    for (const effect of effects) {
      if (effect.kind === "meet") meetings.push(effect);
      else this.#performOne(effect, asker);
    }
    if (meetings.length > 0) this.#meet(meetings);
    this.#snapshotIfDue();
  }

  #performOne(effect: Exclude<Effect, { kind: "meet" }>, asker: Asker | undefined): void {
    const { stubs, friends, owesWord, user } = this.#parts;
    if (effect.kind === "withdraw" || effect.kind === "restate") {
      owesWord(effect.no);
      return;
    }
    const row = friends.byNo(effect.no);
    if (row === undefined) return;
    switch (effect.kind) {
      case "show": {
        const withCard = this.#newCards.delete(effect.no) || effect.isNew;
        this.#toClients({ type: "friend", friend: friendOf(row, effect.sighting, effect.distanceM, withCard) }, asker);
        return;
      }
      case "hide":
        this.#toClients({ type: "gone", id: row.id, reason: effect.reason }, asker);
        return;
      case "leave":
        // One try: a friend who misses it drops this user when the position is too old.
        stubs.call<void>(row.id, (stub) => stub.left(user, effect.rev, effect.reason)).catch(() => {});
        return;
    }
  }

  #toClients(message: Extract<Down, { type: "friend" | "gone" }>, asker: Asker | undefined): void {
    const { connections } = this.#parts;
    connections.broadcast(encodeDown(message), asker?.connection);
    if (asker === undefined) return;
    const { ref } = asker;
    connections.send(asker.connection, encodeDown(ref === undefined ? message : { ...message, ref }));
  }

  #meet(meetings: readonly Extract<Effect, { kind: "meet" }>[]): void {
    const { stubs, friends, user } = this.#parts;
    callMeet({
      meetings,
      call: async ({ no, sighting, heard }) => {
        const row = friends.byNo(no);
        if (row === undefined) throw new Error(`no friend has number ${no}`);
        const told = this.#tell(sighting);
        return decodeReply(await stubs.call<string>(row.id, (stub) => stub.meet(user, told, heard)));
      },
      answered: ({ no, callId }, reply) => this.answered(no, callId, reply, Date.now()),
      failed: ({ no, callId }) => this.failed(no, callId, Date.now()),
      ended: () => this.mirror(),
    });
  }

  /** The encoded sighting, written once for all the friends who get the same. */
  #tell(sighting: Sighting): string {
    const card = this.#parts.card();
    if (this.#told?.sighting !== sighting || this.#told.card !== card) {
      this.#told = { sighting, card, text: encodeSighting(sighting, card) };
    }
    return this.#told.text;
  }

  #learn(row: FriendRow, card: Card): void {
    if (sameCard(row.card, card)) return;
    this.#parts.friends.setCard(row, card);
    this.#newCards.add(row.no);
  }

  // Snapshots

  /** Sends `nearby` to the connections that wait for it, as soon as all friends have answered. */
  #snapshotIfDue(): void {
    const waits = this.#settledWaiters.size > 0 || this.#someoneWaits();
    if (!waits) return;
    if (this.#circle.settled) this.#sendSnapshots();
    else this.#snapshotTimer ??= setTimeout(() => this.#sendSnapshots(), SNAPSHOT_WAIT_MS);
  }

  #someoneWaits(): boolean {
    if (this.#circle.self.kind !== "active") return false;
    for (const { snapshotSent } of this.#parts.connections.all) if (!snapshotSent) return true;
    return false;
  }

  #sendSnapshots(): void {
    if (this.#snapshotTimer !== null) clearTimeout(this.#snapshotTimer);
    this.#snapshotTimer = null;
    for (const resolve of this.#settledWaiters) resolve();
    this.#settledWaiters.clear();
    if (!this.#someoneWaits()) return;
    const { connections } = this.#parts;
    const frame = encodeDown(this.#snapshot());
    for (const connection of connections.all) {
      if (connection.snapshotSent) continue;
      connection.snapshotSent = true;
      connections.send(connection, frame);
      connections.note(connection);
    }
    this.mirror();
  }

  #settled(): Promise<void> {
    if (this.#circle.settled) return Promise.resolve();
    return new Promise((resolve) => {
      this.#settledWaiters.add(resolve);
      this.#do([]);
    });
  }

  #snapshot(): Nearby {
    const list: Friend[] = [];
    for (const { no, sighting, distanceM } of this.#circle.shown()) {
      const row = this.#parts.friends.byNo(no);
      if (row !== undefined) list.push(friendOf(row, sighting, distanceM, true));
    }
    // Shown before a restart and not heard of since: whoever gets this snapshot does not have the card.
    for (const { no, shown, seen } of this.#circle.contacts.values())
      if (shown && seen === null) this.#newCards.add(no);
    return { type: "nearby", friends: list.toSorted((a, b) => a.distance - b.distance) };
  }
}

function friendOf(row: FriendRow, sighting: Sighting, distanceM: number, withCard: boolean): Friend {
  const { lat, lng, ts, errorM } = sighting;
  return {
    id: row.id,
    ...(withCard ? row.card : undefined),
    lat,
    lng,
    ts,
    distance: Math.round(distanceM * 10) / 10,
    precision: errorM === 0 ? "exact" : "coarse",
  };
}
