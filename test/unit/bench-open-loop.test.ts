/** The open loop against servers that are played: what counts as a delivery, from when, and what is missing. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import * as v from "valibot";

import type { Frame } from "../../scripts/bench/clients.ts";
import { type Line, OpenLoop, type OpenLoopFigures } from "../../scripts/bench/open-loop.ts";
import { makePeople } from "../../scripts/bench/people.ts";
import { seededRandom } from "../../scripts/town/random.ts";

const Location = v.object({ lat: v.number(), lng: v.number(), ts: v.number() });
type Location = v.InferOutput<typeof Location>;
const OPEN = 1;
const CLOSED = 3;
const PEOPLE = makePeople(3, 2);

class Played {
  readonly lines: Line[];
  state: number = OPEN;

  /** @param onSent what the server does with a position of the person with this index */
  constructor(onSent: (server: Played, from: number, location: Location) => void) {
    this.lines = PEOPLE.map((_, from) => {
      const state = () => this.state;
      const send = (text: string) => onSent(this, from, v.parse(Location, JSON.parse(text)));
      return {
        socket: {
          get readyState() {
            return state() === OPEN ? OPEN : CLOSED;
          },
          send,
        },
        onFrame: () => {},
      };
    });
  }

  deliver(from: number, location: Location, type: "friend" | "nearby" = "friend"): void {
    const shown = { id: PEOPLE[from]?.id ?? "", ...location };
    const frame: Frame = type === "friend" ? { type, friend: shown } : { type, friends: [shown] };
    for (const friend of PEOPLE[from]?.friends ?? []) this.lines[friend]?.onFrame(frame);
  }
}

async function run(server: Played, during?: (loop: OpenLoop) => Promise<void>): Promise<OpenLoopFigures> {
  const loop = new OpenLoop({
    people: PEOPLE,
    clients: server.lines,
    updatesPerS: 100,
    warmUpMs: 50,
    measureMs: 500,
    random: seededRandom(5),
    signal: new AbortController().signal,
  });
  const [figures] = await Promise.all([loop.run(), during?.(loop)]);
  return figures;
}

test("a server that answers at once: every delivery counts once, and frames that come twice do not", async () => {
  const figures = await run(
    new Played((server, from, location) => {
      server.deliver(from, location);
      server.deliver(from, location);
    }),
  );
  expect(figures.updates).toBeGreaterThan(25);
  expect(figures).toMatchObject({ deliveries: 2 * figures.updates, lost: 0, late: 0, replaced: 0 });
  expect(figures.latency.count).toBe(figures.deliveries);
  expect(figures.sendLate.count).toBe(figures.updates);
  expect(figures.samples.reduce((sum, [, count]) => sum + count, 0)).toBe(figures.deliveries);
});

test("a server that stalls gets as many positions all the same, and they count from when they were due", async () => {
  const waiting: (() => void)[] = [];
  let isStalled = false;
  const server = new Played((played, from, location) => {
    const deliver = () => played.deliver(from, location);
    if (isStalled) waiting.push(deliver);
    else deliver();
  });
  const figures = await run(server, async () => {
    await sleep(100);
    isStalled = true;
    await sleep(400);
    isStalled = false;
    waiting.splice(0).forEach((deliver) => deliver());
  });
  const calm = await run(new Played((played, from, location) => played.deliver(from, location)));
  expect(figures.updates).toBe(calm.updates);
  expect(figures).toMatchObject({ deliveries: 2 * figures.updates, lost: 0 });
  // Most of the half second was the stall: its middle is what the median shows, and nearly all of it the longest.
  expect(figures.latency.p50Ms).toBeGreaterThan(100);
  expect(figures.latency.maxMs).toBeGreaterThan(300);
});

test("only the newest position of each arrives: the older ones were replaced, and waited for it", async () => {
  const newest = new Map<number, Location>();
  const server = new Played((_, from, location) => void newest.set(from, location));
  const figures = await run(server, async () => {
    // Long after the last one was due, also on a busy machine.
    await sleep(1_500);
    for (const [from, location] of newest) server.deliver(from, location, "nearby");
  });
  expect(newest.size).toBe(3);
  expect(figures).toMatchObject({ deliveries: 2 * figures.updates, lost: 0 });
  expect(figures.replaced).toBe(2 * (figures.updates - 3));
});

test("what never comes is lost, and what comes after a second is late", { timeout: 20_000 }, async () => {
  let count = 0;
  const server = new Played((played, from, location) => {
    count += 1;
    if (from === 0) return;
    if (from === 1) played.deliver(from, location);
    else setTimeout(() => played.deliver(from, location), 1_100);
  });
  const figures = await run(server);
  expect(count).toBeGreaterThan(figures.updates);
  expect(figures.lost).toBeGreaterThan(0);
  expect(figures.late).toBeGreaterThan(0);
  expect(figures.deliveries + figures.lost).toBe(2 * figures.updates);
});

test("without a socket a position stays with its person, who sends it when the socket is back", async () => {
  const server = new Played((played, from, location) => played.deliver(from, location));
  server.state = CLOSED;
  const figures = await run(server, async (loop) => {
    await sleep(1_500);
    server.state = OPEN;
    for (const index of PEOPLE.keys()) loop.sendNewest(index);
  });
  expect(figures).toMatchObject({ deliveries: 2 * figures.updates, lost: 0 });
  expect(figures.replaced).toBe(2 * (figures.updates - 3));
});

test("who has sent nothing yet says where they are as well", () => {
  const sent: [number, Location][] = [];
  const server = new Played((_, from, location) => void sent.push([from, location]));
  const signal = new AbortController().signal;
  const options = { people: PEOPLE, clients: server.lines, updatesPerS: 1, warmUpMs: 0, measureMs: 1, signal };
  const loop = new OpenLoop({ ...options, random: seededRandom(5) });
  loop.sendNewest(2);
  loop.sendNewest(2);
  expect(sent.map(([from]) => from)).toEqual([2, 2]);
  expect(sent[0]?.[1]).toEqual(sent[1]?.[1]);
  expect(Date.now() - (sent[0]?.[1].ts ?? 0)).toBeLessThan(60_000);
});
