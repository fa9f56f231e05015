/** The client and a server that stores: what goes out, when, and what is kept until `saved`. */
import { describe, expect, test } from "vitest";
import { UNSAVED_MAX } from "../../src/client/backlog.ts";
import { createNearbyClient } from "../../src/client/index.ts";
import {
  BACKLOG_EVERY_MS,
  FRAMES_UNANSWERED_MAX,
  LIVE_BURST,
  LIVE_EVERY_MS,
  REST_MS,
} from "../../src/client/uplink.ts";
import type { Fix } from "../../src/protocol/fix.ts";
import { FRAME_BURST, FRAMES_PER_S } from "../../src/protocol/limits.ts";
import { FakeClock, FakeNetwork, settle, WELCOME } from "./client-fakes.ts";

/** The clock of the tests, in seconds since `T0`: positions are from the past unless a test says otherwise. */
const NOW_S = 1_000_000;
const T0 = WELCOME.now - NOW_S * 1000;

async function start() {
  const clock = new FakeClock();
  const network = new FakeNetwork();
  const client = createNearbyClient({
    url: "http://127.0.0.1:8787",
    token: () => Promise.resolve("t"),
    webSocket: network.open,
    clock: () => clock.nowMs,
    random: () => 0,
    timers: clock.startTimer,
  });
  await settle();
  /** Sends a position of `second`. */
  const send = (second: number) => client.send({ lat: 1, lng: 2, ts: T0 + second * 1000 });
  return { client, clock, network, send };
}

type World = Awaited<ReturnType<typeof start>>;

async function online(): Promise<World> {
  const world = await start();
  world.network.last.receive(WELCOME);
  return world;
}

/** Offline for so long. */
async function reconnect({ network, clock }: World, afterMs: number): Promise<void> {
  network.last.end(1006);
  clock.nowMs += afterMs;
  clock.advance(0);
  await settle();
  network.last.receive({ ...WELCOME, now: clock.nowMs });
}

/** The position frames of the current connection: a number for a live position, a list for a frame of the backlog. */
function sent({ network }: World): (number | number[])[] {
  return network.last.sent.flatMap((text): (number | number[])[] => {
    if (text === "ping") return [];
    const message = JSON.parse(text) as { type: string; points: Fix[] } & Fix;
    return message.type === "location" ? [secondOf(message)] : [message.points.map(secondOf)];
  });
}

function secondOf({ ts }: Fix): number {
  return (ts - T0) / 1000;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

function saved({ network }: World, count: number): void {
  network.last.receive({ type: "saved", count, through: T0 });
}

describe("saved", () => {
  test("is an event, and what it covers is no longer unsaved", async () => {
    const world = await online();
    const heard: unknown[] = [];
    world.client.on("saved", ({ count, through }) => heard.push([count, through, world.client.unsaved]));
    for (const second of [1, 2, 3]) world.send(second);
    expect(world.client.unsaved).toBe(3);
    saved(world, 2);
    expect(heard).toEqual([[2, T0, 1]]);
  });

  test("of a shape that is not understood changes nothing", async () => {
    const world = await online();
    world.send(1);
    world.network.last.receive({ type: "saved", count: "1", through: T0 });
    world.network.last.receive({ type: "saved" });
    expect(world.client.unsaved).toBe(1);
  });

  test("before the welcome of a new connection it says nothing about that one", async () => {
    const world = await online();
    world.send(1);
    world.network.last.end(1006);
    world.clock.advance(0);
    await settle();
    saved(world, 1);
    expect(world.client.unsaved).toBe(1);
  });
});

describe("after a reconnect", () => {
  test("the newest position goes first, then what was not covered, oldest first", async () => {
    const world = await online();
    for (const second of [1, 2, 3, 4]) world.send(second);
    saved(world, 1);
    await reconnect(world, 1000);
    expect(sent(world)).toEqual([4, [2, 3]]);
    saved(world, 3);
    expect(world.client.unsaved).toBe(0);
  });

  test("positions sent offline go out, too", async () => {
    const world = await start();
    expect(world.send(1)).toBe(false);
    world.send(2);
    expect(world.client.unsaved).toBe(2);
    world.network.last.receive(WELCOME);
    expect(sent(world)).toEqual([2, [1]]);
  });

  test("the newest goes out as a live one for ten minutes, stored or not", async () => {
    const world = await online();
    world.send(1);
    saved(world, 1);
    await reconnect(world, 600_000);
    expect(sent(world)).toEqual([1]);
    // Its place counts, and nothing else is forgotten for it.
    world.send(2);
    saved(world, 1);
    expect(world.client.unsaved).toBe(1);
    saved(world, 2);
    expect(world.client.unsaved).toBe(0);
  });

  test("later it goes out as history: friends would take an old place for a live one", async () => {
    const world = await online();
    world.send(1);
    await reconnect(world, 600_001);
    expect(sent(world)).toEqual([[1]]);
    saved(world, 1);
    await reconnect(world, 1);
    expect(sent(world)).toEqual([]);
  });

  test("a position is not held up by a backlog", async () => {
    const world = await start();
    for (const second of range(0, 1000)) world.send(second);
    world.network.last.receive(WELCOME);
    expect(world.send(1000)).toBe(true);
    expect(sent(world)).toEqual([999, range(0, 100), 1000]);
  });

  test("with a clock that is ahead the newest goes out once more: the server takes the future for now", async () => {
    const world = await online();
    for (const second of [1, 2, 3]) world.send(NOW_S + second + 120);
    await reconnect(world, 1000);
    expect(sent(world)).toEqual([NOW_S + 123, [NOW_S + 121, NOW_S + 122]]);
    world.clock.advance(BACKLOG_EVERY_MS);
    expect(sent(world).at(-1)).toBe(NOW_S + 123);
    world.clock.advance(20_000);
    expect(sent(world)).toHaveLength(3);
  });

  test("with a clock that is ahead, a newest one that shared a frame is not repeated", async () => {
    const world = await online();
    for (const second of range(0, LIVE_BURST)) world.send(NOW_S + second + 120);
    world.clock.advance(LIVE_EVERY_MS - 1);
    expect(world.send(NOW_S + 900)).toBe(false);
    world.clock.advance(5000);
    expect(sent(world).slice(LIVE_BURST)).toEqual([[NOW_S + 900]]);
  });

  test("with a clock that is right it does not", async () => {
    const world = await online();
    for (const second of [-2, -1, 0]) world.send(NOW_S + second);
    await reconnect(world, 1000);
    world.clock.advance(5000);
    expect(sent(world)).toEqual([NOW_S, [NOW_S - 2, NOW_S - 1]]);
  });

  test("a second welcome does not set the count back", async () => {
    const world = await online();
    world.send(1);
    world.network.last.receive(WELCOME);
    world.send(2);
    saved(world, 1);
    await reconnect(world, 600_001);
    expect(sent(world)).toEqual([[2]]);
  });
});

describe("pace", () => {
  test("frames held back for a minute still fit the server's bucket", () => {
    expect(LIVE_BURST + 60_000 / LIVE_EVERY_MS + FRAMES_UNANSWERED_MAX).toBeLessThanOrEqual(FRAME_BURST);
    expect(1000 / LIVE_EVERY_MS + 1000 / BACKLOG_EVERY_MS).toBeLessThanOrEqual(FRAMES_PER_S / 2);
  });

  test("a backlog goes out one frame after the other", async () => {
    const world = await start();
    for (const second of range(0, 301)) world.send(second);
    world.network.last.receive(WELCOME);
    expect(sent(world)).toEqual([300, range(0, 100)]);
    world.clock.advance(BACKLOG_EVERY_MS - 1);
    expect(sent(world)).toHaveLength(2);
    world.clock.advance(1);
    expect(sent(world).at(-1)).toEqual(range(100, 200));
    world.clock.advance(BACKLOG_EVERY_MS);
    expect(sent(world).at(-1)).toEqual(range(200, 300));
    world.clock.advance(10_000);
    expect(sent(world)).toHaveLength(4);
  });

  test("it waits for the server after some frames", async () => {
    const world = await start();
    for (const second of range(0, 100 * (FRAMES_UNANSWERED_MAX + 2))) world.send(second);
    world.network.last.receive(WELCOME);
    world.clock.advance(25_000);
    expect(sent(world)).toHaveLength(1 + FRAMES_UNANSWERED_MAX);
    saved(world, 1 + 100);
    world.clock.advance(5000);
    expect(sent(world)).toHaveLength(1 + FRAMES_UNANSWERED_MAX + 1);
  });

  test("a burst of live positions, then they wait a moment and share a frame", async () => {
    const world = await online();
    const wentOut = range(0, LIVE_BURST + 2).map((second) => world.send(second));
    expect(wentOut.filter(Boolean)).toHaveLength(LIVE_BURST);
    expect(wentOut.slice(-2)).toEqual([false, false]);
    world.clock.advance(BACKLOG_EVERY_MS);
    expect(sent(world).slice(LIVE_BURST)).toEqual([[LIVE_BURST], [LIVE_BURST + 1]]);
    world.clock.advance(LIVE_EVERY_MS);
    expect(world.send(99)).toBe(true);
  });

  test("the newest of a reconnect is not held up by positions sent before", async () => {
    const world = await online();
    for (const second of range(0, LIVE_BURST + 1)) world.send(second);
    await reconnect(world, 0);
    expect(sent(world)[0]).toBe(LIVE_BURST);
  });
});

describe("errors about positions", () => {
  /** A connection whose first frame, with the `ref` 1, is a backlog of the seconds 0 to 3, after the live 4. */
  async function withBacklog(): Promise<World> {
    const world = await start();
    for (const second of range(0, 5)) world.send(second);
    world.network.last.receive(WELCOME);
    expect(sent(world)).toEqual([4, [0, 1, 2, 3]]);
    return world;
  }

  function fail({ network }: World, error: Record<string, unknown>): void {
    network.last.receive({ type: "error", message: "", fatal: false, ...error });
  }

  test("a frame refused for one point goes out again without it", async () => {
    const world = await withBacklog();
    fail(world, { code: "bad_location", ref: 1, index: 2 });
    expect(world.client.unsaved).toBe(4);
    world.clock.advance(BACKLOG_EVERY_MS);
    expect(sent(world).at(-1)).toEqual([0, 1, 3]);
    saved(world, 5);
    expect(world.client.unsaved).toBe(3);
    await reconnect(world, 600_001);
    expect(sent(world)).toEqual([[0, 1, 3]]);
  });

  test("the application hears of it", async () => {
    const world = await withBacklog();
    const heard: unknown[] = [];
    world.client.on("error", ({ code }) => heard.push(code));
    fail(world, { code: "bad_timestamp", ref: 1, index: 2 });
    expect(heard).toEqual(["bad_timestamp"]);
  });

  test("a point too far ahead takes along what is further ahead", async () => {
    const world = await start();
    const day = NOW_S + 25 * 3600;
    for (const second of [0, 1, ...range(day, day + 300), 2]) world.send(second);
    world.network.last.receive(WELCOME);
    expect(sent(world)).toEqual([2, [0, 1, ...range(day, day + 98)]]);
    fail(world, { code: "bad_timestamp", ref: 1, index: 2 });
    world.clock.advance(5000);
    expect(sent(world).slice(2).filter(Array.isArray)).toEqual([[0, 1]]);
    expect(world.client.unsaved).toBe(3);
  });

  test("a time that is refused though it is past takes nothing along", async () => {
    const world = await withBacklog();
    fail(world, { code: "bad_timestamp", ref: 1, index: 0 });
    world.clock.advance(BACKLOG_EVERY_MS);
    expect(sent(world).at(-1)).toEqual([1, 2, 3]);
  });

  test("a live position that is refused is not sent again", async () => {
    const world = await withBacklog();
    fail(world, { code: "bad_timestamp", ref: 0 });
    expect(world.client.unsaved).toBe(4);
    await reconnect(world, 600_001);
    expect(sent(world)).toEqual([[0, 1, 2, 3]]);
  });

  test.each([0, 1])("what failed inside the server goes out again after a rest (ref %d)", async (ref) => {
    const world = await withBacklog();
    fail(world, { code: "internal", ref });
    expect(world.client.unsaved).toBe(5);
    world.clock.advance(REST_MS - 1);
    expect(sent(world)).toHaveLength(2);
    world.clock.advance(1);
    expect(sent(world).at(-1)).toEqual(ref === 0 ? [4] : [0, 1, 2, 3]);
    saved(world, 5);
    expect(world.client.unsaved).toBe(ref === 0 ? 1 : 4);
  });

  test("a frame that was too fast goes out once more, a live position does not", async () => {
    const world = await withBacklog();
    fail(world, { code: "too_fast", ref: 0 });
    fail(world, { code: "too_fast", ref: 1 });
    world.clock.advance(BACKLOG_EVERY_MS);
    fail(world, { code: "too_fast", ref: 5 });
    world.clock.advance(20_000);
    expect(sent(world)).toEqual([4, [0, 1, 2, 3], [0, 1, 2, 3]]);
    expect(world.client.unsaved).toBe(5);
    saved(world, 9);
    expect(world.client.unsaved).toBe(0);
  });

  test.each([
    { code: "internal" },
    { code: "too_fast" },
    { code: "bad_message", ref: 77 },
    { code: "invented_later", ref: 1 },
  ])("%j changes nothing", async (error) => {
    const world = await withBacklog();
    fail(world, error);
    world.clock.advance(25_000);
    expect(sent(world)).toHaveLength(2);
    expect(world.client.unsaved).toBe(5);
  });
});

describe("limit", () => {
  test("what is given up is counted, and told once until all is saved", async () => {
    const world = await start();
    let told = 0;
    world.client.on("error", ({ code }) => (told += code === "points_dropped" ? 1 : 0));
    for (const second of range(0, UNSAVED_MAX)) world.send(second);
    expect([world.client.unsaved, world.client.dropped, told]).toEqual([UNSAVED_MAX, 0, 0]);
    for (const second of range(0, 3)) world.send(UNSAVED_MAX + second);
    expect([world.client.unsaved, world.client.dropped, told]).toEqual([UNSAVED_MAX, 3, 1]);

    world.network.last.receive(WELCOME);
    for (let round = 0; world.client.unsaved > 0 && round < 1000; round += 1) {
      world.clock.advance(BACKLOG_EVERY_MS);
      saved(world, UNSAVED_MAX);
    }
    expect([world.client.unsaved, world.client.dropped, told]).toEqual([0, 3, 1]);
    world.network.last.end(1006);
    for (const second of range(0, UNSAVED_MAX + 2)) world.send(second);
    expect([world.client.unsaved, world.client.dropped, told]).toEqual([UNSAVED_MAX, 5, 2]);
  });
});

describe("timers and sockets", () => {
  test("close leaves no timer of the backlog", async () => {
    const world = await start();
    for (const second of range(0, 300)) world.send(second);
    world.network.last.receive(WELCOME);
    world.client.close();
    expect(world.clock.pending).toBe(0);
    expect(world.client.unsaved).toBe(300);
  });

  test("a lost connection leaves only the timer of the next attempt", async () => {
    const world = await start();
    for (const second of range(0, 300)) world.send(second);
    world.network.last.receive(WELCOME);
    world.network.last.end(1006);
    expect(world.clock.pending).toBe(1);
  });

  test("a socket that throws because it is closed loses nothing", async () => {
    const world = await online();
    world.network.last.send = () => {
      throw new TypeError("Can't call WebSocket send() after close().");
    };
    expect(world.send(1)).toBe(false);
    await reconnect(world, 0);
    expect(sent(world)).toEqual([1]);
  });
});
