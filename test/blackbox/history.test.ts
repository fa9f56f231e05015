import * as v from "valibot";
import { describe, expect } from "vitest";
import { startBackend } from "../../scripts/serve/backend.ts";
import { is } from "./frames.ts";
import type { Answer } from "./helpers.ts";
import { expectProblem, request, test, User } from "./helpers.ts";
import { HOME, offset } from "./places.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** Of the contract: how long the object itself keeps history. */
const KEPT_DAYS = 90;
const LIMIT_MAX = 1000;
const FORMATS = ["json", "geojson", "gpx", "csv"] as const;

const point = v.strictObject({
  lat: v.number(),
  lng: v.number(),
  ts: v.number(),
  accuracy: v.optional(v.number()),
  speed: v.optional(v.number()),
  heading: v.optional(v.number()),
  outlier: v.optional(v.literal(true)),
});
const page = v.strictObject({ points: v.array(point), since: v.number(), next: v.optional(v.string()) });

type Point = v.InferOutput<typeof point>;

async function read(user: User, query = ""): Promise<v.InferOutput<typeof page>> {
  const answer = await user.api("GET", `/v1/history${query}`);
  expect(answer.status, answer.text).toBe(200);
  expect(answer.headers.get("content-type")).toMatch(/^application\/json\b/);
  return v.parse(page, answer.body);
}

async function report(user: User, points: readonly Point[]): Promise<void> {
  for (let start = 0; start < points.length; start += 100) {
    const answer = await user.api("POST", "/v1/location", { points: points.slice(start, start + 100) });
    expect(answer.status, answer.text).toBe(202);
  }
}

async function erase(user: User, query = ""): Promise<void> {
  const answer = await user.api("DELETE", `/v1/history${query}`);
  expect([answer.status, answer.text]).toEqual([204, ""]);
}

/** A walk, one point in so many ms, the newest a second ago. */
function walk(count: number, everyMs = 1000, endMs = Date.now() - 1000): Point[] {
  return Array.from({ length: count }, (_, n) => ({
    ...offset(HOME, { northM: n }),
    ts: endMs - (count - 1 - n) * everyMs,
  }));
}

/** `path` of the page that `Link` names, as a browser resolves it. */
function nextPath(answer: Answer, path: string): string | undefined {
  const target = /^<([^>]*)>; rel="next"$/.exec(answer.headers.get("link") ?? "")?.[1];
  if (target === undefined) return undefined;
  const url = new URL(target, `http://any.example${path}`);
  return url.pathname + url.search;
}

describe("history over HTTP", { concurrent: true, timeout: 20_000 }, () => {
  test("[HIST1] what was sent over HTTP and the socket is there at once, oldest first, each ts once", async ({
    world,
  }) => {
    const ana = world.user("ana");
    const socket = await ana.connect();
    await socket.welcome();
    const now = Date.now();
    const full = { ...HOME, ts: now - 3000, accuracy: 4.5, speed: 1.25, heading: 271.5 };
    const bare = { ...offset(HOME, { northM: 10 }), ts: now - 5000 };
    const late = { ...offset(HOME, { northM: 20 }), ts: now - 4000 };
    await report(ana, [full, bare]);
    socket.send({ type: "locations", points: [late, { ...HOME, lat: 1, ts: full.ts }] });
    // `pong` comes from the runtime; an answer to `subscribe` comes after the points.
    socket.send({ type: "subscribe", friend: "nobody" });
    await socket.next(is("error"), "the answer to what was sent after the points");
    expect((await read(ana)).points).toEqual([bare, late, full]);
  });

  test("[SAVE3] a client that never reads what is saved sends all of it again each time: each point is there once", async ({
    world,
    // Tests run at once, and a poll outlives the moment at which it is known whose the shared one is.
    expect: its,
  }) => {
    const ana = world.user("ana");
    const points = walk(45);
    for (let sent = 15; sent <= points.length; sent += 15) {
      const socket = await ana.connect();
      await socket.welcome();
      socket.send({ type: "locations", points: points.slice(0, sent) });
      // It is only waited until the points have arrived.
      await socket.ping();
      socket.cut();
    }
    await its.poll(async () => (await read(ana)).points).toEqual(points);
  });

  test("[HIST1] from is inclusive, to exclusive", async ({ world }) => {
    const ana = world.user("ana");
    const points = walk(5);
    await report(ana, points);
    const ts = points.map((one) => one.ts);
    expect((await read(ana, `?from=${ts[1]}&to=${ts[3]}`)).points).toEqual(points.slice(1, 3));
    expect((await read(ana, `?from=${ts[3]}`)).points).toEqual(points.slice(3));
    expect((await read(ana, `?to=${(ts[1] ?? 0) + 1}`)).points).toEqual(points.slice(0, 2));
    expect((await read(ana, `?from=${(ts[4] ?? 0) + 1}`)).points).toEqual([]);
  });

  test("[HIST1] nobody else's: not even a friend's", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const points = walk(2);
    await report(ana, points);
    expect((await read(ben, `?user=${ana.id}&id=${ana.id}`)).points).toEqual([]);
    await erase(ben, `?user=${ana.id}`);
    expect((await read(ana)).points).toEqual(points);
    for (const method of ["GET", "DELETE"]) {
      expectProblem(await request(world.target, method, "/v1/history"), 401, "unauthorized");
    }
  });

  test("[HIST2] pages of any size are together everything once, in every format", async ({ world }) => {
    const ana = world.user("ana");
    // Out of order, and in batches that overlap in time: chunks do, too.
    const points = walk(250);
    const shuffled = points.toSorted((a, b) => ((a.ts / 1000) % 7) - ((b.ts / 1000) % 7));
    await report(ana, shuffled);
    for (const limit of [7, 249, 250, 251, LIMIT_MAX]) {
      const all: Point[] = [];
      for (let query: string | undefined = ""; query !== undefined;) {
        const { points: some, next } = await read(ana, `?limit=${limit}${query}`);
        expect(some.length).toBeLessThanOrEqual(limit);
        all.push(...some);
        query = next === undefined ? undefined : `&cursor=${encodeURIComponent(next)}`;
      }
      expect(all).toEqual(points);
    }
    for (const format of FORMATS) {
      let text = "";
      const from = points[20]?.ts ?? 0;
      for (let path: string | undefined = `/v1/history?format=${format}&limit=100&from=${from}`; path !== undefined;) {
        const answer = await ana.api("GET", path);
        expect(answer.status, answer.text).toBe(200);
        text += answer.text;
        path = nextPath(answer, path);
      }
      for (const [n, { lat }] of points.entries()) expect(text.includes(String(lat)), `${n}`).toBe(n >= 20);
    }
  });

  test("[HIST3] bad values are 400 and named, unknown parameters ignored", async ({ world }) => {
    const ana = world.user("ana");
    await report(ana, walk(3));
    const bad: [string, string][] = [
      ["from=abc", "#/from"],
      ["from=-1", "#/from"],
      ["from=1.5", "#/from"],
      ["to=", "#/to"],
      ["to=1e20", "#/to"],
      ["from=5&to=5", "#/to"],
    ];
    const badForPages: [string, string][] = [
      ["limit=0", "#/limit"],
      [`limit=${LIMIT_MAX + 1}`, "#/limit"],
      ["format=kml", "#/format"],
      ["cursor=no-cursor", "#/cursor"],
      ["cursor=", "#/cursor"],
    ];
    const cases = [
      ...[...bad, ...badForPages].map((one) => ["GET", ...one] as const),
      ...bad.map((one) => ["DELETE", ...one] as const),
    ];
    for (const [method, query, pointer] of cases) {
      const problem = expectProblem(await ana.api(method, `/v1/history?${query}`), 400, "bad_request");
      expect(
        problem.errors?.map((error) => error.pointer),
        `${method} ${query}`,
      ).toEqual([pointer]);
    }
    const { next } = await read(ana, "?limit=1");
    expectProblem(await ana.api("GET", `/v1/history?to=5&cursor=${next}`), 400, "bad_request");
    expect((await read(ana, `?limit=${LIMIT_MAX}&color=red`)).points).toHaveLength(3);
    expect((await read(ana, "?limit=1")).points).toHaveLength(1);
  });

  test("[HIST4] since is 90 days ago, in the body or the header", async ({ world }) => {
    const ana = world.user("ana");
    const old = { ...HOME, ts: Date.UTC(2001, 0, 1) };
    await report(ana, [old, ...walk(1)]);
    const expected = Date.now() - KEPT_DAYS * DAY_MS;
    const { points, since } = await read(ana);
    expect(Math.abs(since - expected)).toBeLessThan(60_000);
    expect(points[0], "an old point that came in late").toEqual(old);
    for (const format of FORMATS) {
      const header = Number((await ana.api("GET", `/v1/history?format=${format}`)).headers.get("history-since"));
      expect(Math.abs(header - expected), format).toBeLessThan(60_000);
    }
  });

  test("[HIST4] a server that keeps no history answers an empty page", async ({ world }) => {
    const secret = "a-secret-that-only-tests-know-0123456789";
    const server = await startBackend({ port: 0, memory: true, env: { AUTH_SECRET: secret, HISTORY_SINKS: "" } });
    try {
      const ana = new User({ url: server.url, secret }, world.user("ana").id, []);
      await report(ana, walk(3));
      const { points, since } = await read(ana);
      expect(points).toEqual([]);
      expect(Math.abs(since - Date.now())).toBeLessThan(60_000);
      await erase(ana);
    } finally {
      await server.stop();
    }
  });

  test("[HIST5] as GeoJSON", async ({ world }) => {
    const ana = world.user("ana");
    const ts = Date.now() - 1000;
    await report(ana, [{ ...HOME, ts, speed: 2 }]);
    const answer = await ana.api("GET", "/v1/history?format=geojson");
    expect(answer.headers.get("content-type")).toMatch(/^application\/geo\+json\b/);
    expect(answer.body).toEqual({
      type: "FeatureCollection",
      features: [
        {
          type: "Feature",
          geometry: { type: "Point", coordinates: [HOME.lng, HOME.lat] },
          properties: { ts, time: new Date(ts).toISOString(), speed: 2 },
        },
      ],
      since: expect.any(Number),
    });
  });

  test("[HIST6] as CSV", async ({ world }) => {
    const ana = world.user("ana");
    const ts = Date.now() - 1000;
    await report(ana, [{ ...HOME, ts, accuracy: 5 }]);
    const answer = await ana.api("GET", "/v1/history?format=csv");
    expect(answer.headers.get("content-type")).toMatch(/^text\/csv; *charset=utf-8$/i);
    const place = `${HOME.lat.toFixed(7)},${HOME.lng.toFixed(7)}`;
    expect(answer.text.trimEnd().split(/\r?\n/)).toEqual([
      "ts,time,lat,lng,accuracy,speed,heading,outlier",
      `${ts},${new Date(ts).toISOString()},${place},5,,,`,
    ]);
  });

  test("[HIST7] as GPX, a segment for each stretch", async ({ world }) => {
    const ana = world.user("ana");
    const points = [...walk(2, 1000, Date.now() - 700_000), ...walk(3)];
    await report(ana, points);
    const answer = await ana.api("GET", "/v1/history?format=gpx");
    expect(answer.headers.get("content-type")).toMatch(/^application\/gpx\+xml\b/);
    const segments = [...answer.text.matchAll(/<trkseg>(.*?)<\/trkseg>/gs)].map(([, inner = ""]) =>
      [...inner.matchAll(/<trkpt lat="([^"]+)" lon="([^"]+)"><time>([^<]+)<\/time>/g)].map(([, lat, lng, time]) => ({
        lat: Number(lat),
        lng: Number(lng),
        ts: Date.parse(time ?? ""),
      })),
    );
    expect(segments).toEqual([points.slice(0, 2), points.slice(2)]);
  });

  test("[HIST9] a range is erased, then everything, then nothing", async ({ world }) => {
    const ana = world.user("ana");
    const socket = await ana.connect();
    await socket.welcome();
    const points = walk(60);
    await report(ana, points.slice(0, 50));
    socket.send({ type: "locations", points: points.slice(50) });
    socket.send({ type: "subscribe", friend: "nobody" });
    await socket.next(is("error"), "the answer to what was sent after the points");
    await erase(ana, `?from=${points[10]?.ts}&to=${points[55]?.ts}`);
    expect((await read(ana)).points).toEqual([...points.slice(0, 10), ...points.slice(55)]);
    await erase(ana, `?to=${points[5]?.ts}`);
    expect((await read(ana)).points).toEqual([...points.slice(5, 10), ...points.slice(55)]);
    await erase(ana);
    expect((await read(ana)).points).toEqual([]);
    await erase(ana);
    await erase(world.user("nobody"));
  });

  test("[HIST10] erased points that are sent again are dropped, later ones kept", async ({ world }) => {
    const ana = world.user("ana");
    const points = walk(30);
    await report(ana, points);
    await erase(ana, `?to=${Date.now() + 365 * DAY_MS}`);
    await report(ana, points);
    expect((await read(ana)).points).toEqual([]);
    const later = { ...HOME, ts: Date.now() + 1000 };
    await report(ana, [...points.slice(0, 3), later]);
    expect((await read(ana)).points).toEqual([later]);
  });
});
