import { env as bindings } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";

import { RECENT_MS } from "../../src/history/page.ts";
import type { HistoryPage, HistoryQuery } from "../../src/history/page.ts";
import type { HistoryPoint } from "../../src/history/point.ts";
import {
  call,
  envWithObject,
  expectOk,
  expectPointers,
  expectProblem,
  silenceLog,
  someone,
  tokenOf,
} from "./api-calls.ts";

const TIME_MAX_MS = 8_640_000_000_000_000;
const HERE = { lat: 52.52, lng: 13.405 };
const T = Date.UTC(2026, 0, 1);

const EVERYTHING = { from: 0, to: TIME_MAX_MS };
const FORMATS = ["json", "geojson", "gpx", "csv"] as const;

/** A Worker whose objects answer every question with this page. */
function withPage(page: HistoryPage, more: Record<string, unknown> = {}) {
  const history = vi.fn((_caller: unknown, _query: HistoryQuery) => Promise.resolve(page));
  return { history, ...envWithObject({ history }, more) };
}

const EMPTY: HistoryPage = { points: [], since: 7 };

/** The query of the next page, from the header. */
function nextOf(response: Response): string | undefined {
  return /^<(\?[^>]*)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
}

describe("GET /v1/history", () => {
  test("asks the caller's own object for everything unless told otherwise", async () => {
    const { env, getByName, history } = withPage(EMPTY);
    expect(await expectOk(await call("GET /v1/history", { as: "ann", env }))).toEqual({ points: [], since: 7 });
    await expectOk(await call("GET /v1/history?from=5&to=6&limit=7&user=bob&x=y", { as: "ann", env }));
    expect(getByName.mock.calls.map(([name]) => name)).toEqual(["ann", "ann"]);
    expect(history.mock.calls).toEqual([
      [expect.objectContaining({ user: "ann" }), { ...EVERYTHING, limit: 1000 }],
      [expect.objectContaining({ user: "ann" }), { from: 5, to: 6, limit: 7 }],
    ]);
  });

  test("from, to and limit at their ends", async () => {
    const { env, history } = withPage(EMPTY);
    for (const query of ["limit=1", "limit=1000", "from=0&to=1", `to=${TIME_MAX_MS}`, `from=${TIME_MAX_MS - 1}`]) {
      await expectOk(await call(`GET /v1/history?${query}`, { as: "ann", env }));
    }
    expect(history).toHaveBeenCalledTimes(5);
  });

  test.each<[string, string[]]>([
    ["from=", ["#/from"]],
    ["from=-1", ["#/from"]],
    ["from=1.5", ["#/from"]],
    ["from=1e3", ["#/from"]],
    ["from=0x10", ["#/from"]],
    ["from=+1", ["#/from"]],
    ["from=2026-01-01", ["#/from"]],
    [`to=${TIME_MAX_MS + 1}`, ["#/to"]],
    ["to=NaN", ["#/to"]],
    ["to=%ff", ["#/to"]],
    ["to=0", ["#/to"]],
    ["from=5&to=5", ["#/to"]],
    ["from=6&to=5", ["#/to"]],
    ["from=a&to=5", ["#/from"]],
    ["limit=0", ["#/limit"]],
    ["limit=1001", ["#/limit"]],
    ["limit=", ["#/limit"]],
    ["limit=-1", ["#/limit"]],
    ["limit=1.5", ["#/limit"]],
    ["format=", ["#/format"]],
    ["format=GPX", ["#/format"]],
    ["format=kml", ["#/format"]],
    ["format=toString", ["#/format"]],
    ["cursor=", ["#/cursor"]],
    ["cursor=A", ["#/cursor"]],
    ["cursor=%00", ["#/cursor"]],
    ["cursor=zzzzzzzzzzz", ["#/cursor"]],
    ["cursor=zzzzzzzzzzzz", ["#/cursor"]],
    ["from=40&cursor=11", ["#/cursor"]],
    ["to=37&cursor=11", ["#/cursor"]],
    ["from=x&to=y&format=z&limit=0&cursor=0", ["#/from", "#/to", "#/format", "#/limit"]],
  ])("?%s is refused and asks nobody", async (query, pointers) => {
    const { env, history } = withPage(EMPTY);
    expect(await expectPointers(await call(`GET /v1/history?${query}`, { as: "ann", env }))).toEqual(pointers);
    expect(history).not.toHaveBeenCalled();
  });

  test("a cursor goes on within the range that was asked for", async () => {
    const { env, history } = withPage({ points: [], since: 7, next: 50 });
    for (const format of FORMATS) {
      const first = await call(`GET /v1/history?from=5&to=60&limit=3&format=${format}&x=y`, { as: "ann", env });
      const next = nextOf(first);
      expect(next).toMatch(new RegExp(`^\\?from=5&to=60&format=${format}&limit=3&cursor=[0-9a-z]+$`));
      expect((await call(`GET /v1/history${next}`, { as: "ann", env })).status).toBe(200);
      expect(history).toHaveBeenLastCalledWith(expect.anything(), { from: 50, to: 60, limit: 3 });
    }
    const { next }: { next: string } = JSON.parse(await (await call("GET /v1/history", { as: "ann", env })).text());
    await expectOk(await call(`GET /v1/history?cursor=${next}`, { as: "ann", env }));
    expect(history).toHaveBeenLastCalledWith(expect.anything(), { from: 50, to: TIME_MAX_MS, limit: 1000 });
  });

  test("each format has its type, its file name, and how far back it reaches", async () => {
    const { env } = withPage({ points: [{ ...HERE, ts: T }], since: 7 });
    const types = {
      json: "application/json",
      geojson: "application/geo+json",
      gpx: "application/gpx+xml",
      csv: "text/csv; charset=utf-8",
    };
    for (const format of FORMATS) {
      const response = await call(`GET /v1/history?format=${format}`, { as: "ann", env });
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe(types[format]);
      expect(response.headers.get("history-since")).toBe("7");
      expect(response.headers.get("link")).toBeNull();
      expect(response.headers.get("cache-control")).toBe("no-store");
      const file = format === "json" ? null : `attachment; filename="history.${format}"`;
      expect(response.headers.get("content-disposition")).toBe(file);
      expect(await response.text()).toContain("52.52");
    }
  });

  test("HEAD has the headers and no body", async () => {
    const { env } = withPage({ points: [{ ...HERE, ts: T }], since: 7, next: T + 1 });
    for (const format of FORMATS) {
      const response = await call(`HEAD /v1/history?format=${format}`, { as: "ann", env });
      expect([response.status, response.headers.get("history-since")]).toEqual([200, "7"]);
      expect(nextOf(response)).toContain(`format=${format}`);
      expect(await response.text()).toBe("");
    }
    expect((await call("HEAD /v1/history?limit=0", { as: "ann", env })).status).toBe(400);
  });

  test("a full page comes in several pieces, all of it", async () => {
    const points = Array.from({ length: 1000 }, (_, n) => ({ ...HERE, ts: T + n, accuracy: n }));
    const { env } = withPage({ points, since: 7 });
    for (const format of FORMATS) {
      const response = await call(`GET /v1/history?format=${format}`, { as: "ann", env });
      const pieces: Uint8Array[] = [];
      for await (const piece of response.body ?? []) pieces.push(piece);
      expect(pieces.length).toBeGreaterThan(2);
      const text = await new Blob(pieces).text();
      if (format === "json") expect(JSON.parse(text)).toEqual({ points, since: 7 });
      else expect(text.match(/2026-01-01T00:00:0/g)).toHaveLength(1000);
    }
  });

  test("pages of another origin may read the headers", async () => {
    const { env } = withPage(EMPTY);
    const headers = { origin: "https://app.example" };
    const response = await call("GET /v1/history", { as: "ann", env, headers });
    const exposed = response.headers.get("access-control-expose-headers")?.split(",") ?? [];
    expect(exposed).toEqual(expect.arrayContaining(["link", "history-since", "content-disposition", "retry-after"]));
  });
});

describe("GET /v1/history with Cassandra", () => {
  const VARS = {
    HISTORY_SINKS: "r2,cassandra",
    CASSANDRA_CONTACT_POINTS: "127.0.0.1",
    CASSANDRA_DATACENTER: "dc1",
    CASSANDRA_KEYSPACE: "nearby",
  };

  function withCassandra(read: (query: HistoryQuery & { user: string }) => Promise<HistoryPoint[]>, page = EMPTY) {
    return withPage(page, { ...VARS, CASSANDRA: { getByName: () => ({ read }) } });
  }

  test("older points come from there, newer ones from the object, in one answer", async () => {
    const recent = { ...HERE, ts: Date.now() - 1000 };
    const old = { ...HERE, ts: Date.now() - RECENT_MS - 1000 };
    const read = vi.fn(() => Promise.resolve([old]));
    const { env } = withCassandra(read, { points: [recent], since: 7 });
    expect(await expectOk(await call("GET /v1/history", { as: "ann", env }))).toEqual({
      points: [old, recent],
      since: 0,
    });
    expect(read).toHaveBeenCalledWith(expect.objectContaining({ user: "ann", limit: 1000 }));
  });

  test("is not asked for what the object has", async () => {
    const read = vi.fn(() => Promise.resolve([]));
    const { env } = withCassandra(read);
    const answer = await expectOk(await call(`GET /v1/history?from=${Date.now() - 1000}`, { as: "ann", env }));
    expect(answer).toEqual({ points: [], since: 0 });
    expect(read).not.toHaveBeenCalled();
  });

  test("[HIST8] when it does not answer, what needs it is 503 and the rest is served", async () => {
    const log = silenceLog();
    const { env } = withCassandra(() => Promise.reject(new Error("no host could be reached")));
    for (const format of FORMATS) {
      const response = await call(`GET /v1/history?format=${format}`, { as: "ann", env });
      expect(Number(response.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
      const { detail } = await expectProblem(response, 503, "unavailable");
      expect(detail).not.toContain("host");
      const [from] = /from=\d+/.exec(detail) ?? [];
      expect((await call(`GET /v1/history?format=${format}&${from}`, { as: "ann", env })).status).toBe(200);
    }
    expect(log.mock.calls.join("\n")).toContain("no host could be reached");
  });

  test("is left alone where it is not set up", async () => {
    const read = vi.fn(() => Promise.resolve([]));
    const { env } = withPage(EMPTY, { CASSANDRA: { getByName: () => ({ read }) } });
    expect(await expectOk(await call("GET /v1/history", { as: "ann", env }))).toEqual({ points: [], since: 7 });
    expect(read).not.toHaveBeenCalled();
  });
});

describe("DELETE /v1/history", () => {
  function withErasure(answer: unknown) {
    const eraseHistory = vi.fn((_caller: unknown, _range: unknown) => Promise.resolve(answer));
    return { eraseHistory, ...envWithObject({ eraseHistory }) };
  }

  test("asks the caller's own object, for everything unless told otherwise", async () => {
    const { env, eraseHistory } = withErasure({ erased: true });
    for (const query of ["", "?from=5", "?to=6", "?from=5&to=6", "?limit=0&format=x&cursor="]) {
      const response = await call(`DELETE /v1/history${query}`, { as: "ann", env });
      expect([response.status, await response.text()], query).toEqual([204, ""]);
    }
    expect(eraseHistory.mock.calls.map(([, range]) => range)).toEqual([
      EVERYTHING,
      { from: 5, to: TIME_MAX_MS },
      { from: 0, to: 6 },
      { from: 5, to: 6 },
      EVERYTHING,
    ]);
    expect(eraseHistory).toHaveBeenCalledWith(expect.objectContaining({ user: "ann" }), expect.anything());
  });

  test.each<[string, string[]]>([
    ["from=", ["#/from"]],
    ["from=1.5&to=x", ["#/from", "#/to"]],
    ["to=-1", ["#/to"]],
    ["to=0", ["#/to"]],
    ["from=6&to=6", ["#/to"]],
    ["from=6&to=5", ["#/to"]],
    [`from=${TIME_MAX_MS}`, ["#/to"]],
  ])("?%s is refused and erases nothing", async (query, pointers) => {
    const { env, eraseHistory } = withErasure({ erased: true });
    expect(await expectPointers(await call(`DELETE /v1/history?${query}`, { as: "ann", env }))).toEqual(pointers);
    expect(eraseHistory).not.toHaveBeenCalled();
  });

  test("[HIST11] too many separate ranges are 429 and say when to come back", async () => {
    const { env } = withErasure({ refused: "too_many_erasures" });
    const response = await call("DELETE /v1/history?from=1&to=2", { as: "ann", env });
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    await expectProblem(response, 429, "rate_limited");
  });
});

describe("/v1/history with real objects", () => {
  test("[HIST11] a thousand separate ranges can be erased, and then only what touches them", async () => {
    const ann = someone();
    const token = await tokenOf(ann);
    const erase = async (query: string) => (await call(`DELETE /v1/history?${query}`, { token })).status;
    const object = bindings.USER.getByName(ann);
    const caller = { user: ann, expMs: Date.now() + 60_000 };
    const ranges = Array.from({ length: 999 }, (_, n) => ({ from: T + 2 * n, to: T + 2 * n + 1 }));
    await Promise.all(ranges.map((range) => object.eraseHistory(caller, range)));
    expect(await erase(`from=${T + 1998}&to=${T + 1999}`), "the thousandth").toBe(204);
    const point = { ...HERE, ts: T + 10_000 };
    expect((await call("POST /v1/location", { token, json: point })).status).toBe(202);
    expect(await erase(`from=${T + 9_000}&to=${T + 11_000}`)).toBe(429);
    const page = (await expectOk(await call("GET /v1/history", { token }))) as HistoryPage;
    expect(page.points).toEqual([point]);
    expect(await erase(`from=${T + 1}&to=${T + 2}`), "joins two of them").toBe(204);
    expect(await erase(`from=${T + 9_000}&to=${T + 9_001}`), "one more is free").toBe(204);
    expect(await erase(""), "everything").toBe(204);
  });

  test("what was reported is read, erased, and not read any more", async () => {
    const ann = someone();
    const now = Date.now();
    const points = [3, 1, 2].map((n) => ({ ...HERE, ts: now - 1000 + n, speed: n }));
    expect((await call("POST /v1/location", { as: ann, json: { points } })).status).toBe(202);
    const read = async () => (await expectOk(await call("GET /v1/history", { as: ann }))) as HistoryPage;
    const page = await read();
    expect(page.points).toEqual(points.toSorted((a, b) => a.ts - b.ts));
    expect(Math.abs(page.since - (now - RECENT_MS))).toBeLessThan(60_000);

    expect((await call(`DELETE /v1/history?to=${now - 997}`, { as: ann })).status).toBe(204);
    expect((await read()).points).toEqual([points[0]]);
    expect((await call("DELETE /v1/history", { as: ann })).status).toBe(204);
    expect((await read()).points).toEqual([]);
    expect((await call("POST /v1/location", { as: ann, json: { points } })).status).toBe(202);
    expect((await read()).points).toEqual([]);
  });

  test("nobody reads or erases somebody else's", async () => {
    const [ann, bob] = [someone(), someone()];
    const point = { ...HERE, ts: Date.now() };
    expect((await call("POST /v1/location", { as: ann, json: point })).status).toBe(202);
    const read = async (as: string) =>
      (await expectOk(await call(`GET /v1/history?user=${ann}`, { as }))) as HistoryPage;
    expect((await read(bob)).points).toEqual([]);
    expect((await call(`DELETE /v1/history?user=${ann}`, { as: bob })).status).toBe(204);
    expect((await read(ann)).points).toEqual([point]);
    await expectProblem(await call("GET /v1/history"), 401, "unauthorized");
    await expectProblem(await call("DELETE /v1/history"), 401, "unauthorized");
  });
});
