/** The closed loop of the taxis, against a server that is played: what is under way, and what is counted. */
import { expect, test } from "vitest";
import * as v from "valibot";

import type { Line } from "../../scripts/bench/open-loop.ts";
import { planTaxis, PROBE_PAIRS, type Plan } from "../../scripts/bench/taxis/plan.ts";
import { BATCH, Pump } from "../../scripts/bench/taxis/pump.ts";
import { judge } from "../../scripts/bench/taxis/screens.ts";
import { FRAME_BURST } from "../../src/protocol/limits.ts";

const RADIUS_M = 8_046.72;
const Location = v.object({ lat: v.number(), lng: v.number(), ts: v.number() });

const PLAN = planTaxis(
  {
    entities: ["a", "b", "c", "d"],
    fixes: [0, 1, 2, 3].flatMap((entity) =>
      Array.from({ length: 60 }, (_, minute) => ({
        entity,
        atS: 1_200_000_000 + 60 * minute,
        lat: 37.7 + minute * 1e-4,
        lng: -122.4 + entity * 1e-3,
      })),
    ),
  },
  { friends: 3, count: 200 },
);

/** Works off one position at a time, in order, and tells every friend: all are near. */
class Played {
  readonly lines: Line[];
  readonly #queue: (() => void)[] = [];
  /** Positions of taxis that were not worked off when another one came, at most. */
  deepest = 0;
  sent = 0;
  #waiting = 0;
  #isWorking = false;

  constructor({ people, taxis }: Plan, leavesOut: (from: number) => boolean = () => false) {
    this.lines = people.map(({ id, friends }, from) => ({
      socket: {
        readyState: 1,
        send: (text: string) => {
          const friend = { id, ...v.parse(Location, JSON.parse(text)) };
          const isTaxi = from < taxis;
          this.sent += isTaxi ? 1 : 0;
          this.#waiting += isTaxi ? 1 : 0;
          this.deepest = Math.max(this.deepest, this.#waiting);
          this.#queue.push(() => {
            this.#waiting -= isTaxi ? 1 : 0;
            if (leavesOut(from)) return;
            for (const each of friends) this.lines[each]?.onFrame({ type: "friend", friend });
          });
          if (!this.#isWorking) setImmediate(() => this.#work());
          this.#isWorking = true;
        },
      },
      onFrame: () => {},
    }));
  }

  #work(): void {
    this.#queue.shift()?.();
    this.#isWorking = this.#queue.length > 0;
    if (this.#isWorking) setImmediate(() => this.#work());
  }
}

async function play(server: Played, underWay: number) {
  const pump = new Pump({ plan: PLAN, clients: server.lines, underWay, signal: new AbortController().signal });
  await pump.begin();
  server.deepest = 0;
  const before = server.sent;
  const figures = await pump.run(PLAN.moves);
  const truth = { people: PLAN.people.slice(0, PLAN.taxis), places: pump.places, radiusM: RADIUS_M };
  return { figures, sent: server.sent - before, verdict: judge(pump.screens, truth, "exact") };
}

test.each([
  [4, 4],
  [5, 6],
  [1_000, PROBE_PAIRS * BATCH],
])("with %d updates asked for under way, %d are at most", async (underWay, most) => {
  const server = new Played(PLAN);
  const { figures, sent, verdict } = await play(server, underWay);
  // One more batch is sent before its probe is.
  expect(server.deepest).toBeLessThanOrEqual(most + BATCH);
  expect(sent).toBe(200);
  expect(figures).toMatchObject({ updates: 200, deliveries: 600, deliveriesPerUpdate: 3 });
  expect(figures.updatesPerS).toBeCloseTo(200 / figures.seconds, 6);
  expect(verdict).toMatchObject({ near: 12, wrong: 0 });
});

test("a server that keeps a taxi to itself has wrong screens at the end", async () => {
  const { figures, verdict } = await play(new Played(PLAN, (from) => from === 2), 4);
  expect(figures.deliveries).toBeLessThan(600);
  expect(verdict.wrong).toBe(3);
});

test("a taxi waits for its limit of frames, and that is said", { timeout: 30_000 }, async () => {
  const moves = PLAN.moves.slice(0, FRAME_BURST + 10).map(({ place }) => ({ taxi: 0, place }));
  const server = new Played(PLAN);
  const pump = new Pump({ plan: PLAN, clients: server.lines, underWay: 4, signal: new AbortController().signal });
  await pump.begin();
  const figures = await pump.run(moves);
  expect(figures.paceBound).toBe(true);
  // 20 frames beyond the burst of 90, one in 105 ms.
  expect(figures.seconds).toBeGreaterThan(1.9);
  expect((await play(new Played(PLAN), 4)).figures.paceBound).toBe(false);
});
