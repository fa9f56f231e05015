/** The parts of the operations console that need no browser: its stream, its lines, its map. */
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";

import { encodeGeohash } from "../../src/geo/geohash.ts";
import type { Stats } from "../../src/protocol/admin.ts";
import { chartOf } from "../../src/web/admin/cells.ts";
import { sparkOf } from "../../src/web/admin/spark.ts";
import { pauseOf, readEvents, SILENCE_MAX_MS, type StreamState } from "../../src/web/admin/stream.ts";
import { busyAt } from "./admin-stats.ts";

const SIZE = { widthPx: 720, heightPx: 360 };

function sse(stats: object, event = "stats"): string {
  return `event: ${event}\ndata: ${JSON.stringify(stats)}\n\n`;
}

/** A server that answers as the test says, one answer per connection, and a clock that the test moves. */
class Lab {
  readonly states: StreamState[] = [];
  readonly stats: Stats[] = [];
  readonly asked: RequestInit[] = [];
  readonly pauses: { ms: number; end: () => void }[] = [];
  readonly #stop = new AbortController();
  readonly done: Promise<void>;

  constructor(answers: (() => Response | Promise<Response>)[]) {
    this.done = readEvents(
      {
        fetch: async (_, init) => {
          this.asked.push(init);
          const answer = answers.shift();
          if (answer === undefined) throw new TypeError("no network");
          return untilAborted(await answer(), init.signal);
        },
        nowMs: () => 5_000,
        random: () => 0,
        sleep: (ms, signal) =>
          new Promise((resolve, reject) => {
            this.pauses.push({ ms, end: resolve });
            signal.addEventListener("abort", () => reject(new Error("aborted")));
          }),
      },
      {
        token: "a.b.c",
        signal: this.#stop.signal,
        onState: (state) => this.states.push(state),
        onStats: (stats) => this.stats.push(stats),
      },
    );
  }

  async until(kind: StreamState["kind"]): Promise<StreamState> {
    await expect.poll(() => this.states.at(-1)?.kind).toBe(kind);
    const last = this.states.at(-1);
    if (last === undefined) throw new Error("no state");
    return last;
  }

  /** Lets the pause before the next connection pass. */
  next(): void {
    this.pauses.findLast(({ ms }) => ms !== SILENCE_MAX_MS)?.end();
  }

  end(): Promise<void> {
    this.#stop.abort();
    return this.done;
  }
}

/** As a real fetch has it: what is aborted ends, also in the middle of its body. */
function untilAborted(response: Response, signal: AbortSignal | null | undefined): Response {
  if (response.body === null || signal === null || signal === undefined) return response;
  const body = response.body.pipeThrough(new TransformStream<Uint8Array, Uint8Array>(), { signal });
  return new Response(body, { status: response.status, headers: response.headers });
}

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.end();
  lab = undefined;
});

function open(...answers: (() => Response | Promise<Response>)[]): Lab {
  lab = new Lab(answers);
  return lab;
}

/** Chunks of a body that stays open. */
function flowing(...chunks: string[]): Response {
  return new Response(
    new ReadableStream({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
      },
    }),
  );
}

describe("the stream of events", () => {
  test("is read with the token in a header, whatever the chunks are", async () => {
    const text = `: hello\n\n${sse(busyAt(1))}${sse({ x: 1 }, "other")}${sse(busyAt(3)).replaceAll("\n", "\r\n")}`;
    const one = open(() => flowing(text.slice(0, 50), text.slice(50, 51), text.slice(51)));
    await expect.poll(() => one.stats.map(({ at }) => at)).toEqual([busyAt(1).at, busyAt(3).at]);
    expect((await one.until("live")).kind).toBe("live");
    expect(one.asked[0]?.headers).toMatchObject({ authorization: "Bearer a.b.c" });
  });

  test("that ends is connected again after a pause, which grows while nothing comes", async () => {
    const one = open(() => new Response(sse(busyAt(1))));
    expect(await one.until("waiting")).toEqual({
      kind: "waiting",
      why: "The server ended the stream.",
      retryAtMs: 6_000,
    });
    one.next();
    await expect
      .poll(() => one.states.at(-1))
      .toMatchObject({ why: "The server cannot be reached.", retryAtMs: 7_000 });
    expect(one.asked).toHaveLength(2);
  });

  test("pauses are at least 0.7 s and at most 15 s", () => {
    expect([0, 1, 3, 4, 60].map((failures) => pauseOf(failures, 0))).toEqual([1_000, 2_000, 8_000, 15_000, 15_000]);
    expect(pauseOf(0, 1)).toBe(700);
  });

  test.each([
    [401, "has expired"],
    [403, "npm run token -- NAME --role admin"],
    [404, "no operations API"],
  ])("%i is final, and says what to do", async (status, says) => {
    const one = open(() => new Response("{}", { status }));
    await one.done;
    const last = one.states.at(-1);
    expect(last).toMatchObject({ kind: "refused", refusal: { status } });
    expect(JSON.stringify(last)).toContain(says);
    expect(one.asked).toHaveLength(1);
  });

  test.each([
    [429, "Too many requests"],
    [503, "503: The user's object is busy"],
  ])("%i is tried again", async (status, says) => {
    const one = open(() => Response.json({ detail: "The user's object is busy" }, { status }));
    expect(JSON.stringify(await one.until("waiting"))).toContain(says);
  });

  test("that is silent for half a minute is given up", async () => {
    const one = open(() => flowing(sse(busyAt(1))));
    await one.until("live");
    // The first watch ended with the event.
    one.pauses.findLast(({ ms }) => ms === SILENCE_MAX_MS)?.end();
    expect(await one.until("waiting")).toMatchObject({ why: "The server has been silent." });
  });

  test("of another version is told, not shown", async () => {
    const one = open(() => flowing(sse({ at: 1 })));
    expect(await one.until("waiting")).toMatchObject({ why: expect.stringContaining("reload this page") });
    expect(one.stats).toEqual([]);
  });

  test("ends when it is not wanted any more", async () => {
    const one = open(() => flowing(sse(busyAt(1))));
    await one.until("live");
    await one.end();
    expect(one.asked).toHaveLength(1);
  });
});

describe("a line of values", () => {
  const size = { widthPx: 103, heightPx: 23, slots: 11 };

  test("is from zero to the largest, the newest at the right edge", () => {
    expect(sparkOf([0, 5, 10], size).line).toBe("M81.5 21.5L91.5 11.5L101.5 1.5");
    expect(sparkOf([0, 5, 10], size).area).toBe("M81.5 23L81.5 21.5L91.5 11.5L101.5 1.5L101.5 23Z");
  });

  test("has gaps where nothing is known, and a dot for what stands alone", () => {
    expect(sparkOf([4, undefined, 4, Infinity], size).line).toBe("M71.5 1.5h.01M91.5 1.5h.01");
    expect(sparkOf([], size)).toEqual({ line: "", area: "" });
    expect(sparkOf([undefined], size).line).toBe("");
    expect(sparkOf([0, 0], size).line).toBe("M91.5 21.5L101.5 21.5");
  });

  test("stays inside, however many values there are", () => {
    const value = fc.option(fc.double({ min: 0, max: 1e12, noNaN: true }), { nil: undefined });
    fc.assert(
      fc.property(fc.array(value, { maxLength: 40 }), (values) => {
        const numbers = sparkOf(values, size).line.match(/-?\d+(?:\.\d+)? -?\d+(?:\.\d+)?/g) ?? [];
        for (const pair of numbers) {
          const [x = -1, y = -1] = pair.split(" ").map(Number);
          expect(x >= 0 && x <= size.widthPx && y >= 0 && y <= size.heightPx).toBe(true);
        }
      }),
    );
  });
});

describe("the map of cells", () => {
  test("the fullest cell is the darkest, and cities keep their sides", () => {
    const { boxes } = chartOf(busyAt(0).cells, SIZE);
    expect(boxes.map(({ share }) => share)[0]).toBe(1);
    const x = (cell: string) => boxes.find((box) => box.cell === cell)?.x ?? Number.NaN;
    // Busan is west of Tokyo.
    expect(x("wy7b")).toBeLessThan(x("xn76"));
    expect(boxes[0]?.place).toBe("37.5° N, 127.1° E");
  });

  test("across the antimeridian neighbours stay neighbours", () => {
    const cells = [
      { lat: -17, lng: 179.5 },
      { lat: -17, lng: -179.5 },
    ].map((place) => encodeGeohash(place, 4));
    const { boxes } = chartOf(
      cells.map((cell) => ({ cell, users: 9 })),
      SIZE,
    );
    const [west, east] = boxes;
    expect(west !== undefined && east !== undefined && west.x < east.x).toBe(true);
  });

  test("everything lies inside, for cells anywhere; what is no cell is left out", () => {
    const place = fc.record({
      lat: fc.double({ min: -89, max: 89, noNaN: true }),
      lng: fc.double({ min: -180, max: 180, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(place, { minLength: 1, maxLength: 30 }), (places) => {
        const cells = places.map((one) => ({ cell: encodeGeohash(one, 4), users: 10 }));
        const { boxes, meridians, parallels } = chartOf(cells, SIZE);
        expect(boxes).toHaveLength(cells.length);
        for (const { x, y, width, height } of boxes) {
          expect(x >= 0 && y >= 0 && x + width <= SIZE.widthPx && y + height <= SIZE.heightPx).toBe(true);
        }
        expect(meridians.length).toBeLessThanOrEqual(16);
        expect(parallels.length).toBeLessThanOrEqual(16);
      }),
    );
    expect(
      chartOf(
        [
          { cell: "ailo", users: 5 },
          { cell: "", users: 5 },
        ],
        SIZE,
      ),
    ).toEqual({ boxes: [], meridians: [], parallels: [] });
  });
});
