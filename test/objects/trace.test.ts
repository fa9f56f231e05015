/** Traces of real objects: what is slow or fails is told with both sides' names, and nothing else is told at all. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import { CALL_TIMEOUT_MS } from "../../durable-objects/user/waiting.ts";
import { cellOf } from "../../src/geo/cells.ts";
import { blurredPlace } from "../../src/geo/coarse.ts";
import type { Row } from "../../src/observe/steps.ts";
import { call, expectOk } from "./api-calls.ts";
import {
  callerOf,
  Client,
  closeAll,
  fault,
  heal,
  HOME,
  north,
  objectOf,
  RADIUS_M,
  settled,
  sleep,
  someone,
  twoNear,
  watchCalls,
} from "./people.ts";

/** As the settings have it; and so long that no busy machine is slow by itself when nobody is held. */
const SLOW_MS = 250;
const HELD_MS = 700;

interface Line {
  readonly level: string;
  readonly event: string;
  readonly id: string;
  readonly object: string;
  readonly call: string;
  readonly ms: number;
  readonly calls: readonly Row[];
  readonly [state: string]: unknown;
}

let lines: Line[] = [];

beforeAll(watchCalls);

beforeEach(() => {
  lines = [];
  const note = (text: string): void => {
    lines.push(JSON.parse(text));
  };
  vi.spyOn(console, "info").mockImplementation(note);
  vi.spyOn(console, "error").mockImplementation(note);
});

afterEach(async () => {
  heal();
  await closeAll();
  await settled();
  vi.restoreAllMocks();
});

/** The object is busy with something: whatever it is sent meanwhile waits. */
function hold(object: DurableObjectStub, ms = HELD_MS): Promise<void> {
  return runInDurableObject(object, (_object, ctx) => ctx.blockConcurrencyWhile(() => sleep(ms)));
}

async function printed(count: number): Promise<readonly Line[]> {
  await vi.waitFor(() => expect(lines.length).toBeGreaterThanOrEqual(count), { timeout: 10_000, interval: 10 });
  await settled();
  return lines;
}

const shapeOf = ({ calls }: Line): string[] =>
  calls.map(({ depth, object, call: name }) => `${"  ".repeat(depth)}${object} ${name}`);

describe("a meeting", () => {
  test("with a friend whose object is busy: one trace, both by name, and how long each took", async () => {
    const { ann, bob } = await twoNear();
    lines = [];
    const held = hold(objectOf(bob.user));
    ann.move(north(20));
    await bob.next("friend", ({ friend }) => friend.lat === north(20).lat);
    await held;
    const [line, ...others] = await printed(1);
    expect(others).toEqual([]);
    expect(line).toMatchObject({ level: "info", event: "slow", object: ann.user, call: "UserObject.webSocketMessage" });
    expect(line && shapeOf(line)).toEqual([
      `${ann.user} UserObject.webSocketMessage`,
      `  ${bob.user} meet`,
      `    ${bob.user} UserObject.meet`,
    ]);
    const [, meeting, theirs] = line?.calls ?? [];
    expect(meeting?.ms).toBeGreaterThan(SLOW_MS);
    // Bob's object was not slow: the call came to it late.
    expect(theirs?.ms).toBeLessThan(SLOW_MS);
    expect(theirs?.lateMs).toBeGreaterThan(SLOW_MS);
    expect(line?.ms).toBeGreaterThanOrEqual(meeting?.ms ?? Infinity);
    // Nothing in it says where.
    expect(JSON.stringify(line)).not.toMatch(/\d\.\d{3}/);
  });

  test("with everybody in time: nothing is printed", async () => {
    const { ann, bob } = await twoNear();
    lines = [];
    for (let step = 1; step <= 10; step += 1) {
      ann.move(north(20 * step));
      await bob.next("friend", ({ friend }) => friend.lat === north(20 * step).lat);
    }
    await settled();
    expect(lines).toEqual([]);
  });

  test("that fails is told by the object that called, with no word of the failure but its kind", async () => {
    const { ann, bob } = await twoNear();
    lines = [];
    fault(bob.user, "throws", "meet");
    ann.move(north(20));
    const [line, ...others] = await printed(1);
    expect(others).toEqual([]);
    expect(line).toMatchObject({ level: "info", event: "call_failed", object: ann.user });
    expect(line?.calls[1]).toMatchObject({ depth: 1, object: bob.user, call: "meet", error: "Error" });
    expect(JSON.stringify(line)).not.toContain("on purpose");
  });

  test("that is never answered is told when nobody waits for it any more", async () => {
    const { ann, bob } = await twoNear();
    lines = [];
    fault(bob.user, "stalls", "meet");
    ann.move(north(20));
    const [line] = await printed(1);
    expect(line).toMatchObject({ event: "call_failed", object: ann.user });
    expect(line?.calls[1]).toMatchObject({ object: bob.user, call: "meet", error: "TimeoutError" });
    expect(line?.ms).toBeGreaterThanOrEqual(CALL_TIMEOUT_MS - 100);
  });
});

describe("beside a trace stands", () => {
  test("what the object was billed for, whom it knows, what waits for the queue, and the index", async () => {
    const { ann, bob } = await twoNear();
    const far = await Client.open(someone("far"));
    const asleep = someone("asleep");
    for (const friend of [far.user, asleep]) {
      await objectOf(ann.user).putFriend(callerOf(ann.user), friend);
      await objectOf(friend).putFriend(callerOf(friend), ann.user);
    }
    far.move(north(3 * RADIUS_M));
    await far.next("nearby");
    await settled();
    lines = [];
    const held = hold(objectOf(bob.user));
    ann.move(north(20));
    await held;
    const [line] = await printed(1);
    expect(line).toMatchObject({
      meter: { messagesIn: 2, rowsWritten: expect.any(Number), callsOut: expect.any(Number) },
      sockets: 1,
      contacts: { near: 1, far: 1, away: 1, unknown: 0 },
      history: { points: 2, chunks: 0 },
      index: "off",
    });
  });
});

describe("a request over HTTP", () => {
  test("[HTTP9] has one id in its answer, in the Worker's trace and in that of the user's object", async () => {
    const { ann, bob } = await twoNear();
    lines = [];
    // Nothing is known of a friend whose call has failed: whoever asks for `nearby` waits for this friend.
    fault(bob.user, "throws", "meet");
    ann.move(north(20));
    await printed(1);
    heal();
    lines = [];
    const held = hold(objectOf(bob.user));
    const answer = await call("GET /v1/nearby", { as: ann.user });
    await held;
    await expectOk(answer);
    const id = answer.headers.get("x-request-id");
    expect(id).toMatch(/^[0-9a-z]{10}$/);
    const all = await printed(2);
    expect(all.map((line) => [line.id, line.object, line.call])).toEqual(
      expect.arrayContaining([
        [id, ann.user, "UserObject.nearby"],
        [id, "worker", "GET"],
      ]),
    );
    expect(all).toHaveLength(2);
    expect(all.find(({ object }) => object === "worker")).toMatchObject({ route: "/v1/nearby", status: 200 });
    expect(all.filter(({ object }) => object === ann.user).map(shapeOf)).toEqual([
      [`${ann.user} UserObject.nearby`, `  ${bob.user} meet`, `    ${bob.user} UserObject.meet`],
    ]);
  });

  test.each([
    ["8c0ffee00000abcd-SFO", "8c0ffee00000abcd-SFO"],
    ["8c0ffee00000abcd", "8c0ffee00000abcd"],
    ["8c0ffee00000abcd-SFO, x", expect.stringMatching(/^[0-9a-z]{10}$/)],
    ['{"level":"error"}', expect.stringMatching(/^[0-9a-z]{10}$/)],
  ])("[HTTP9] the platform's id %j is %j", async (ray, id) => {
    for (const line of ["GET /healthz", "GET /v1/me", "GET /nothing"]) {
      const answer = await call(line, { headers: { "cf-ray": ray } });
      expect(answer.headers.get("x-request-id"), line).toEqual(id);
      await answer.arrayBuffer();
    }
  });
});

describe("a cell", () => {
  test("is not named: its name says where its people are", async () => {
    const user = someone("ann");
    await objectOf(user).patchProfile(callerOf(user), { discoverable: true });
    const ann = await Client.open(user);
    ann.move(HOME);
    await ann.next("nearby");
    await settled();
    lines = [];
    const name = cellOf(blurredPlace(HOME), RADIUS_M);
    const held = hold(env.CELL.getByName(name));
    ann.send({ type: "discover", on: true });
    await held;
    const [line] = await printed(1);
    expect(line).toMatchObject({ event: "slow", object: user });
    expect(line?.calls).toContainEqual(expect.objectContaining({ object: "cell", call: "report" }));
    expect(JSON.stringify(lines)).not.toContain(name);
  });
});
