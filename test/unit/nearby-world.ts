/**
 * A few people, each with the core of an object, and the calls between them: nothing arrives until the test says so, so a
 * test reads as the sequence of events that it is about. The shell is played here: effects become calls, letters and
 * screens, and the copy of the state is written whenever `version` asks for it.
 */
import {
  type Attachment,
  decodeAttachment,
  encodeAttachment,
  NO_POINTS,
} from "../../durable-objects/user/attachment.ts";
import { distanceM, EARTH_RADIUS_M } from "../../src/geo/distance.ts";
import { type Place, roundPlace } from "../../src/geo/place.ts";
import { NO_TRACK } from "../../src/nearby/jumps.ts";
import { Circle } from "../../src/nearby/circle.ts";
import type { Contact, FriendNo } from "../../src/nearby/contact.ts";
import type { Effect } from "../../src/nearby/effects.ts";
import type { Answer, AwayReason, Sighting } from "../../src/nearby/sighting.ts";
import type { CircleState } from "../../src/nearby/state.ts";
import { NEW_PACE } from "../../src/protocol/pace.ts";
import type { Visibility } from "../../src/protocol/resources.ts";

export const RADIUS_M = 8046.72;
export const INACTIVE_AFTER_MS = 600_000;
export const START_MS = Date.UTC(2026, 5, 1);

/** The place so many metres east of a point on the equator. */
export function east(metres: number): Place {
  return roundPlace({ lat: 0, lng: ((metres / EARTH_RADIUS_M) * 180) / Math.PI });
}

/** A `meet` under way: asked, then perhaps answered, then over for the caller. */
export interface Meeting {
  readonly from: string;
  readonly to: string;
  readonly callId: number;
  readonly sighting: Sighting;
  readonly heard: number;
  /** Which memory of the caller made the call: an answer for an earlier one finds nobody. */
  readonly life: number;
  answer: Answer | null;
  over: boolean;
}

/** What one object tells another beside meetings. */
export interface Letter {
  readonly kind: "leave" | "withdraw" | "restate";
  readonly from: string;
  readonly to: string;
  /** `leave` says this; the others say what is true when they are sent. */
  readonly rev: number;
}

/** What a person has set for one friend. */
export interface FriendSettings {
  readonly muted: boolean;
  /** What the friend may know; absent: everything. */
  readonly visibility?: Visibility;
}

/** A word on its way: what `from` says of its position at the moment of sending. */
export interface SimpleWord {
  readonly from: string;
  readonly to: string;
  readonly said: ReturnType<Circle["told"]>;
  readonly visibility: Visibility;
}

export class Person {
  readonly name: string;
  readonly no: FriendNo;
  readonly friends = new Map<FriendNo, FriendSettings>();
  /** What the client shows, by the frames it got. */
  readonly screen = new Map<FriendNo, Sighting>();
  /** How far this object's clock is ahead of the world's, ms. */
  aheadMs = 0;
  life = 1;
  circle: Circle;
  attachment: Uint8Array;
  mirroredVersion: number;

  /** Mode `economy`; null: every position is told. */
  quietMs: number | null = null;
  hasIndex = false;

  constructor(name: string, no: FriendNo) {
    this.name = name;
    this.no = no;
    this.circle = this.wake({
      rev: START_MS,
      sharing: true,
      self: { kind: "inactive" },
      complete: false,
      contacts: [],
    });
    this.attachment = this.encoded();
    this.mirroredVersion = this.circle.version;
  }

  wake(state: CircleState): Circle {
    const roster = () => Array.from(this.friends, ([no, settings]) => ({ no, ...settings }));
    const economy = this.quietMs === null ? {} : { quietMs: this.quietMs };
    return new Circle({ radiusM: RADIUS_M, roster, hasIndex: this.hasIndex, ...economy }, state);
  }

  encoded(): Uint8Array {
    return encodeAttachment(attachmentOf(this.circle));
  }
}

export function attachmentOf({ rev, sharing, self, complete, keepsNear, contacts }: Circle): Attachment {
  const circle = { rev, sharing, self, complete, keepsNear, contacts: contacts.values() };
  const connection = {
    device: null,
    lastHeard: 0,
    tokenUntil: 0,
    snapshotSent: true,
    discovery: null,
    pace: NEW_PACE,
    sent: 0,
    saved: 0,
    newestTs: 0,
  };
  return { connection, object: { circle, positionTat: 0, track: NO_TRACK, alarmAt: null, unsaved: NO_POINTS } };
}

export class World {
  now = START_MS;
  readonly people: Person[];
  readonly meetings: Meeting[] = [];
  readonly letters: Letter[] = [];
  /** Every word that has arrived, in order. */
  readonly words: SimpleWord[] = [];
  /** Questions to the index of active friends that nobody has answered yet. */
  readonly lookUps: { readonly name: string; readonly id: number; readonly life: number }[] = [];
  /** Everything that clients were sent and objects were told to do, in order. */
  readonly log: string[] = [];
  /** Times at which a copy of the state would have changed although `version` had not. */
  readonly unmirrored: string[] = [];

  /** All are friends of all. */
  constructor(...names: string[]) {
    this.people = names.map((name, index) => new Person(name, index + 1));
    for (const person of this.people) {
      for (const { no } of this.people) if (no !== person.no) person.friends.set(no, { muted: false });
    }
  }

  /** From now on all run in mode `economy`. */
  economy(quietMs: number): this {
    for (const person of this.people) {
      person.quietMs = quietMs;
      this.restart(person.name);
    }
    return this;
  }

  /** From now on there is an index of active friends. */
  indexed(): this {
    for (const person of this.people) {
      person.hasIndex = true;
      this.restart(person.name);
    }
    return this;
  }

  /** The index answers the oldest question of `name`: friend to rev, or null when it cannot tell. */
  list(name: string, found: Readonly<Record<string, number>> | null, wasListed = true): void {
    const at = this.lookUps.findIndex((one) => one.name === name);
    const [question] = at === -1 ? [] : this.lookUps.splice(at, 1);
    if (question === undefined) throw new Error(`${name} has not asked`);
    const { friends, life } = this.person(name);
    if (question.life !== life) return;
    const listed = Object.entries(found ?? {}).map(([friend, rev]) => {
      const { no } = this.person(friend);
      const { muted = false, visibility = "exact" } = friends.get(no) ?? {};
      return { no, muted, visibility, rev };
    });
    const listing = found === null ? null : { wasListed, friends: listed };
    this.do(name, (circle, now) => circle.listed(question.id, listing, now));
  }

  person(name: string): Person {
    const person = this.people.find((one) => one.name === name);
    if (person === undefined) throw new Error(`nobody is called ${name}`);
    return person;
  }

  contact(name: string, friend: string): Readonly<Contact> | undefined {
    return this.person(name).circle.contacts.get(this.person(friend).no);
  }

  /** Kind of the pact that `name` holds with `friend`; `absent` when nothing is held. */
  pact(name: string, friend: string): string {
    return this.contact(name, friend)?.pact.kind ?? "absent";
  }

  /** What the client of `name` shows: friend to metres east. */
  screen(name: string): Record<string, number> {
    const shown: Record<string, number> = {};
    for (const [no, sighting] of this.person(name).screen) shown[this.#name(no)] = eastOf(sighting);
    return shown;
  }

  wait(ms: number): void {
    this.now += ms;
  }

  clock(name: string): number {
    return this.now + this.person(name).aheadMs;
  }

  // Events of a person

  /** A live position so many metres east. @returns whether it counted */
  move(name: string, metres: number, options: { ts?: number; activeForMs?: number } = {}): boolean {
    return this.moveTo(name, east(metres), options);
  }

  moveTo(name: string, place: Place, options: { ts?: number; activeForMs?: number } = {}): boolean {
    const { circle } = this.person(name);
    const now = this.clock(name);
    const { ts = now, activeForMs = INACTIVE_AFTER_MS } = options;
    const { live, effects } = circle.position({ ...place, ts, activeUntil: now + activeForMs }, now);
    this.#perform(name, effects);
    return live;
  }

  do(name: string, event: (circle: Circle, now: number) => Effect[]): void {
    this.#perform(name, event(this.person(name).circle, this.clock(name)));
  }

  watch(name: string): void {
    this.do(name, (circle, now) => circle.watch(now));
  }
  sweep(name: string): void {
    this.do(name, (circle, now) => circle.sweep(now));
  }
  pause(name: string): void {
    this.do(name, (circle, now) => circle.pause(now));
  }
  resume(name: string): void {
    this.do(name, (circle, now) => circle.resume(now));
  }

  mute(name: string, friend: string, muted: boolean): void {
    const { no } = this.person(friend);
    const { friends } = this.person(name);
    friends.set(no, { ...friends.get(no), muted });
    this.do(name, (circle) => circle.mute(no, muted, this.clock(name)));
  }

  /** From now on `friend` may know this much of `name`. */
  reveal(name: string, friend: string, visibility: Visibility): void {
    const { no } = this.person(friend);
    const { friends } = this.person(name);
    friends.set(no, { muted: friends.get(no)?.muted ?? false, visibility });
    this.do(name, (circle, now) => circle.reveal({ no, muted: friends.get(no)?.muted ?? false, visibility }, now));
  }

  /** The half of `name` only: the other learns of it when the test says so. */
  befriend(name: string, friend: string): void {
    const { no } = this.person(friend);
    this.person(name).friends.set(no, { muted: false });
    this.do(name, (circle, now) => circle.befriend({ no, muted: false }, now));
  }

  unfriend(name: string, friend: string): void {
    const { no } = this.person(friend);
    this.person(name).friends.delete(no);
    this.do(name, (circle) => circle.unfriend(no));
  }

  // Calls

  /** The newest call from one to the other that the caller still waits for. */
  call(from: string, to: string): Meeting {
    const call = this.meetings.findLast((one) => one.from === from && one.to === to && !one.over);
    if (call === undefined) throw new Error(`${from} is not calling ${to}`);
    return call;
  }

  calls(from: string, to: string): number {
    return this.meetings.filter((one) => one.from === from && one.to === to).length;
  }

  /** The call arrives, and its answer is on the way. */
  reach(call: Meeting): void {
    const callee = this.person(call.to);
    const { no } = this.person(call.from);
    const friend = callee.friends.get(no);
    if (friend === undefined) {
      call.answer = { kind: "stranger" };
      return;
    }
    const { answer, effects } = callee.circle.meet(
      { no, ...friend, sighting: call.sighting, heard: call.heard },
      this.clock(call.to),
    );
    call.answer = answer;
    this.#perform(call.to, effects);
  }

  /** The answer arrives. */
  reply(call: Meeting): void {
    const { answer, from, to, callId } = call;
    if (answer === null) throw new Error(`${to} has not answered ${from}`);
    call.over = true;
    if (call.life !== this.person(from).life) return;
    this.do(from, (circle, now) => circle.answered(this.person(to).no, callId, answer, now));
  }

  /** The caller stops waiting: a timeout, or a broken connection. Call and answer may still arrive. */
  fail(call: Meeting): void {
    call.over = true;
    if (call.life !== this.person(call.from).life) return;
    this.do(call.from, (circle, now) => circle.failed(this.person(call.to).no, call.callId, now));
  }

  deliver(call: Meeting): void {
    if (call.answer === null) this.reach(call);
    this.reply(call);
  }

  /** Takes the oldest letter from one to the other out of the post. */
  letter(from: string, to: string): Letter {
    const index = this.letters.findIndex((one) => one.from === from && one.to === to);
    const [letter] = index < 0 ? [] : this.letters.splice(index, 1);
    if (letter === undefined) throw new Error(`${from} has written nothing to ${to}`);
    return letter;
  }

  post({ kind, from, to, rev }: Letter): void {
    if (kind === "leave") this.#hearLeft(to, from, { rev, reason: "inactive" });
    else this.hear(this.word(from, to));
  }

  /** What `from` would say to `to` now: the same word may be delivered late, twice or never. */
  word(from: string, to: string): SimpleWord {
    const { circle, friends } = this.person(from);
    const { visibility = "exact" } = friends.get(this.person(to).no) ?? {};
    return { from, to, said: circle.told(visibility), visibility };
  }

  /** The word arrives. A word carries no exact place. */
  hear(word: SimpleWord): void {
    const { from, to, said, visibility } = word;
    this.words.push(word);
    if (said === null) return;
    if ("reason" in said) this.#hearLeft(to, from, said);
    else if (visibility !== "exact") this.#hearPlace(to, from, said);
  }

  #hearPlace(name: string, from: string, sighting: Sighting): void {
    const { no } = this.person(from);
    const { circle, friends } = this.person(name);
    const friend = friends.get(no);
    if (friend === undefined) return;
    this.#perform(name, circle.placed({ no, ...friend }, sighting, this.clock(name)));
  }

  #hearLeft(name: string, from: string, { rev, reason }: { rev: number; reason: AwayReason }): void {
    const { no } = this.person(from);
    const { circle, friends } = this.person(name);
    if (friends.has(no)) this.#perform(name, circle.left(no, rev, reason));
  }

  /** Delivers calls and letters until nothing is under way. @returns how many calls it took */
  settle(): number {
    for (let calls = 0; calls < 1_000; calls++) {
      const letter = this.letters.shift();
      if (letter !== undefined) this.post(letter);
      const call = this.meetings.find((one) => !one.over);
      if (call !== undefined) this.deliver(call);
      if (call === undefined && letter === undefined) return calls;
    }
    throw new Error("the calls do not come to an end");
  }

  // Failures

  /** A crash: the object comes back with what its attachment kept, or, with a state, with only that. Calls are lost. */
  restart(name: string, state?: CircleState): void {
    const person = this.person(name);
    const kept = state ?? decodeAttachment(person.attachment)?.object?.circle;
    if (kept === undefined) throw new Error("an attachment without a state");
    person.life += 1;
    for (const call of this.meetings) if (call.from === name) call.over = true;
    person.circle = person.wake(kept);
    person.attachment = person.encoded();
    person.mirroredVersion = person.circle.version;
  }

  /** A crash in which all sockets were lost too: only the alarm knows that the user may be active. */
  restartEmpty(name: string): void {
    const { sharing } = this.person(name).circle;
    this.person(name).screen.clear();
    const rev = this.clock(name);
    this.restart(name, { rev, sharing, self: { kind: "unsure" }, complete: false, contacts: [] });
  }

  // Parts

  #name(no: FriendNo): string {
    return this.people.find((one) => one.no === no)?.name ?? String(no);
  }

  #perform(name: string, effects: readonly Effect[]): void {
    const person = this.person(name);
    for (const effect of effects) {
      if (effect.kind === "lookUp") {
        this.lookUps.push({ name, id: effect.id, life: person.life });
        continue;
      }
      const to = this.#name(effect.no);
      switch (effect.kind) {
        case "meet": {
          const { callId, sighting, heard } = effect;
          this.meetings.push({ from: name, to, callId, sighting, heard, life: person.life, answer: null, over: false });
          break;
        }
        case "leave":
        case "withdraw":
        case "restate":
          this.letters.push({ kind: effect.kind, from: name, to, rev: effect.kind === "leave" ? effect.rev : 0 });
          break;
        case "show":
          this.#show(person, effect);
          break;
        case "hide":
          if (!person.screen.delete(effect.no)) throw new Error(`${name} hides ${to}, who is not shown`);
          this.log.push(`${name}: hide ${to} ${effect.reason}`);
          break;
      }
    }
    this.#mirror(person);
  }

  #show(person: Person, { no, sighting, isNew, distanceM: toldM }: Extract<Effect, { kind: "show" }>): void {
    const friend = this.#name(no);
    if (isNew === person.screen.has(no)) throw new Error(`${person.name} shows ${friend} with isNew ${isNew}`);
    const { self } = person.circle;
    if (self.kind !== "active") throw new Error(`${person.name} is shown somebody without being active`);
    const metres = distanceM(self.sighting, sighting);
    if (metres !== toldM) throw new Error(`${person.name} is told ${toldM} m for ${metres} m`);
    if (metres > RADIUS_M) throw new Error(`${person.name} is shown ${friend} beyond the radius`);
    person.screen.set(no, sighting);
    this.log.push(`${person.name}: ${isNew ? "show" : "move"} ${friend} ${eastOf(sighting)}`);
  }

  #mirror(person: Person): void {
    const { version } = person.circle;
    const bytes = person.encoded();
    if (version !== person.mirroredVersion) {
      person.attachment = bytes;
      person.mirroredVersion = version;
    } else if (bytes.join() !== person.attachment.join()) this.unmirrored.push(person.name);
  }
}

function eastOf({ lng }: Place): number {
  return Math.round((lng * Math.PI * EARTH_RADIUS_M) / 180);
}
