import type { Effect } from "../../src/nearby/effects.ts";
import type { Fan } from "../../src/observe/steps.ts";
import { departingAll, failedTo, follow, type Reported, returnedTo, TIMEOUT } from "../../src/observe/trace.ts";
import type { Friends } from "./friends.ts";
import type { Meet, Stubs } from "./stubs.ts";
import type { Tellings } from "./tellings.ts";
import { CALL_TIMEOUT_MS } from "./waiting.ts";
import { decodeReply } from "./wire.ts";
import type { MeetReply } from "./words.ts";

export type Meeting = Extract<Effect, { kind: "meet" }>;

export interface MeetingsParts {
  readonly user: string;
  readonly meets: Stubs<Meet>;
  readonly friends: Friends;
  readonly tellings: Tellings;
  /** A call has ended after so long: time passes for an object while it waits. */
  readonly took: (ms: number) => void;
  readonly answered: (meeting: Meeting, reply: MeetReply, now: number) => void;
  readonly failed: (meeting: Meeting, now: number) => void;
  /** After the last call of an event. */
  readonly ended: () => void;
}

/** Starts all calls of one event at once. */
export function startMeetings(parts: MeetingsParts, meetings: readonly Meeting[]): void {
  // An answer may cause another call: that is part of the same event.
  follow(() => {
    const started = new Meetings(parts, meetings.length);
    for (const meeting of meetings) started.call(meeting);
  });
}

/** The calls of one event; none waits for another, and one timer serves them all. */
class Meetings {
  readonly #parts: MeetingsParts;
  /** By place; null once it has ended: an answer after the timeout goes nowhere. */
  readonly #pending: (Meeting | null)[] = [];
  readonly #startedAt = Date.now();
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #fan: Fan | null;
  #left: number;

  constructor(parts: MeetingsParts, size: number) {
    this.#parts = parts;
    this.#left = size;
    this.#fan = departingAll("meet", size);
    this.#timer = setTimeout(() => this.#giveUp(), CALL_TIMEOUT_MS);
  }

  call(meeting: Meeting): void {
    const { user, meets, friends, tellings } = this.#parts;
    const { no, sighting, heard, held } = meeting;
    const id = friends.byNo(no)?.id;
    const at = this.#pending.push(meeting) - 1;
    this.#fan?.add(id ?? String(no));
    if (id === undefined) {
      const error = new Error(`no friend has number ${no}`);
      queueMicrotask(() => this.#failed(at, error, Date.now()));
      return;
    }
    const told = tellings.encode(sighting);
    const onward = this.#fan?.trace.onward;
    meets.launch<string | Reported<string>>(id, (meet) => meet(user, told, heard, held !== null, onward), {
      answered: (reply) => this.#answered(at, reply),
      failed: (error) => this.#failed(at, error, Date.now()),
    });
  }

  #answered(at: number, answer: string | Reported<string>): void {
    const meeting = this.#pending[at];
    if (!meeting) return;
    const now = Date.now();
    let reply: MeetReply;
    try {
      reply = decodeReply(returnedTo(this.#fan, at, answer, now), meeting.held);
    } catch (error) {
      this.#failed(at, error, now);
      return;
    }
    this.#close(at, now);
    this.#parts.answered(meeting, reply, now);
    this.#end();
  }

  #failed(at: number, error: unknown, now: number): void {
    const meeting = this.#pending[at];
    if (!meeting) return;
    failedTo(this.#fan, at, error, now);
    this.#close(at, now);
    this.#parts.failed(meeting, now);
    this.#end();
  }

  #giveUp(): void {
    const now = Date.now();
    for (const at of this.#pending.keys()) this.#failed(at, TIMEOUT, now);
  }

  #close(at: number, now: number): void {
    this.#pending[at] = null;
    this.#parts.took(now - this.#startedAt);
  }

  #end(): void {
    this.#left -= 1;
    if (this.#left > 0) return;
    clearTimeout(this.#timer);
    this.#parts.ended();
  }
}
