/** What operators see and do, by the Worker's own answers, and what people's objects tell the monitor. */
import { env } from "cloudflare:workers";
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import * as v from "valibot";

import {
  DisconnectedSchema,
  DRAIN_WINDOW_MAX_S,
  DrainingSchema,
  EVENT_STREAMS_MAX,
  type Stats,
  StatsSchema,
  type UserDetails,
  UserDetailsSchema,
} from "../../src/protocol/admin.ts";
import {
  call,
  envWith,
  envWithObject,
  expectOk,
  expectPointers,
  expectProblem,
  someone as apiUser,
  tokenOf,
} from "./api-calls.ts";
import { metersOf } from "./crowd.ts";
import {
  Client,
  closeAll,
  HOME,
  INACTIVE_AFTER_MS,
  later,
  objectOf,
  rowsOf,
  settled,
  someone,
  stopClock,
  twoNear,
} from "./people.ts";

beforeAll(stopClock);

const audit = vi.spyOn(console, "warn");
beforeEach(() => {
  audit.mockReset();
  audit.mockImplementation(() => undefined);
});
afterEach(closeAll);

/** The audit lines since the test began. */
function audits(): Record<string, unknown>[] {
  return audit.mock.calls
    .map(([line]): Record<string, unknown> => JSON.parse(String(line)))
    .filter(({ level }) => level === "audit");
}

/** Without the class's type, which is too deep for those of the helpers. */
const bindings: object = env;
const monitors = Reflect.get(bindings, "MONITOR") as DurableObjectNamespace;

const operator = (): Promise<string> => tokenOf("operator", { role: "admin" });

async function stats(): Promise<Stats> {
  return v.parse(StatsSchema, await expectOk(await call("GET /v1/admin/stats", { token: await operator() })));
}

async function detailsOf(user: string): Promise<UserDetails> {
  const answer = await call(`GET /v1/admin/users/${user}`, { token: await operator() });
  return v.parse(UserDetailsSchema, await expectOk(answer));
}

/** Until the reports that nobody waits for have arrived. */
function eventually(check: () => Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: 10_000, interval: 20 });
}

const RESOURCES = [
  "GET /v1/admin/stats",
  "GET /v1/admin/events",
  "GET /v1/admin/users/ann",
  "POST /v1/admin/users/ann/disconnect",
  "POST /v1/admin/drain",
  "GET /metrics",
];

describe("who may", () => {
  test.each(RESOURCES)("[ADMIN1] %s is for operators, and leaves an audit line otherwise", async (line) => {
    const path = line.split(" ")[1];
    await expectProblem(await call(line), 401, "unauthorized");
    const user = apiUser();
    await expectProblem(await call(line, { as: user }), 403, "forbidden");
    const forger = { ...envWith({ AUTH_SECRET: "x".repeat(32) }) };
    await expectProblem(await call(line, { token: await operator(), env: forger }), 401, "unauthorized");
    expect(audits()).toEqual([
      expect.objectContaining({ event: "admin_refused", path, status: 401, by: "nobody" }),
      expect.objectContaining({ event: "admin_refused", path, status: 403, by: user }),
      expect.objectContaining({ event: "admin_refused", path, status: 401, by: "nobody" }),
    ]);
  });

  test("[ADMIN1] what an operator does leaves an audit line, what one looks at does not", async () => {
    const ann = await Client.open(someone("ann"));
    await detailsOf(ann.user);
    await stats();
    const path = `/v1/admin/users/${ann.user}/disconnect`;
    await expectOk(await call(`POST ${path}`, { token: await operator() }));
    expect(audits()).toEqual([expect.objectContaining({ event: "admin_did", method: "POST", path, by: "operator" })]);
  });
});

describe("what the monitor is told", () => {
  test("[ADMIN2] who becomes active is there, and who has fallen silent is not", async () => {
    const before = await stats();
    const ann = await Client.open(someone("ann"));
    await eventually(async () => expect((await stats()).users.present).toBe(before.users.present + 1));
    ann.move(HOME);
    await ann.next("nearby");
    await eventually(async () =>
      expect(await stats()).toMatchObject({
        users: { present: before.users.present + 1, active: before.users.active + 1 },
        connections: before.connections + 1,
        shards: { asked: 40, answered: 40 },
      }),
    );
    await ann.close();
    later(INACTIVE_AFTER_MS);
    await runDurableObjectAlarm(objectOf(ann.user));
    await eventually(async () => expect((await stats()).users).toEqual(before.users));
  });

  test("[ADMIN2] counts arrive with the next alarm: positions, meetings, deliveries, errors", async () => {
    const before = await stats();
    const { ann, bob } = await twoNear();
    for (let step = 0; step < 3; step += 1) {
      later(5_000);
      ann.move(HOME);
      await bob.next("friend");
    }
    ann.send("{");
    await ann.next("error");
    later(INACTIVE_AFTER_MS - 20_000);
    for (const { user } of [ann, bob]) await runDurableObjectAlarm(objectOf(user));
    await eventually(async () => {
      const after = await stats();
      expect(after.counters.positions - before.counters.positions).toBe(5);
      expect(after.counters.deliveries - before.counters.deliveries).toBeGreaterThanOrEqual(4);
      expect(after.counters.meetings - before.counters.meetings).toBeGreaterThanOrEqual(5);
      expect((after.errors["bad_json"] ?? 0) - (before.errors["bad_json"] ?? 0)).toBe(1);
      expect(after.latency.meeting.count).toBeGreaterThan(before.latency.meeting.count);
      expect(after.contacts.near).toBe(before.contacts.near + 2);
    });
    expect((await stats()).recentErrors[0]).toMatchObject({ source: "user", user: ann.user, code: "bad_json" });
  });

  test("[ADMIN9] no call and no row a position: one report when it begins, one an alarm", async () => {
    const { ann } = await twoNear();
    const before = await metersOf(ann.user);
    for (let step = 0; step < 5; step += 1) {
      later(5_000);
      ann.move(HOME);
    }
    await ann.synced();
    await settled();
    expect(await metersOf(ann.user)).toMatchObject({
      monitorCalls: before.monitorCalls,
      rowsWritten: before.rowsWritten,
    });
    later(INACTIVE_AFTER_MS - 30_000);
    await runDurableObjectAlarm(objectOf(ann.user));
    expect(await metersOf(ann.user)).toMatchObject({ monitorCalls: before.monitorCalls + 1 });
  });

  test("[ADMIN9] what was counted is not lost when the object sleeps between two positions", async () => {
    const ann = await Client.open(someone("ann"));
    ann.move(HOME);
    await ann.next("nearby");
    await settled();
    for (let step = 0; step < 3; step += 1) {
      later(30_000);
      ann.move(HOME);
      await ann.synced();
      await evictDurableObject(objectOf(ann.user), { webSockets: "hibernate" });
    }
    expect((await detailsOf(ann.user)).unfed).toMatchObject({ positions: 4 });
  });

  test("[ADMIN3] a cell is told of from 10 people on", async () => {
    const place = { lat: -45.03, lng: 168.66 };
    const cellsWith = async (users: number) => {
      const { cells } = await stats();
      return cells.filter((one) => one.users === users && one.cell.length === 4);
    };
    for (let people = 1; people <= 11; people += 1) {
      const client = await Client.open(someone("crowd"));
      client.move(place);
      await client.next("nearby");
      if (people < 9) continue;
      const seen = people === 9 ? 0 : 1;
      await eventually(async () => expect((await stats()).users.sharing).toBeGreaterThanOrEqual(people));
      await eventually(async () => expect(await cellsWith(people)).toHaveLength(seen));
    }
  });
});

test("[ADMIN2] a request that failed is among the newest errors", async () => {
  const error = vi.spyOn(console, "error").mockImplementation(() => undefined);
  later(5_000);
  const { env: broken } = envWithObject({ getProfile: () => Promise.reject(new Error("on purpose")) });
  await expectProblem(await call("GET /v1/me", { as: apiUser(), env: broken }), 500, "internal");
  error.mockRestore();
  await eventually(async () =>
    expect((await stats()).recentErrors[0]).toMatchObject({ source: "http", code: "internal", count: 1 }),
  );
});

describe("a user", () => {
  test("[ADMIN6] devices, deadlines and counts, and nothing of where", async () => {
    const ann = await Client.open(someone("ann"), { device: "phone" });
    ann.move(HOME);
    await ann.next("nearby");
    const details = await detailsOf(ann.user);
    expect(details).toMatchObject({
      user: ann.user,
      active: true,
      sharing: true,
      connections: [{ device: "phone" }],
      contacts: { near: 0, far: 0, unknown: 0 },
      queue: { waiting: 0, oldestAt: null },
    });
    expect(details.deadlines.alarmAt).toBeGreaterThan(Date.now());
    expect(JSON.stringify(details)).not.toMatch(/37\.77|122\.41|"lat"|"lng"/);
  });

  test("[ADMIN6] who never existed is 404, and asking stores nothing", async () => {
    const token = await operator();
    const nobody = someone("nobody");
    await expectProblem(await call(`GET /v1/admin/users/${nobody}`, { token }), 404, "not_found");
    await expectProblem(await call(`POST /v1/admin/users/${nobody}/disconnect`, { token }), 404, "not_found");
    await expectProblem(await call("GET /v1/admin/users/not%20an%20id", { token }), 404, "not_found");
    expect(await rowsOf(nobody, "SELECT name FROM sqlite_master")).toEqual([]);
  });

  test("[END2][ADMIN7] one device or all are closed with 4411, and may come back", async () => {
    const user = someone("ann");
    const phone = await Client.open(user, { device: "phone" });
    const tablet = await Client.open(user, { device: "tablet" });
    const path = `POST /v1/admin/users/${user}/disconnect`;
    const closedBy = async (json: object) =>
      v.parse(DisconnectedSchema, await expectOk(await call(path, { token: await operator(), json })));
    expect(await closedBy({ device: "watch" })).toEqual({ closed: 0 });
    expect(await closedBy({ device: "phone" })).toEqual({ closed: 1 });
    expect(await phone.closed).toMatchObject({ code: 4411 });
    expect(await tablet.state()).toBe("open");
    expect(await closedBy({})).toEqual({ closed: 1 });
    expect(await tablet.closed).toMatchObject({ code: 4411 });
    const again = await Client.open(user, { device: "phone" });
    expect(await again.state()).toBe("open");
    expect(await expectPointers(await call(path, { token: await operator(), json: { device: 1 } }))).toEqual([
      "#/device",
    ]);
  });
});

describe("draining", () => {
  test("[CLOSE2][ADMIN8] everybody is sent away with 1012, told to spread, and may come back", async () => {
    const clients = await Promise.all([1, 2, 3, 4].map(() => Client.open(someone("ann"))));
    await eventually(async () => expect((await stats()).users.present).toBeGreaterThanOrEqual(4));
    const answer = await call("POST /v1/admin/drain", { token: await operator(), json: { windowS: 0 } });
    const { users, windowS } = v.parse(DrainingSchema, await expectOk(answer, 202));
    expect(users).toBeGreaterThanOrEqual(4);
    expect(windowS).toBeLessThanOrEqual(1);
    later(1_000);
    for (let index = 0; index < 40; index += 1) await runDurableObjectAlarm(monitors.getByName(`monitor-${index}`));
    for (const { closed } of clients) {
      expect(await closed).toEqual({ code: 1012, reason: "restarting, connect again within 3 s" });
    }
    await eventually(async () => expect((await stats()).draining).toEqual({ left: 0, until: null }));
  });

  test.each([
    [-1, ["#/windowS"]],
    [DRAIN_WINDOW_MAX_S + 1, ["#/windowS"]],
    ["soon", ["#/windowS"]],
  ])("[ADMIN8] a window of %s is refused", async (windowS, pointers) => {
    const answer = await call("POST /v1/admin/drain", { token: await operator(), json: { windowS } });
    expect(await expectPointers(answer)).toEqual(pointers);
  });

  test("[ADMIN8] a window of the longest is not refused", async () => {
    const json = { windowS: DRAIN_WINDOW_MAX_S };
    const answer = await call("POST /v1/admin/drain", { token: await operator(), json });
    expect(v.parse(DrainingSchema, await expectOk(answer, 202)).windowS).toBeLessThanOrEqual(DRAIN_WINDOW_MAX_S);
  });
});

describe("streams and metrics", () => {
  test("[ADMIN4] a stream begins with the stats, and so many are open at once", async () => {
    const token = await operator();
    const open = await Promise.all(
      Array.from({ length: EVENT_STREAMS_MAX }, () => call("GET /v1/admin/events", { token })),
    );
    const readers = open.map(({ body }) => body?.getReader());
    const first = await readers[0]?.read();
    const text = new TextDecoder().decode(first?.value);
    expect(open[0]?.headers.get("content-type")).toContain("text/event-stream");
    expect(text).toMatch(/^event: stats\ndata: \{/);
    await expectProblem(await call("GET /v1/admin/events", { token }), 429, "rate_limited");
    // Whoever goes makes room: at once, or with the next event.
    for (const reader of readers) await reader?.cancel();
    await vi.waitFor(
      async () => {
        const again = await call("GET /v1/admin/events", { token });
        await again.body?.cancel();
        expect(again.status).toBe(200);
      },
      { timeout: 10_000, interval: 200 },
    );
  });

  test("[ADMIN5] metrics are text of Prometheus", async () => {
    const answer = await call("GET /metrics", { token: await operator() });
    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await answer.text()).toMatch(/^nearby_positions_total\{shard="0"\} \d+$/m);
  });
});

describe("a monitor that fails", () => {
  test("[ADMIN9] without one, the stats are empty and nothing else is different", async () => {
    const without = { ...envWith(), MONITOR: undefined };
    const answer = await call("GET /v1/admin/stats", {
      token: await operator(),
      env: Object.assign(envWith(), without),
    });
    expect(v.parse(StatsSchema, await expectOk(answer))).toMatchObject({ shards: { asked: 0, answered: 0 } });
  });

  test("[ADMIN9] errors of the monitor reach nobody's clients", async () => {
    const broken = runInDurableObject(monitors.getByName("monitor-0"), (_object, ctx) => ctx.abort("on purpose"));
    await expect(broken).rejects.toThrow("on purpose");
    const { ann, bob } = await twoNear();
    expect(ann.view.has(bob.user)).toBe(true);
    await eventually(async () => expect((await stats()).shards).toEqual({ asked: 40, answered: 40 }));
  });
});
