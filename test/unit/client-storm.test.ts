/** The client against a server that stores late, fails, is cut off and loses `saved`: nothing is lost all the same. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createNearbyClient } from "../../src/client/index.ts";
import { FakeClock, FakeNetwork, settle } from "./client-fakes.ts";
import { StoringServer } from "./client-server.ts";

/** Still too far ahead after the longest run. */
const FAR_AHEAD_MS = 1000 * 24 * 60 * 60 * 1000;

type Step =
  | { readonly kind: "send"; readonly count: number; readonly everyMs: number }
  /** By a clock that is more than a day ahead: refused by the server. */
  | { readonly kind: "sendFarAhead"; readonly count: number }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "arrive"; readonly count: number }
  | { readonly kind: "save"; readonly isHeard: boolean }
  | { readonly kind: "fail" }
  | { readonly kind: "cut" }
  | { readonly kind: "connect" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("send"),
      count: fc.integer({ min: 1, max: 150 }),
      everyMs: fc.constantFrom(0, 1, 100, 1000, 30_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("sendFarAhead"), count: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("wait"), ms: fc.constantFrom(1, 250, 1000, 9000, 29_000) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("arrive"), count: fc.constantFrom(1, 3, 1000) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("save"), isHeard: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("fail") }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("cut") }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("connect") }) },
);

/** How often each thing happened over all runs: a storm in which nothing is cut proves nothing. */
const happened = new Map<string, number>();

function count(what: string, times = 1): void {
  happened.set(what, (happened.get(what) ?? 0) + times);
}

function aStorm() {
  const clock = new FakeClock();
  const network = new FakeNetwork();
  const server = new StoringServer(() => clock.nowMs);
  const client = createNearbyClient({
    url: "http://127.0.0.1:8787",
    token: () => Promise.resolve("t"),
    webSocket: network.open,
    clock: () => clock.nowMs,
    random: () => 0.5,
    timers: clock.startTimer,
  });
  client.on("error", ({ code }) => count(code));
  client.on("saved", () => count("saved"));
  const good = new Set<number>();
  let sent = 0;

  function send(offsetMs: number): void {
    const ts = clock.nowMs + offsetMs;
    if (offsetMs === 0) good.add(ts);
    sent += 1;
    client.send({ lat: 1, lng: 2, ts, accuracy: 4.5 });
  }

  async function connect(): Promise<void> {
    await settle();
    if (client.status.state === "waiting") clock.advance(client.status.retryInMs);
    await settle();
    if (client.status.state !== "connecting") return;
    server.accept(network.last);
    count("connected");
  }

  async function run(it: Step): Promise<void> {
    switch (it.kind) {
      case "send":
        for (let i = 0; i < it.count; i += 1) {
          send(0);
          clock.advance(it.everyMs);
        }
        break;
      case "sendFarAhead":
        for (let i = 0; i < it.count; i += 1) send(FAR_AHEAD_MS + i);
        break;
      case "wait":
        clock.advance(it.ms);
        break;
      case "arrive":
        server.arrive(it.count);
        break;
      case "save":
        server.save(it.isHeard);
        break;
      case "fail":
        server.failOnce();
        break;
      case "cut":
        server.cut();
        break;
      case "connect":
        await connect();
        break;
    }
    await settle();
  }

  /** Nothing fails any more. */
  async function heal(): Promise<void> {
    for (let round = 0; round < 500 && client.unsaved > 0; round += 1) {
      await connect();
      clock.advance(250);
      server.arrive(1000);
      server.save(true);
    }
  }

  /** Each point is stored, or still kept. Those that the server refuses may be kept, too. */
  function check(): void {
    const missing = [...good].filter((ts) => !server.stored.has(ts)).length;
    expect(client.unsaved).toBeGreaterThanOrEqual(missing);
    expect(client.unsaved).toBeLessThanOrEqual(sent);
    expect(server.complaints).toEqual([]);
  }

  return {
    client,
    server,
    good,
    heal,
    run: async (it: Step) => {
      count(it.kind);
      await run(it);
      check();
    },
  };
}

test("sent = stored, whatever is cut, lost, refused or fails; no frame is too large or too fast", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
      const { client, server, good, run, heal } = aStorm();
      for (const it of steps) await run(it);
      await heal();
      expect(client.unsaved).toBe(0);
      expect(client.dropped).toBe(0);
      expect(new Set(server.stored.keys())).toEqual(good);
      expect(server.complaints).toEqual([]);
      client.close();
    }),
    { numRuns: 150, seed: 20 },
  );
  for (const what of ["connected", "cut", "fail", "saved", "internal", "bad_timestamp"]) {
    expect(happened.get(what) ?? 0, what).toBeGreaterThan(10);
  }
});
