import { describe, expect, test } from "vitest";
import { createNearbyClient, type NearbyClientOptions, type Status } from "../../src/client/index.ts";
import { CONNECT_WITHIN_MS, LASTING_AFTER_MS, PING_AFTER_MS, PONG_WITHIN_MS } from "../../src/client/connection.ts";
import { CLOSE_REASON } from "../../src/protocol/errors.ts";
import { RESTART_SPREAD_S } from "../../src/protocol/limits.ts";
import { FakeClock, FakeNetwork, settle, WELCOME } from "./client-fakes.ts";

async function start(options: Partial<NearbyClientOptions> = {}) {
  const clock = new FakeClock();
  const network = new FakeNetwork();
  const tokens: string[] = [];
  const client = createNearbyClient({
    url: "http://127.0.0.1:8787",
    token: () => {
      tokens.push(`t${tokens.length + 1}`);
      return Promise.resolve(`t${tokens.length}`);
    },
    webSocket: network.open,
    clock: () => clock.nowMs,
    random: () => 0.5,
    timers: clock.startTimer,
    ...options,
  });
  const states: Status[] = [];
  client.on("status", (status) => states.push(status));
  await settle();
  return { client, clock, network, tokens, states };
}

/** Ends the current socket and lets the reconnect happen. */
async function reconnect(world: Awaited<ReturnType<typeof start>>, code: number) {
  world.network.last.end(code);
  const waiting = world.client.status;
  if (waiting.state === "waiting") world.clock.advance(waiting.retryInMs);
  await settle();
  return waiting;
}

describe("address and token", () => {
  test.each([
    ["http://127.0.0.1:8787", "ws://127.0.0.1:8787/v1/connect"],
    ["https://nearby.example/", "wss://nearby.example/v1/connect"],
    ["wss://nearby.example/base/?x=1#y", "wss://nearby.example/base/v1/connect"],
  ])("%s connects to %s", async (url, expected) => {
    const { network } = await start({ url });
    expect(network.last.url).toBe(expected);
  });

  test("the device travels in the query, the token as a subprotocol and never in the address", async () => {
    const { network } = await start({ device: "my phone/1" });
    expect(network.last.url).toBe("ws://127.0.0.1:8787/v1/connect?device=my%20phone%2F1");
    expect(network.last.protocols).toEqual(["nearby.v1", "bearer.t1"]);
  });

  test("an address that is not http or ws is refused at once", () => {
    const token = () => Promise.resolve("t");
    expect(() => createNearbyClient({ url: "ftp://nearby.example", token })).toThrow(TypeError);
    expect(() => createNearbyClient({ url: "nearby", token })).toThrow(TypeError);
  });

  test("a token function that fails is reported and asked again", async () => {
    let calls = 0;
    const world = await start({
      token: () => {
        calls += 1;
        return calls === 1 ? Promise.reject(new Error("login is down")) : Promise.resolve("t");
      },
    });
    expect(world.client.status).toEqual({ state: "waiting", retryInMs: 250, code: 1006, reason: "no token" });
    expect(world.network.sockets).toHaveLength(0);
    world.clock.advance(250);
    await settle();
    expect(world.network.sockets).toHaveLength(1);
  });

  test("the failure of a token function reaches the listeners", async () => {
    const clock = new FakeClock();
    const token = () => Promise.reject(new Error("login is down"));
    const client = createNearbyClient({ url: "http://h", token, clock: () => clock.nowMs, timers: clock.startTimer });
    const errors: unknown[] = [];
    client.on("error", (error) => errors.push(error));
    await settle();
    expect(errors).toEqual([{ code: "token_failed", message: "login is down", fatal: false }]);
  });
});

describe("status", () => {
  test("online only after the welcome", async () => {
    const { client, network, states } = await start();
    expect(client.status).toEqual({ state: "connecting" });
    network.last.receive(WELCOME);
    expect(client.status).toEqual({ state: "online" });
    expect(client.welcome).toMatchObject({ user: "viewer", radiusM: 8046.72 });
    expect(states).toEqual([{ state: "online" }]);
  });

  test("an attempt that nothing answers is given up", async () => {
    const { client, clock, network } = await start();
    clock.advance(CONNECT_WITHIN_MS - 1);
    expect(client.status.state).toBe("connecting");
    clock.advance(1);
    expect(client.status).toMatchObject({ state: "waiting", code: 1006 });
    expect(network.last.closedWith).toBe(1000);
  });

  test("close leaves no timer, in any state", async () => {
    const connecting = await start();
    connecting.client.close();
    expect(connecting.clock.pending).toBe(0);

    const online = await start();
    online.network.last.receive(WELCOME);
    online.client.close();
    expect(online.clock.pending).toBe(0);
    expect(online.network.last.closedWith).toBe(1000);
    expect(online.states.at(-1)).toMatchObject({ state: "closed", code: 1000 });

    const waiting = await start();
    waiting.network.last.end(1006);
    expect(waiting.clock.pending).toBe(1);
    waiting.client.close();
    expect(waiting.clock.pending).toBe(0);
    waiting.clock.advance(120_000);
    await settle();
    expect(waiting.network.sockets).toHaveLength(1);
  });

  test("a token that arrives after close opens nothing", async () => {
    let give: (token: string) => void = () => {};
    const { client, network } = await start({ token: () => new Promise((resolve) => (give = resolve)) });
    client.close();
    give("late");
    await settle();
    expect(network.sockets).toHaveLength(0);
  });
});

describe("reconnect", () => {
  test("waits grow by doubling bounds and are capped; a lasting connection starts over", async () => {
    const world = await start({ random: () => 0.999_999 });
    const waits: number[] = [];
    for (let i = 0; i < 9; i += 1) {
      const waiting = await reconnect(world, 1006);
      if (waiting.state === "waiting") waits.push(Math.round(waiting.retryInMs));
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    world.network.last.receive(WELCOME);
    world.clock.advance(LASTING_AFTER_MS);
    const waiting = await reconnect(world, 1012);
    expect(waiting).toMatchObject({ state: "waiting", code: 1012 });
    expect(waiting.state === "waiting" && Math.round(waiting.retryInMs)).toBe(500);
  });

  test("a connection that ends right after its welcome does not start over", async () => {
    const world = await start({ random: () => 0.999_999 });
    await reconnect(world, 1006);
    world.network.last.receive(WELCOME);
    world.clock.advance(LASTING_AFTER_MS - 1);
    const waiting = await reconnect(world, 4401);
    expect(waiting.state === "waiting" && Math.round(waiting.retryInMs)).toBe(1000);
  });

  test("full jitter: the wait may be next to nothing", async () => {
    const world = await start({ random: () => 0 });
    world.network.last.end(1012);
    expect(world.client.status).toMatchObject({ retryInMs: 0 });
  });

  test.each([
    [CLOSE_REASON.restart, RESTART_SPREAD_S * 1000],
    ["restarting, connect again within 90 s", 30_000],
    ["restarting", 500],
    ["restarting, connect again within 0 s", 500],
  ])("[CLOSE2] after `%s` clients spread over %i ms", async (reason, boundMs) => {
    const world = await start({ random: () => 0.999_999 });
    world.network.last.end(1012, reason);
    const { status } = world.client;
    expect(status.state === "waiting" && Math.round(status.retryInMs)).toBe(boundMs);
  });

  test("after 4401 a new token is asked for", async () => {
    const world = await start();
    world.network.last.receive(WELCOME);
    await reconnect(world, 4401);
    expect(world.tokens).toEqual(["t1", "t2"]);
    expect(world.network.last.protocols[1]).toBe("bearer.t2");
  });

  test.each([4409, 4410])("no reconnect after %i", async (code) => {
    const world = await start();
    world.network.last.receive(WELCOME);
    world.network.last.end(code, "reason");
    expect(world.client.status).toEqual({ state: "closed", code, reason: "reason" });
    expect(world.clock.pending).toBe(0);
  });

  test.each([1003, 1008, 1009])("at least 30 s after %i, which says that the frames are wrong", async (code) => {
    const world = await start({ random: () => 0 });
    world.network.last.end(code);
    expect(world.client.status).toMatchObject({ state: "waiting", retryInMs: 30_000 });
  });

  test("4411 reconnects", async () => {
    const world = await start();
    world.network.last.receive(WELCOME);
    await reconnect(world, 4411);
    expect(world.network.sockets).toHaveLength(2);
  });

  test("frames and closes of an earlier socket are ignored", async () => {
    const world = await start();
    const first = world.network.last;
    first.receive(WELCOME);
    await reconnect(world, 1006);
    world.network.last.receive(WELCOME);
    first.receive({ type: "error", code: "internal", message: "late", fatal: false });
    first.end(4410);
    expect(world.client.status).toEqual({ state: "online" });
  });
});

describe("heartbeat", () => {
  test("one ping right after the welcome, and none before it", async () => {
    const { network } = await start();
    expect(network.last.frames).toEqual([]);
    network.last.receive(WELCOME);
    expect(network.last.frames).toEqual(["ping"]);
  });

  test("ping after 30 s of silence, again 30 s after the pong", async () => {
    const { client, clock, network } = await start();
    network.last.receive(WELCOME);
    clock.advance(PING_AFTER_MS - 1);
    expect(network.last.sent).toEqual([]);
    clock.advance(1);
    expect(network.last.sent).toEqual(["ping"]);
    network.last.receive("pong");
    clock.advance(PING_AFTER_MS);
    expect(network.last.sent).toEqual(["ping", "ping"]);
    expect(client.status.state).toBe("online");
  });

  test("a client that sends but hears nothing pings too: positions are not answered", async () => {
    const { client, clock, network } = await start();
    network.last.receive(WELCOME);
    clock.advance(20_000);
    client.send({ lat: 1, lng: 1 });
    clock.advance(10_000);
    expect(network.last.sent.at(-1)).toBe("ping");
  });

  test("frames both ways put the ping off", async () => {
    const { client, clock, network } = await start();
    network.last.receive(WELCOME);
    clock.advance(20_000);
    client.send({ lat: 1, lng: 1 });
    network.last.receive({ type: "nearby", friends: [] });
    clock.advance(PING_AFTER_MS - 1);
    expect(network.last.sent).not.toContain("ping");
    clock.advance(1);
    expect(network.last.sent).toContain("ping");
  });

  test("a dead socket is left after the ping stays unanswered", async () => {
    const { client, clock, network } = await start();
    network.last.receive(WELCOME);
    clock.advance(PING_AFTER_MS + PONG_WITHIN_MS - 1);
    expect(client.status.state).toBe("online");
    clock.advance(1);
    expect(client.status).toMatchObject({ state: "waiting", code: 1006, reason: "the server stopped answering" });
    expect(network.last.closedWith).toBe(1000);
  });

  test("any frame answers a ping", async () => {
    const { client, clock, network } = await start();
    network.last.receive(WELCOME);
    clock.advance(PING_AFTER_MS);
    network.last.receive({ type: "nearby", friends: [] });
    clock.advance(PONG_WITHIN_MS);
    expect(client.status.state).toBe("online");
  });
});
