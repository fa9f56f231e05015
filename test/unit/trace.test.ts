import { AsyncLocalStorage } from "node:async_hooks";

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { useSpansOf } from "../../src/observe/spans.ts";
import type { About, Fan, Row } from "../../src/observe/steps.ts";
import { LINE_MIN_MS, LINES_BURST, REPORT_MIN_MS, REPORTS_BURST, ROWS_MAX } from "../../src/observe/trace-line.ts";
import {
  ABOUT,
  departing,
  departingAll,
  failed,
  failedTo,
  follow,
  givingUpAfter,
  type Onward,
  onwardOf,
  returned,
  returnedTo,
  TIMEOUT,
  traceAs,
  traced,
  traceRequest,
} from "../../src/observe/trace.ts";

const SLOW_MS = 250;
const PATIENCE_MS = 2_000;
const DAY_MS = 86_400_000;

interface Line {
  readonly level: string;
  readonly event: string;
  readonly id: string;
  readonly object: string;
  readonly call: string;
  readonly ms: number;
  readonly slowMs: number;
  readonly calls: readonly Row[];
  readonly more?: number;
  readonly skipped?: number;
  readonly [state: string]: unknown;
}

let lines: Line[] = [];

function note(text: string): void {
  lines.push(JSON.parse(text));
}

let days = 0;

beforeEach(() => {
  vi.useFakeTimers();
  // What may be printed is counted per isolate: after a day it is as if nothing had been.
  vi.setSystemTime(1_790_000_000_000 + (days += 1) * DAY_MS);
  lines = [];
  vi.spyOn(console, "info").mockImplementation(note);
  vi.spyOn(console, "error").mockImplementation(note);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  useSpansOf({});
});

function sleep(ms: number): Promise<void> {
  // A timer takes a millisecond at least.
  return ms === 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));
}

/** The result, once all that it waits for has come to pass. */
async function finished<T>(work: Promise<T>): Promise<PromiseSettledResult<T>> {
  const settling = Promise.allSettled([work]);
  await vi.advanceTimersByTimeAsync(60_000);
  return (await settling)[0];
}

/** Runs what another object does: nothing of the caller gets across but arguments. */
const outside = AsyncLocalStorage.snapshot();

class Shelf {
  @traced
  async fetch(ms: number): Promise<string> {
    await sleep(ms);
    return `after ${ms}`;
  }
}

@traced({ carrying: ["ask", "note"], brief: ["note", "noteAndFollow"] })
class Desk {
  readonly shelf = new Shelf();
  readonly [ABOUT]: About;
  #answers = 0;

  constructor(object = "ann", about: Partial<About> = {}) {
    this[ABOUT] = {
      object,
      slowMs: SLOW_MS,
      patienceMs: PATIENCE_MS,
      state: () => ({ answers: this.#answers }),
      ...about,
    };
  }

  get answers(): number {
    return this.#answers;
  }

  add(a: number, b: number): number {
    this.#answers += 1;
    return a + b;
  }

  async look(...waitsMs: number[]): Promise<string[]> {
    const found: string[] = [];
    for (const ms of waitsMs) found.push(await this.shelf.fetch(ms));
    return found;
  }

  /** Returns long before it has ended. */
  start(ms: number): void {
    void this.shelf.fetch(ms);
  }

  fail(): never {
    throw new RangeError("the key is eyJhbGciOi");
  }

  async failLater(ms: number): Promise<never> {
    await sleep(ms);
    throw new TypeError("at 37.7749, -122.4194");
  }

  async survive(): Promise<string> {
    return this.failLater(1).catch(() => "survived");
  }

  /** A call from another desk. */
  async ask(ms: number, _onward?: Onward): Promise<string> {
    await sleep(ms);
    if (ms < 0) throw new SyntaxError("a desk with a secret");
    return `told after ${ms}`;
  }

  /** Starts two things, one after the other, and returns before. */
  note(ms: number, _onward?: Onward): number {
    void this.shelf.fetch(ms).then(() => this.shelf.fetch(ms));
    return ms;
  }

  /** Calls several others, and returns before they answer. */
  fan(...objects: string[]): Fan | null {
    const fan = departingAll("ask", objects.length);
    for (const object of objects) fan?.add(object);
    return fan;
  }

  /** Its call is answered when it has returned, and the answer causes another one. */
  fanTwice(): void {
    const first = this.fan("bob");
    void Promise.resolve().then(() => {
      returnedTo(first, 0, "soon", Date.now());
      const second = departingAll("ask", 1);
      second?.add("bob");
      setTimeout(() => returnedTo(second, 0, "late", Date.now()), 300);
    });
  }

  noteAndFollow(ms: number): number {
    return follow(() => this.note(ms));
  }

  tell(to: Desk, ms: number, onTheWayMs = 0): Promise<string> {
    return this.#call(to, ms, onTheWayMs);
  }

  async tellInTime(to: Desk, ms: number): Promise<string> {
    const told = this.#call(to, ms, 0);
    const giveUp = givingUpAfter(PATIENCE_MS);
    const giveUpAfter = async (waitMs: number): Promise<string> => {
      await sleep(waitMs);
      giveUp();
      return "no answer";
    };
    return Promise.race([told, giveUpAfter(PATIENCE_MS)]);
  }

  named(id: string): Promise<string> {
    traceAs(id);
    return this.shelf.fetch(300);
  }

  /** As one object calls another. */
  async #call(to: Desk, ms: number, onTheWayMs: number): Promise<string> {
    const step = departing(to[ABOUT].object, "ask");
    try {
      const call = outside(async () => {
        await sleep(onTheWayMs);
        return to.ask(ms, onwardOf(step));
      });
      return returned<string>(step, await call);
    } catch (error) {
      failed(step, error);
      throw error;
    }
  }
}

const callsOf = (line: Line | undefined): string[] =>
  (line?.calls ?? []).map(({ depth, object, call, ms }) => `${"  ".repeat(depth)}${object} ${call} ${ms}`);

describe("what is printed", () => {
  test.each([
    [SLOW_MS - 1, 0],
    [SLOW_MS, 0],
    [SLOW_MS + 1, 1],
  ])("after %i ms: %i lines", async (ms, count) => {
    await finished(new Desk().look(ms));
    expect(lines).toHaveLength(count);
  });

  test("a slow event is one line: its calls in their order, each with depth, time and duration, and the state", async () => {
    const desk = new Desk();
    desk.add(1, 2);
    await finished(desk.look(100, 200));
    const at = { object: "ann", call: "Shelf.fetch", depth: 1 };
    expect(lines).toEqual([
      {
        level: "info",
        event: "slow",
        id: expect.stringMatching(/^[0-9a-z]{10}$/),
        object: "ann",
        call: "Desk.look",
        ms: 300,
        slowMs: SLOW_MS,
        calls: [
          { object: "ann", call: "Desk.look", depth: 0, atMs: 0, ms: 300 },
          { ...at, atMs: 0, ms: 100 },
          { ...at, atMs: 100, ms: 200 },
        ],
        answers: 1,
      },
    ]);
  });

  test("what goes on after a handler has returned belongs to its event", async () => {
    new Desk().start(400);
    expect(lines).toEqual([]);
    await vi.advanceTimersByTimeAsync(400);
    expect(lines.map(callsOf)).toEqual([["ann Desk.start 0", "  ann Shelf.fetch 400"]]);
  });

  test("of a brief call what it starts is traced; what follows from that, where it is followed", async () => {
    const desk = new Desk();
    expect(desk.note(300)).toBe(300);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(lines.map(callsOf)).toEqual([["ann Desk.note 0", "  ann Shelf.fetch 300"]]);
    lines = [];
    expect(desk.noteAndFollow(300)).toBe(300);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(lines.map(callsOf)).toEqual([
      ["ann Desk.noteAndFollow 0", "  ann Desk.note 0", "    ann Shelf.fetch 300"],
      ["ann Shelf.fetch 300"],
    ]);
    expect(lines[0]?.id).toBe(lines[1]?.id);
    lines = [];
    expect(desk.add(1, 2)).toBe(3);
    expect(lines).toEqual([]);
  });

  test("calls that leave at once are rows like any others, each with its own end", async () => {
    const told = [{ depth: 0, object: "cid", call: "Desk.ask", atMs: 0, ms: 280 }];
    const desk = new Desk();
    const fan = desk.fan("bob", "cid", "dan", "eve");
    expect(fan?.trace.onward).toBe(`${Date.now()} ${fan?.trace.id}`);
    vi.advanceTimersByTime(100);
    expect(returnedTo(fan, 0, "a", Date.now())).toBe("a");
    vi.advanceTimersByTime(200);
    expect(returnedTo(fan, 1, { answer: "b", trace: told }, Date.now())).toBe("b");
    failedTo(fan, 2, new RangeError("at 37.7749"), Date.now());
    expect(lines).toEqual([]);
    vi.advanceTimersByTime(100);
    failedTo(fan, 3, TIMEOUT, Date.now());
    expect(lines.map(callsOf)).toEqual([
      ["ann Desk.fan 0", "  bob ask 100", "  cid ask 300", "    cid Desk.ask 280", "  dan ask 300", "  eve ask 400"],
    ]);
    expect(lines[0]?.calls.map(({ error }) => error)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      "RangeError",
      "TimeoutError",
    ]);
    expect(lines[0]?.event).toBe("call_failed");
    // Given up, and answered all the same.
    expect(returnedTo(fan, 3, { answer: "late", trace: told }, Date.now())).toBe("late");
    expect(lines).toHaveLength(1);
  });

  test("calls that leave when all else has ended are a trace of their own", async () => {
    new Desk().fanTwice();
    await vi.advanceTimersByTimeAsync(300);
    expect(lines.map(callsOf)).toEqual([["ann ask 0", "  bob ask 300"]]);
    lines = [];
    const desk = new Desk();
    expect(desk.fan("bob")?.trace.id).not.toBe(desk.fan("bob")?.trace.id);
  });

  test("calls that leave outside of a trace are nobody's", () => {
    expect(departingAll("ask", 2)).toBeNull();
    expect(returnedTo(null, 0, "a", Date.now())).toBe("a");
    failedTo(null, 1, TIMEOUT, Date.now());
    expect(lines).toEqual([]);
  });

  test("what failed is an error, at whatever speed; of the error only its kind is told", async () => {
    const desk = new Desk();
    expect(() => desk.fail()).toThrow("the key is eyJhbGciOi");
    expect(await finished(desk.failLater(5))).toMatchObject({ status: "rejected", reason: { name: "TypeError" } });
    expect(lines.map(({ level, event, ms, calls }) => [level, event, ms, calls[0]?.error])).toEqual([
      ["error", "failed", 0, "RangeError"],
      ["error", "failed", 5, "TypeError"],
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/eyJ|37\.7/);
  });

  test("an event that got over a failure is no error, but told", async () => {
    expect(await finished(new Desk().survive())).toMatchObject({ value: "survived" });
    expect(lines).toMatchObject([{ level: "info", event: "call_failed", call: "Desk.survive" }]);
    expect(lines[0]?.calls[1]).toMatchObject({ depth: 1, call: "Desk.failLater", error: "TypeError" });
  });

  test("a name of an error that is none is not told", async () => {
    const odd = Object.assign(new Error("x"), { name: "at 37.7749, -122.4194" });
    const desk = new Desk();
    vi.spyOn(desk.shelf, "fetch").mockRejectedValue(odd);
    await finished(desk.look(1));
    expect(lines.map(({ calls }) => calls[0]?.error)).toEqual(["Error"]);
  });

  test("state that cannot be read keeps no trace from being told", async () => {
    const state = (): never => {
      throw new Error("this object was reset");
    };
    await finished(new Desk("ann", { state }).look(300));
    expect(lines).toMatchObject([{ event: "slow", ms: 300 }]);
  });

  test.each([
    [ROWS_MAX - 2, undefined],
    [ROWS_MAX - 1, undefined],
    [ROWS_MAX, 1],
  ])("of %i calls below the first one %s are left out: those that took least", async (count, more) => {
    const waits = Array.from({ length: count }, (_, i) => (i === 3 ? 1 : 100));
    await finished(new Desk().look(...waits));
    expect(lines[0]?.more).toBe(more);
    expect(lines[0]?.calls).toHaveLength(Math.min(count + 1, ROWS_MAX));
    expect(lines[0]?.calls.some(({ ms }) => ms === 1)).toBe(more === undefined);
    expect(lines[0]?.calls[0]?.call).toBe("Desk.look");
  });

  test("a flood of them is cut off, and the next line says how many there were", () => {
    const desk = new Desk();
    const failTimes = (times: number): void => {
      for (let i = 0; i < times; i += 1) expect(() => desk.fail()).toThrow(RangeError);
    };
    failTimes(LINES_BURST - 1);
    expect(lines).toHaveLength(LINES_BURST - 1);
    failTimes(1);
    expect(lines).toHaveLength(LINES_BURST);
    failTimes(2);
    expect(lines).toHaveLength(LINES_BURST);
    vi.advanceTimersByTime(LINE_MIN_MS - 1);
    failTimes(1);
    expect(lines).toHaveLength(LINES_BURST);
    vi.advanceTimersByTime(1);
    failTimes(1);
    expect(lines.map(({ skipped }) => skipped)).toEqual([...Array.from({ length: LINES_BURST }), 3]);
  });

  test("0 turns it off: nothing is traced, and nothing is carried", async () => {
    const desk = new Desk("ann", { slowMs: 0 });
    expect(await finished(desk.look(10_000))).toMatchObject({ value: ["after 10000"] });
    expect(() => desk.fail()).toThrow(RangeError);
    const bob = new Desk("bob", { slowMs: 0 });
    const asked = vi.spyOn(bob, "ask");
    expect(await finished(desk.tell(bob, 1_000))).toMatchObject({ value: "told after 1000" });
    expect(asked).toHaveBeenCalledWith(1_000, undefined);
    expect(lines).toEqual([]);
  });
});

describe("between two objects", () => {
  test("a slow meeting is one line, of both by name: how long the call took, and how long its object", async () => {
    const told = await finished(new Desk("ann").tell(new Desk("bob"), 300, 100));
    expect(told).toMatchObject({ value: "told after 300" });
    expect(lines.map(callsOf)).toEqual([["ann Desk.tell 400", "  bob ask 400", "    bob Desk.ask 300"]]);
    expect(lines[0]?.calls[2]).toMatchObject({ lateMs: 100 });
  });

  test("time on the way is told apart: the object had nothing to do with it", async () => {
    await finished(new Desk("ann").tell(new Desk("bob"), 0, 400));
    expect(lines.map(callsOf)).toEqual([["ann Desk.tell 400", "  bob ask 400", "    bob Desk.ask 0"]]);
    expect(lines[0]?.calls[2]).toMatchObject({ lateMs: 400 });
  });

  test("an answer in time is the bare answer; one that is late has the trace beside it", async () => {
    const bob = new Desk("bob");
    const now = Date.now();
    const answerAfter = async (ms: number): Promise<unknown> => {
      const outcome = await finished(bob.ask(ms, `${Date.now()} abc`));
      return outcome.status === "fulfilled" ? outcome.value : outcome.reason;
    };
    expect(await answerAfter(SLOW_MS / 2 - 1)).toBe("told after 124");
    expect(await answerAfter(SLOW_MS / 2)).toMatchObject({
      answer: "told after 125",
      trace: [{ object: "bob", ms: 125 }],
    });
    // Of another version of this code, or of none.
    for (const onward of [undefined, "", "abc", "x y", " abc", "-5 abc"]) {
      const outcome = await finished(bob.ask(SLOW_MS / 2, onward));
      expect(outcome, onward).toMatchObject({ value: "told after 125" });
    }
    expect(lines).toEqual([]);
    expect(Date.now()).toBeGreaterThan(now);
  });

  test("when every answer is late, only some have a trace beside them", () => {
    const bob = new Desk("bob");
    const late = `${Date.now() - SLOW_MS / 2} abc`;
    // A brief call returns what it returns at once.
    const answers = Array.from({ length: REPORTS_BURST + 1 }, (): unknown => bob.note(0, late));
    expect(answers.findIndex((answer) => answer === 0)).toBe(REPORTS_BURST);
    expect(answers[REPORTS_BURST - 1]).toMatchObject({ answer: 0, trace: [{ object: "bob", call: "Desk.note" }, {}] });
    vi.advanceTimersByTime(REPORT_MIN_MS - 1);
    expect(bob.note(0, late)).toBe(0);
    vi.advanceTimersByTime(1);
    expect(bob.note(0, late)).toMatchObject({ answer: 0 });
  });

  test("what failed there is told on both sides, under one id", async () => {
    const told = await finished(new Desk("ann").tell(new Desk("bob"), -1));
    expect(told).toMatchObject({ status: "rejected", reason: { name: "SyntaxError" } });
    const error = "SyntaxError";
    expect(lines).toMatchObject([
      { event: "failed", object: "bob", calls: [{ call: "Desk.ask", error }] },
      {
        event: "failed",
        object: "ann",
        calls: [
          { call: "Desk.tell", error },
          { object: "bob", call: "ask", error },
        ],
      },
    ]);
    expect(lines[0]?.id).toBe(lines[1]?.id);
  });

  test.each([
    [PATIENCE_MS - 1, ["ann"]],
    [PATIENCE_MS, ["ann", "bob"]],
  ])("after %i ms %j print: whoever waited until then has heard it", async (ms, objects) => {
    await finished(new Desk("ann").tell(new Desk("bob"), ms));
    expect(lines.map(({ object }) => object).toSorted()).toEqual(objects);
    expect(new Set(lines.map(({ id }) => id)).size).toBe(1);
  });

  test("a call that is never answered ends when its caller gives up", async () => {
    const bob = new Desk("bob");
    vi.spyOn(bob, "ask").mockReturnValue(new Promise(() => {}));
    expect(await finished(new Desk("ann").tellInTime(bob, 1))).toMatchObject({ value: "no answer" });
    expect(lines).toMatchObject([
      {
        object: "ann",
        event: "call_failed",
        ms: PATIENCE_MS,
        calls: [{}, { object: "bob", error: "TimeoutError" }],
      },
    ]);
    expect(callsOf(lines[0])).toEqual([`ann Desk.tellInTime ${PATIENCE_MS}`, `  bob ask ${PATIENCE_MS}`]);
  });
});

describe("ids", () => {
  test("an event of a request has the id of the request", async () => {
    const desk = new Desk();
    await finished(desk.named("8c0ffee00000abcd-SFO"));
    expect(lines).toMatchObject([{ object: "ann", id: "8c0ffee00000abcd-SFO" }]);
  });

  test("work of the Worker is traced under it as well", async () => {
    const about = { object: "worker", slowMs: SLOW_MS, state: () => ({ route: "/v1/nearby" }) };
    const shelf = new Shelf();
    const request = (id: string, ms: number) => traceRequest({ about, id, name: "GET" }, () => shelf.fetch(ms));
    expect(await finished(request("one", 100))).toMatchObject({ value: "after 100" });
    expect(await finished(request("two", 300))).toMatchObject({ value: "after 300" });
    const broken = traceRequest({ about, id: "three", name: "GET" }, () => Promise.reject(new TypeError("x")));
    expect(await finished(broken)).toMatchObject({ status: "rejected" });
    expect(lines.map(({ id, event, object, call, route }) => [id, event, object, call, route])).toEqual([
      ["two", "slow", "worker", "GET", "/v1/nearby"],
      ["three", "failed", "worker", "GET", "/v1/nearby"],
    ]);
  });

  test("what an answer causes when all has ended is a trace of its own, under the same id", async () => {
    const ann = new Desk("ann");
    const bob = new Desk("bob");
    @traced
    class Repeater {
      readonly [ABOUT] = ann[ABOUT];
      again(): void {
        void ann.tell(bob, 300).then(() => ann.tell(bob, 400));
      }
    }
    new Repeater().again();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(lines.map(callsOf)).toEqual([
      ["ann Repeater.again 0", "  ann Desk.tell 300", "    bob ask 300", "      bob Desk.ask 300"],
      ["ann Desk.tell 400", "  bob ask 400", "    bob Desk.ask 400"],
    ]);
    expect(lines[0]?.id).toBe(lines[1]?.id);
  });
});

describe("decorating", () => {
  test("methods keep what they take, return and throw, and their object", () => {
    const desk = new Desk();
    expect(desk.add(2, 3)).toBe(5);
    expect(desk.answers).toBe(1);
    expect(Object.getOwnPropertyNames(Desk.prototype)).toContain("add");
  });

  test("outside of an event a method of another class is as it was", async () => {
    expect(await finished(new Shelf().fetch(10_000))).toMatchObject({ value: "after 10000" });
    expect(lines).toEqual([]);
  });

  test("a method that is not there cannot carry anything", () => {
    expect(() => {
      @traced({ carrying: ["absent"] })
      class Short {
        present(): void {}
      }
      return Short;
    }).toThrow("Short has no method absent");
  });
});

describe("spans of the platform", () => {
  const spansOf = (isTraced: boolean | undefined) => {
    const entered: string[] = [];
    const tracing = {
      enterSpan: <T>(name: string, work: () => T): T => {
        entered.push(name);
        return work();
      },
      getActiveSpan: () => (isTraced === undefined ? undefined : { isTraced }),
    };
    useSpansOf({ tracing });
    return entered;
  };

  test.each([
    [true, ["Desk.look", "Shelf.fetch"]],
    [false, []],
    [undefined, []],
  ])("recorded: %s", async (isTraced, expected) => {
    const entered = spansOf(isTraced);
    expect(await finished(new Desk().look(1))).toMatchObject({ value: ["after 1"] });
    expect(entered).toEqual(expected);
  });

  test.each([{}, { tracing: undefined }, { tracing: { enterSpan: true } }, { tracing: { enterSpan: () => 1 } }])(
    "a platform without them: %j",
    async (platform) => {
      useSpansOf(platform);
      expect(await finished(new Desk().look(1))).toMatchObject({ value: ["after 1"] });
    },
  );
});
