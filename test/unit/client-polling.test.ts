/** Where sockets cannot be had: the same over HTTP. */
import { describe, expect, test } from "vitest";
import { createNearbyClient, type NearbyClientOptions } from "../../src/client/index.ts";
import { SOCKET_RETRY_MS, SOCKETS_TRIED_MAX } from "../../src/client/connection.ts";
import { ANSWER_WITHIN_MS, POLL_EVERY_MS } from "../../src/client/polling.ts";
import { POINTS_PER_FRAME_MAX } from "../../src/protocol/limits.ts";
import { aFriend, FakeClock, FakeHttp, FakeNetwork, settle, WELCOME } from "./client-fakes.ts";

async function start(options: Partial<NearbyClientOptions> = {}) {
  const clock = new FakeClock();
  const network = new FakeNetwork();
  const http = new FakeHttp();
  const heard: string[] = [];
  const client = createNearbyClient({
    url: "http://127.0.0.1:8787/base/",
    token: () => Promise.resolve("t"),
    webSocket: network.open,
    fetch: http.fetch,
    clock: () => clock.nowMs,
    random: () => 0,
    timers: clock.startTimer,
    ...options,
  });
  client.on("status", ({ state }) => heard.push(state));
  client.on("nearby", ({ friends }) => heard.push(`nearby ${friends.map(({ id }) => id).join()}`));
  client.on("friend", ({ friend, isNew }) => heard.push(`friend ${friend.id} ${isNew}`));
  client.on("gone", ({ id, reason }) => heard.push(`gone ${id} ${reason}`));
  client.on("saved", ({ count, through }) => heard.push(`saved ${count} ${through - clock.nowMs}`));
  client.on("error", ({ code, index }) => heard.push(`error ${code}${index === undefined ? "" : ` ${index}`}`));
  await settle();

  async function failSockets(count: number): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      network.last.end(1006);
      await settle();
      if (i < count - 1) clock.advance(0);
      await settle();
    }
  }
  return { client, clock, network, http, heard, failSockets };
}

/** HTTP works and shows `friends`. */
async function polling(friends: unknown[] = []) {
  const world = await start();
  await world.failSockets(SOCKETS_TRIED_MAX);
  await world.http.last.answer(200, { type: "nearby", friends });
  return world;
}

/** The look after the first position. */
async function lookAgain({ clock, http }: Awaited<ReturnType<typeof start>>, friends: unknown[] = []) {
  clock.advance(0);
  await settle();
  await http.last.answer(200, { type: "nearby", friends });
}

describe("falls back", () => {
  test("after three attempts in a row that led to no connection, not before", async () => {
    const { http, failSockets, client } = await start();
    await failSockets(SOCKETS_TRIED_MAX - 1);
    expect(http.requests).toHaveLength(0);
    expect(client.status.state).toBe("waiting");
  });

  test("with one look, which says whether HTTP works", async () => {
    const { http, client, failSockets, heard } = await start();
    await failSockets(SOCKETS_TRIED_MAX);
    expect(http.requests).toHaveLength(1);
    expect(http.last).toMatchObject({
      method: "GET",
      url: "http://127.0.0.1:8787/base/v1/nearby",
      headers: { authorization: "Bearer t" },
      body: null,
    });
    expect(client.status.state).toBe("waiting");
    await http.last.answer(200, { type: "nearby", friends: [aFriend("a")] });
    expect(client.status).toEqual({ state: "polling" });
    expect(heard.slice(-2)).toEqual(["polling", "nearby a"]);
  });

  test("a socket that was online in between starts the count again", async () => {
    const { http, network, clock, failSockets } = await start();
    await failSockets(SOCKETS_TRIED_MAX - 1);
    clock.advance(0);
    await settle();
    network.last.receive(WELCOME);
    await failSockets(SOCKETS_TRIED_MAX);
    expect(http.requests).toHaveLength(0);
    clock.advance(0);
    await settle();
    await failSockets(1);
    expect(http.requests).toHaveLength(1);
  });

  test("a socket that cannot be made at all is told and counts; a token that cannot be had does not count", async () => {
    const noSocket = await start({
      webSocket: () => {
        throw new ReferenceError("WebSocket is not defined");
      },
    });
    for (let i = 0; i < SOCKETS_TRIED_MAX; i += 1) {
      noSocket.clock.advance(0);
      await settle();
    }
    expect(noSocket.heard).toContain("error socket_failed");
    expect(noSocket.http.requests).toHaveLength(1);

    const noToken = await start({ token: () => Promise.reject(new Error("login is down")) });
    for (let i = 0; i < 2 * SOCKETS_TRIED_MAX; i += 1) {
      noToken.clock.advance(0);
      await settle();
    }
    expect(noToken.http.requests).toHaveLength(0);
  });

  test.each([
    ["nothing", 0, ""],
    ["a page of the network's", 200, "<html>Sign in</html>"],
    ["an error", 503, { code: "unavailable" }],
  ])("not where %s answers: the server is away, and is tried as before", async (_, status, body) => {
    const { http, client, clock, failSockets, network } = await start();
    await failSockets(SOCKETS_TRIED_MAX);
    if (status === 0) await http.last.fail();
    else await http.last.answer(status, body);
    // It was waiting for the next attempt, which this brings on.
    expect(client.status.state).not.toBe("polling");
    clock.advance(30_000);
    await settle();
    expect(network.sockets.length).toBeGreaterThan(SOCKETS_TRIED_MAX);
  });

  test("a refused token is told: browsers do not tell why a handshake failed", async () => {
    const { http, heard, failSockets } = await start();
    await failSockets(SOCKETS_TRIED_MAX);
    await http.last.answer(401, { code: "unauthorized" });
    expect(heard).toContain("error token_refused");
    expect(heard).not.toContain("polling");
  });

  test("an answer that does not come is none", async () => {
    const { http, clock, failSockets } = await start();
    await failSockets(SOCKETS_TRIED_MAX);
    const { signal } = http.last;
    clock.advance(ANSWER_WITHIN_MS - 1);
    expect(signal.aborted).toBe(false);
    clock.advance(1);
    expect(signal.aborted).toBe(true);
  });
});

describe("friends", () => {
  test("are looked at every 30 s, and the differences are events", async () => {
    const { client, clock, http, heard } = await polling([aFriend("a"), aFriend("b"), aFriend("c", { name: "Cy" })]);
    heard.length = 0;
    clock.advance(POLL_EVERY_MS - 1);
    expect(http.requests).toHaveLength(1);
    clock.advance(1);
    await settle();
    await http.last.answer(200, {
      type: "nearby",
      friends: [aFriend("a", { distance: 7 }), aFriend("c", { name: "Cy", lat: 37.78 }), aFriend("d")],
    });
    expect(heard).toEqual(["friend c false", "friend d true", "gone b far"]);
    expect(client.friends.map(({ id }) => id).toSorted()).toEqual(["a", "c", "d"]);
  });

  test("nothing new is no event", async () => {
    const { clock, http, heard } = await polling([aFriend("a", { name: "Ana" })]);
    heard.length = 0;
    clock.advance(POLL_EVERY_MS);
    await settle();
    await http.last.answer(200, { type: "nearby", friends: [aFriend("a", { name: "Ana", distance: 90 })] });
    expect(heard).toEqual([]);
  });
});

describe("positions", () => {
  test("go out at once, one request at a time, and those that waited share the next", async () => {
    const world = await polling();
    const { client, clock, http, heard } = world;
    expect(client.send({ lat: 1, lng: 2 })).toBe(true);
    await settle();
    expect(http.last).toMatchObject({ method: "POST", url: "http://127.0.0.1:8787/base/v1/location" });
    expect(JSON.parse(http.last.body ?? "")).toMatchObject({ lat: 1, lng: 2, ts: clock.nowMs });
    const first = http.last;
    expect(client.send({ lat: 1, lng: 2.1, ts: clock.nowMs + 1 })).toBe(false);
    client.send({ lat: 1, lng: 2.2, ts: clock.nowMs + 2 });
    await settle();
    expect(http.last).toBe(first);
    await first.answer(202, { live: true });
    await lookAgain(world);
    expect(JSON.parse(http.last.body ?? "").points).toHaveLength(2);
    await http.last.answer(202, { live: true });
    expect(heard.filter((text) => text.startsWith("saved"))).toEqual(["saved 1 0", "saved 3 2"]);
    expect(client.unsaved).toBe(0);
  });

  test("the first one is followed by a look: before it nobody could be near", async () => {
    const { client, clock, http } = await polling();
    client.send({ lat: 1, lng: 2 });
    await settle();
    await http.last.answer(202, { live: true });
    clock.advance(0);
    await settle();
    expect(http.last.method).toBe("GET");
  });

  test("what was kept offline goes out, the newest first and the rest in whole frames", async () => {
    const world = await start();
    for (let i = 0; i <= POINTS_PER_FRAME_MAX; i += 1) {
      world.client.send({ lat: 1, lng: 2, ts: world.clock.nowMs - 1000 * (POINTS_PER_FRAME_MAX - i) });
    }
    await world.failSockets(SOCKETS_TRIED_MAX);
    for (let i = 0; i < 10 && world.client.unsaved > 0; i += 1) {
      const { method, body } = world.http.last;
      if (method === "GET") await world.http.last.answer(200, { type: "nearby", friends: [] });
      else if (body !== null) await world.http.last.answer(202, { live: true });
      world.clock.advance(250);
      await settle();
    }
    expect(world.client.unsaved).toBe(0);
    const sizes = world.http.requests.flatMap(({ body }) =>
      body === null ? [] : [(JSON.parse(body) as { points?: unknown[] }).points?.length ?? 1],
    );
    expect(sizes).toEqual([1, POINTS_PER_FRAME_MAX]);
  });

  test("a request that fails loses nothing, and nothing says polling any more", async () => {
    const { client, http } = await polling();
    client.send({ lat: 1, lng: 2 });
    await settle();
    await http.last.fail();
    expect(client.unsaved).toBe(1);
    expect(client.status.state).not.toBe("polling");
  });

  test("one too far ahead is refused, told and forgotten; the others of its request go out again", async () => {
    const world = await polling();
    const { client, clock, http, heard } = world;
    client.send({ lat: 1, lng: 2 });
    const far = clock.nowMs + 25 * 60 * 60 * 1000;
    client.send({ lat: 1, lng: 2, ts: clock.nowMs - 1 });
    client.send({ lat: 1, lng: 2, ts: far });
    await settle();
    await http.last.answer(202, { live: true });
    await lookAgain(world);
    const detail = "must be whole milliseconds";
    await http.last.answer(400, { code: "bad_request", errors: [{ pointer: "#/points/1/ts", detail }] });
    expect(heard).toContain("error bad_timestamp 1");
    clock.advance(250);
    await settle();
    expect((JSON.parse(http.last.body ?? "") as { points: { ts: number }[] }).points.map(({ ts }) => ts)).not.toContain(
      far,
    );
    await http.last.answer(202, { live: false });
    expect(client.unsaved).toBe(0);
  });

  test("a page of the network's with 400 refuses nothing", async () => {
    const { client, http } = await polling();
    client.send({ lat: 1, lng: 2 });
    await settle();
    await http.last.answer(400, "<html>Bad Request</html>");
    expect(client.unsaved).toBe(1);
  });

  test("a device that sends all the time still looks", async () => {
    const { client, clock, http } = await polling();
    let looks = 0;
    for (let second = 0; second < 90; second += 1) {
      client.send({ lat: 1, lng: 2, ts: clock.nowMs });
      await settle();
      for (let i = 0; i < 3; i += 1) {
        const { method } = http.last;
        if (method === "GET") looks += 1;
        await http.last.answer(method === "GET" ? 200 : 202, { type: "nearby", friends: [] });
        clock.advance(0);
        await settle();
      }
      clock.advance(1000);
    }
    expect(looks).toBeGreaterThanOrEqual(3);
  });
});

describe("returns to the socket", () => {
  test("which is tried every minute; HTTP ends when it is online", async () => {
    const { client, clock, http, network, heard } = await polling([aFriend("a")]);
    clock.advance(0);
    await settle();
    const before = network.sockets.length;
    network.last.end(1006);
    heard.length = 0;
    for (let ms = 0; ms < SOCKET_RETRY_MS; ms += POLL_EVERY_MS) {
      clock.advance(POLL_EVERY_MS);
      await settle();
      if (http.last.method === "GET") await http.last.answer(200, { type: "nearby", friends: [aFriend("a")] });
    }
    expect(network.sockets.length).toBe(before + 1);
    expect(heard).toEqual([]);
    client.send({ lat: 1, lng: 2 });
    await settle();
    const post = http.last;
    expect(post.method).toBe("POST");
    network.last.receive({ ...WELCOME, now: clock.nowMs });
    expect(heard).toEqual(["online"]);
    expect(post.signal.aborted).toBe(true);
    // Whether HTTP stored it is not known: it goes out again.
    expect(network.last.sent.map((text) => (JSON.parse(text) as { type: string }).type)).toEqual(["location"]);
    await post.answer(202, { live: true });
    expect(client.unsaved).toBe(1);
  });

  test("close leaves no timer and no request", async () => {
    const { client, clock, http, heard } = await polling([aFriend("a")]);
    client.send({ lat: 1, lng: 2 });
    await settle();
    client.close();
    expect(clock.pending).toBe(0);
    expect(http.last.signal.aborted).toBe(true);
    expect(heard.at(-1)).toBe("closed");
    await http.last.answer(202, { live: true });
    clock.advance(600_000);
    await settle();
    expect(heard.at(-1)).toBe("closed");
    expect(clock.pending).toBe(0);
  });

  test("a listener that closes while the fallback begins leaves no timer either", async () => {
    const { client, clock, http, failSockets } = await start();
    client.on("status", ({ state }) => {
      if (state === "polling") client.close();
    });
    await failSockets(SOCKETS_TRIED_MAX);
    await http.last.answer(200, { type: "nearby", friends: [] });
    expect(client.status.state).toBe("closed");
    expect(clock.pending).toBe(0);
  });
});
