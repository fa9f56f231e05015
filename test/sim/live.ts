import { CALL_TIMEOUT_MS } from "../../durable-objects/user/waiting.ts";
import { NO_POINTS, type ObjectRecord } from "../../durable-objects/user/attachment.ts";
import { NO_TRACK } from "../../src/nearby/jumps.ts";
import { Renewals } from "../../durable-objects/user/renewals.ts";
import type { Contact } from "../../src/nearby/contact.ts";
import type { Effect } from "../../src/nearby/effects.ts";
import type { Answer, AwayReason, Sighting } from "../../src/nearby/sighting.ts";
import type { LiveFix, RosterEntry } from "../../src/nearby/state.ts";
import { SNAPSHOT_WAIT_MS } from "../../src/protocol/limits.ts";
import { Agenda } from "./agenda.ts";
import { Bonds, type BondsHost, type Word } from "./bonds.ts";
import { type Connections, placeOf } from "./clients.ts";
import type { Core } from "./core.ts";
import type { PersonId } from "./scenario.ts";
import type { Heard, SimObject } from "./object.ts";
import type { World } from "./world.ts";

type Meeting = Extract<Effect, { kind: "meet" }>;

/**
 * The platform waits for 10 s, which is far longer than a message takes as a rule. So is this, in towns where everything
 * happens faster.
 */
const IDLE_MS = 1_000;
/** As `missed` of src/nearby/calls.ts. */
const LEFT_OUT_AFTER = 2;

/** The memory of one object between two evictions: what durable-objects/user/live.ts does, on virtual time. */
export class Live {
  readonly #object: SimObject;
  readonly #world: World;
  readonly circle: Core;
  readonly agenda: Agenda;
  readonly #renewals: Renewals;
  readonly bonds: Bonds;
  readonly #connections: Connections;
  /** Own calls whose answer or timeout is still awaited. */
  #waitingCalls = 0;
  /** Questions to the index that wait for their answer. */
  asking = 0;
  #snapshotTimer = 0;
  #timers = 0;
  #lastEventAt = 0;
  #mirroredVersion = -1;
  #mirroredUrgency = -1;
  #keptRoused = 0;
  #mirroredAlarmAt: number | null = null;
  /** False once the memory is gone: what comes back later meets nobody. */
  #isAlive = true;

  constructor(object: SimObject, world: World, record: ObjectRecord) {
    this.#object = object;
    this.#world = world;
    this.#connections = object.connections;
    this.agenda = new Agenda(object.alarm, record.alarmAt);
    const { radiusM, inactiveAfterMs } = world.scenario;
    this.#renewals = new Renewals({ inactiveAfterMs });
    const roster = (): Iterable<RosterEntry> => object.table.roster();
    this.circle = world.build.core({ radiusM, inactiveAfterMs, roster, hasIndex: this.#hasIndex }, record.circle);
    this.bonds = new Bonds({
      id: object.id,
      table: object.table,
      now: () => object.now,
      cover: (deadline) => this.agenda.cover(deadline, object.now),
      said: ({ standing, visibility }) => {
        const told = standing === "friend" ? this.circle.told(visibility) : null;
        if (told === null) return {};
        if ("reason" in told) return { away: told };
        return visibility === "exact" ? {} : { told };
      },
      befriend: (friend) => this.befriend(friend),
      unfriend: (friend) => {
        object.heard.delete(friend);
        this.do(this.circle.unfriend(friend));
        this.keep();
      },
      left: (friend, rev, reason) => this.left(friend, rev, reason),
      placed: (friend, told) => this.#placed(friend, told),
      heardOf: (friend) => this.circle.contacts.get(friend)?.theirRev ?? 0,
      stepOver: (told) => {
        this.circle.own.stepOver(told, object.now);
        this.mirror();
      },
      tell: (friend, word, ended) => this.#tell(friend, word, ended),
      plan: (afterMs, run) => {
        world.queue.plan(world.queue.now + afterMs, () => {
          if (this.#isAlive) run();
        });
      },
    });
  }

  /** The platform may take the memory: no call and no timer holds it, and nothing has happened for a while. */
  get isIdle(): boolean {
    return this.#waitingCalls === 0 && this.#timers === 0 && this.#world.queue.now - this.#lastEventAt >= IDLE_MS;
  }

  die(): void {
    this.#isAlive = false;
  }

  connected(now: number): void {
    this.do(this.circle.watch(now));
  }

  report(fix: Omit<LiveFix, "activeUntil">, now: number): boolean {
    const activeUntil = now + this.#world.scenario.inactiveAfterMs;
    const { live, effects } = this.circle.position({ ...fix, ts: Math.min(fix.ts, now), activeUntil }, now);
    if (live) this.agenda.cover(activeUntil, now);
    this.do(effects);
    return live;
  }

  alarm(now: number): void {
    this.agenda.fired();
    this.circle.giveUpUnsure(now);
    this.do(this.circle.sweep(now));
    if (this.#renews && this.#renewals.isDue(now)) this.do(this.circle.renew(now));
    const activityAt = this.#deadline();
    const bondsAt = this.bonds.alarm(now);
    for (const at of [activityAt, bondsAt]) if (at !== null) this.agenda.cover(at, now);
    this.keep();
  }

  #deadline(): number | null {
    const { self, sharing } = this.circle;
    if (self.kind !== "active") return null;
    const { activeUntil } = self.sighting;
    return sharing && this.#renews ? this.#renewals.deadline(activeUntil) : activeUntil;
  }

  share(sharing: boolean, now: number): void {
    this.do(sharing ? this.circle.resume(now) : this.circle.pause(now));
  }

  befriend(friend: PersonId): void {
    this.do(this.circle.befriend(this.#entry(friend), this.#object.now));
    this.keep();
  }

  reveal(friend: PersonId): void {
    this.do(this.circle.reveal(this.#entry(friend), this.#object.now));
    this.keep();
  }

  mute(friend: PersonId, muted: boolean): void {
    this.do(this.circle.mute(friend, muted, this.#object.now));
    this.keep();
  }

  meet(from: PersonId, sighting: Sighting, heard: number, now: number): Answer {
    this.#object.heardOf(from, wordOf(sighting));
    const { answer, effects } = this.circle.meet({ ...this.#entry(from), sighting, heard }, now);
    if (answer.kind === "active") this.#world.checks.told(this.#object, from, answer.sighting);
    this.do(effects, "friend");
    return answer;
  }

  #placed(friend: PersonId, sighting: Sighting): void {
    this.#object.heardOf(friend, wordOf(sighting));
    this.do(this.circle.placed(this.#entry(friend), sighting, this.#object.now), "friend");
  }

  #entry(friend: PersonId): RosterEntry {
    const { muted = false, visibility = "exact" } = this.#object.table.rows.get(friend) ?? {};
    return { no: friend, muted, visibility };
  }

  left(friend: PersonId, rev: number, reason: AwayReason): void {
    this.#object.heardOf(friend, { rev, away: true, errorM: 0 });
    this.do(this.circle.left(friend, rev, reason), "friend");
  }

  /** As `mirror` and `keep` of the object: exactly when they write, never more often. */
  mirror(): void {
    const { version, urgency } = this.circle;
    const isCurrent = version === this.#mirroredVersion && this.agenda.alarmAt === this.#mirroredAlarmAt;
    if (this.#connections.size === 0) {
      if (this.circle.roused !== this.#keptRoused) this.keep();
      return;
    }
    if (isCurrent && !this.#connections.carrierStale) return;
    this.#connections.carry();
    this.#object.carry(this.#record());
    this.#mirroredVersion = version;
    this.#mirroredUrgency = urgency;
    this.#mirroredAlarmAt = this.agenda.alarmAt;
  }

  keep(): void {
    this.#keptRoused = this.circle.roused;
    if (this.#connections.size > 0) this.mirror();
    else this.#object.keep(this.circle.self.kind === "active" ? this.#record() : null);
  }

  do(effects: readonly Effect[], cause: "own" | "friend" | "answer" = "own"): void {
    this.#lastEventAt = this.#world.queue.now;
    // Whoever tells nothing holds nothing: what friends said before is forgotten with the contacts.
    if (this.circle.self.kind !== "active" || !this.circle.sharing) this.#object.forget();
    const meetings: Meeting[] = [];
    for (const effect of effects) {
      if (effect.kind === "meet") meetings.push(effect);
      else this.#perform(effect);
    }
    if (meetings.length > 0) this.#meet(meetings);
    this.#snapshotIfDue();
    // After an answer the copy of a pact waits for the last one of the event.
    const isUrgent = cause !== "answer" || this.circle.urgency !== this.#mirroredUrgency;
    if (cause === "own" || (isUrgent && this.#world.build.copies === "current")) this.mirror();
  }

  #record(): ObjectRecord {
    const { rev, sharing, self, complete, keepsNear, contacts } = this.circle;
    const circle = { rev, sharing, self, complete, keepsNear, contacts: contacts.values() };
    return { circle, positionTat: 0, track: NO_TRACK, alarmAt: this.agenda.alarmAt, unsaved: NO_POINTS };
  }

  #perform(effect: Exclude<Effect, { kind: "meet" }>): void {
    const { id } = this.#object;
    if (effect.kind === "lookUp") {
      this.#lookUp(effect.id);
      return;
    }
    this.#world.log?.(() => `${id}: ${effect.kind} ${effect.no}${"reason" in effect ? ` ${effect.reason}` : ""}`);
    if (effect.kind === "withdraw" || effect.kind === "restate") {
      this.bonds.owe(effect.no);
      return;
    }
    if (effect.kind === "show" || effect.kind === "hide") {
      this.#connections.broadcast(effect);
      return;
    }
    const { no, rev, reason } = effect;
    this.#world.network.send({
      from: id,
      to: no,
      deliver: () => this.#world.object(no).hearLeft(id, rev, reason),
      ended: () => {},
    });
  }

  get #renews(): boolean {
    return this.#hasIndex && this.#world.build.index !== "never renewed";
  }

  get #hasIndex(): boolean {
    return this.#world.scenario.index !== undefined;
  }

  /** As `lookUp` of durable-objects/user/activation.ts, and what the shell does with its answer. */
  #lookUp(questionId: number): void {
    const { id, table, now, truth } = this.#object;
    const { presence, checks } = this.#world;
    const isCalm = this.#world.isStill;
    const friends = [...table.roster()].filter(({ visibility }) => visibility !== "hidden").map(({ no }) => no);
    this.#renewals.started(now);
    this.#waitingCalls += 1;
    this.asking += 1;
    this.#world.log?.(() => `${id}: asks the index`);
    presence.announce({ who: id, rev: this.circle.rev, ttlMs: this.#renewals.ttlMs, friends }, (entries) => {
      if (!this.#isAlive) return;
      this.#waitingCalls -= 1;
      this.asking -= 1;
      this.#world.log?.(
        () => `${id}: the index has ${entries === null ? "no answer" : [...entries.revs.keys()].join(" ")}`,
      );
      if (entries === null) this.#renewals.failed(now);
      if (entries === null || this.agenda.alarmAt !== null) this.agenda.cover(this.#renewals.at, this.#object.now);
      const { version } = this.circle;
      const listed = [...(entries?.revs ?? [])].filter(([friend]) => table.standing(friend) === "friend");
      const found = listed.map(([friend, rev]) => ({ ...this.#entry(friend), rev }));
      const listing = entries === null ? null : { wasListed: entries.wasListed, friends: found };
      this.do(this.circle.listed(questionId, listing, this.#object.now));
      if (version !== this.circle.version) this.keep();
      if (isCalm && listing !== null) truth.lookedUp = true;
      presence.counts.presumed += count(this.circle.contacts.values(), isPresumed);
      checks.acted(id);
    });
  }

  #meet(meetings: readonly Meeting[]): void {
    const { id } = this.#object;
    const { network, queue, counts } = this.#world;
    const pending = new Set<Meeting>(meetings);
    const end = (meeting: Meeting): boolean => {
      if (!pending.delete(meeting)) return false;
      network.note(id, meeting.no, -1);
      this.#waitingCalls -= 1;
      return this.#isAlive;
    };
    for (const meeting of meetings) {
      const { no, sighting, heard } = meeting;
      counts.calls++;
      this.#world.log?.(() => `${id}: calls ${no} with rev ${sighting.rev % 1e8}`);
      this.#world.checks.told(this.#object, no, sighting);
      this.#world.checks.called(id, no);
      network.note(id, no, 1);
      this.#waitingCalls += 1;
      network.send<Answer>({
        from: id,
        to: no,
        deliver: () => this.#world.object(no).hearMeet(id, sighting, heard),
        ended: (answer) => {
          if (!pending.has(meeting)) counts.ignoredAnswers++;
          if (end(meeting)) this.#ended(meeting, answer, pending.size === 0);
        },
      });
    }
    queue.plan(queue.now + CALL_TIMEOUT_MS, () => {
      for (const meeting of pending) {
        counts.timeouts++;
        if (end(meeting)) this.#ended(meeting, null, pending.size === 0);
      }
    });
  }

  #ended({ no, callId, held }: Meeting, answer: Answer | null, isLast: boolean): void {
    const { now, id } = this.#object;
    if (answer?.kind === "active") this.#world.checks.answered(id, held, answer.sighting);
    this.#world.log?.(() => `${id}: ${no} answers ${describe(answer)}`);
    const isAwaited = this.circle.contacts.get(no)?.call?.id === callId;
    if (isAwaited && answer?.kind === "active") this.#object.heardOf(no, wordOf(answer.sighting));
    if (isAwaited && answer?.kind === "away") this.#object.heardOf(no, { rev: answer.rev, away: true, errorM: 0 });
    // It says nothing new of the friend, and what it said before and comes later is too old from now on.
    const known = this.#object.heard.get(no) ?? { away: false, errorM: 0 };
    if (isAwaited && answer?.kind === "unsure") this.#object.heardOf(no, { ...known, rev: answer.rev });
    const effects =
      answer === null ? this.circle.failed(no, callId, now) : this.circle.answered(no, callId, answer, now);
    if ((this.circle.contacts.get(no)?.missed ?? 0) >= LEFT_OUT_AFTER) this.#object.leftOut.add(no);
    this.do(effects, "answer");
    if (isLast && this.#world.build.copies === "current") this.mirror();
    this.#world.checks.after(id, no);
  }

  #tell(friend: PersonId, word: Word, ended: Parameters<BondsHost["tell"]>[2]): void {
    const { id } = this.#object;
    this.#world.counts.words++;
    this.#world.log?.(() => `${id}: word to ${friend}: ${JSON.stringify(word)}`);
    this.#world.network.send({
      from: id,
      to: friend,
      deliver: () => this.#world.object(friend).hearWord(id, word),
      ended: (reply) => {
        if (!this.#isAlive) return;
        ended(reply);
        this.#world.checks.after(id, friend);
      },
    });
  }

  #snapshotIfDue(): void {
    if (!this.#someoneWaits()) return;
    if (this.circle.settled) this.#sendSnapshots();
    else if (this.#timers === 0) {
      const timer = ++this.#snapshotTimer;
      this.#timers = 1;
      this.#world.queue.plan(this.#world.queue.now + SNAPSHOT_WAIT_MS, () => {
        if (this.#isAlive && timer === this.#snapshotTimer) this.#sendSnapshots();
      });
    }
  }

  #someoneWaits(): boolean {
    if (this.circle.self.kind !== "active") return false;
    for (const { snapshotSent } of this.#connections.all) if (!snapshotSent) return true;
    return false;
  }

  #sendSnapshots(): void {
    this.#snapshotTimer++;
    this.#timers = 0;
    if (!this.#someoneWaits()) return;
    for (const connection of this.#connections.all) {
      if (connection.snapshotSent) continue;
      connection.view.clear();
      for (const { no, sighting } of this.circle.shown()) connection.view.set(no, placeOf(sighting));
      this.#connections.noteSnapshot(connection);
    }
    this.mirror();
  }
}

function isPresumed({ pact, forgotten, visibility }: Contact): boolean {
  return pact.kind === "away" && forgotten && visibility !== "hidden";
}

function count<T>(all: Iterable<T>, isOne: (one: T) => boolean): number {
  let sum = 0;
  for (const one of all) if (isOne(one)) sum++;
  return sum;
}

function wordOf({ rev, errorM }: Sighting): Heard {
  return { rev, away: false, errorM };
}

function describe(answer: Answer | null): string {
  if (answer === null) return "nothing";
  if (answer.kind === "active") return `active rev ${answer.sighting.rev % 1e8}`;
  return "rev" in answer ? `${answer.kind} rev ${answer.rev % 1e8}` : answer.kind;
}
