/** What the client does without a word of the server: stale friends leave, the network returns. */
import { describe, expect, test } from "vitest";
import { createNearbyClient } from "../../src/client/index.ts";
import { PONG_WITHIN_MS } from "../../src/client/connection.ts";
import { FINAL_ERRORS } from "../../src/client/uplink.ts";
import { ERROR_CODE_LIST, ERROR_CODES } from "../../src/protocol/errors.ts";
import { aFriend, FakeClock, FakeNetwork, settle, WELCOME } from "./client-fakes.ts";

const LIMIT_MS = WELCOME.inactiveAfterS * 1000;

async function start(clockErrorMs = 0) {
  const clock = new FakeClock();
  const network = new FakeNetwork();
  let networkReturns = () => {};
  let isWatched = true;
  const client = createNearbyClient({
    url: "http://127.0.0.1:8787",
    token: () => Promise.resolve("t"),
    webSocket: network.open,
    network: (run) => {
      networkReturns = run;
      return () => (isWatched = false);
    },
    clock: () => clock.nowMs + clockErrorMs,
    random: () => 0.9,
    timers: clock.startTimer,
  });
  const gone: string[] = [];
  client.on("gone", ({ id, reason }) => gone.push(`${id} ${reason}`));
  await settle();
  network.last.receive(WELCOME);
  return { client, clock, network, gone, returns: () => networkReturns(), isWatched: () => isWatched };
}

type World = Awaited<ReturnType<typeof start>>;

function shows({ network }: World, ...ages: [string, number][]): void {
  network.last.receive({
    type: "nearby",
    friends: ages.map(([id, ageMs]) => aFriend(id, { ts: WELCOME.now - ageMs, name: id.toUpperCase() })),
  });
}

/** Time passes on a connection that is alive. */
function pass({ clock, network }: World, ms: number): void {
  for (let left = ms; left > 0; left -= 10_000) {
    clock.advance(Math.min(10_000, left));
    network.last.receive("pong");
  }
}

describe("stale friends", () => {
  test.each([
    ["a clock that is right", 0],
    ["a clock an hour ahead", 3_600_000],
    ["a clock an hour behind", -3_600_000],
  ])("leave as inactive when their position is older than the deadline, with %s", async (_, errorMs) => {
    const world = await start(errorMs);
    shows(world, ["a", 0], ["b", 300_000]);
    pass(world, 299_999);
    expect(world.gone).toEqual([]);
    pass(world, 1);
    expect(world.gone).toEqual(["b inactive"]);
    expect(world.client.friends.map(({ id }) => id)).toEqual(["a"]);
    pass(world, 300_000);
    expect(world.client.friends).toEqual([]);
  });

  test("[DOWN8] of a phone that reports rarely stay until the server's deadline, whatever this clock says", async () => {
    const world = await start(3_600_000);
    const until = WELCOME.now + 3 * LIMIT_MS;
    world.network.last.receive({ type: "nearby", friends: [aFriend("a", { ts: WELCOME.now, activeUntil: until })] });
    pass(world, 3 * LIMIT_MS - 1);
    expect(world.gone).toEqual([]);
    pass(world, 1);
    expect(world.gone).toEqual(["a inactive"]);
  });

  test("leave while offline, too", async () => {
    const world = await start();
    shows(world, ["a", 0]);
    world.network.last.end(1006);
    world.clock.advance(LIMIT_MS);
    expect(world.gone).toEqual(["a inactive"]);
  });

  test("stay when they go on moving, and a server's word comes first", async () => {
    const world = await start();
    shows(world, ["a", 0], ["b", 0]);
    pass(world, 500_000);
    world.network.last.receive({ type: "friend", friend: aFriend("a", { ts: world.clock.nowMs }) });
    world.network.last.receive({ type: "gone", id: "b", reason: "far" });
    pass(world, 500_000);
    expect(world.gone).toEqual(["b far"]);
    expect(world.client.friends.map(({ id }) => id)).toEqual(["a"]);
  });

  test("a phone whose clock is an hour behind is shown as long as the server goes on about it", async () => {
    const world = await start();
    shows(world, ["a", 3_600_000]);
    pass(world, LIMIT_MS - 1);
    expect(world.gone).toEqual([]);
    pass(world, 1);
    expect(world.gone).toEqual(["a inactive"]);
  });

  test("who comes back has a name, which the server does not repeat for somebody whom it still shows", async () => {
    const world = await start();
    shows(world, ["a", 0]);
    pass(world, LIMIT_MS);
    const news: unknown[] = [];
    world.client.on("friend", ({ friend, isNew }) => news.push([friend.name, isNew]));
    world.network.last.receive({ type: "friend", friend: aFriend("a", { ts: world.clock.nowMs }) });
    expect(news).toEqual([["A", true]]);
    expect(world.gone).toEqual(["a inactive"]);
  });

  test("a second goodbye, by the server, is none", async () => {
    const world = await start();
    shows(world, ["a", 0]);
    pass(world, LIMIT_MS);
    world.network.last.receive({ type: "gone", id: "a", reason: "inactive" });
    expect(world.gone).toEqual(["a inactive"]);
  });

  test("distances of those who leave are from the last own position", async () => {
    const world = await start();
    const distances: number[] = [];
    world.client.on("gone", ({ friend }) => distances.push(friend.distance));
    shows(world, ["a", 0]);
    world.client.send({ lat: 37.77, lng: -122.48 });
    pass(world, LIMIT_MS);
    expect(distances).toEqual([0]);
  });

  test("leave no timer behind", async () => {
    const world = await start();
    shows(world, ["a", 0], ["b", 1]);
    world.client.close();
    expect(world.clock.pending).toBe(0);
  });
});

describe("change", () => {
  test("is heard after each event about friends, and after an own move", async () => {
    const world = await start();
    const heard: string[] = [];
    world.client.on("change", ({ friends }) =>
      heard.push(friends.map(({ id, distance }) => `${id} ${distance}`).join()),
    );
    shows(world, ["a", 0]);
    world.network.last.receive({ type: "friend", friend: aFriend("b", { distance: 5 }) });
    world.client.send({ lat: 37.77, lng: -122.48 });
    world.network.last.receive({ type: "gone", id: "b", reason: "far" });
    expect(heard).toEqual(["a 100", "b 5,a 100", "a 0,b 0", "a 0"]);
  });
});

describe("people", () => {
  test("are passed through", async () => {
    const { client, network } = await start();
    const heard: unknown[] = [];
    client.on("people", ({ people }) => heard.push(people));
    const person = { id: "p1", lat: 1, lng: 2, distance: 700, ts: WELCOME.now };
    network.last.receive({ type: "people", people: [person] });
    network.last.receive({ type: "people", people: [{ id: "p2" }] });
    network.last.receive({ type: "people", people: [] });
    expect(heard).toEqual([[person], []]);
  });
});

describe("when the network returns", () => {
  test("the next attempt is made at once", async () => {
    const { client, network, returns } = await start();
    network.last.end(1006);
    expect(client.status.state).toBe("waiting");
    returns();
    await settle();
    expect(network.sockets).toHaveLength(2);
  });

  test("but not after a refusal: the server said that what is sent is wrong", async () => {
    const { network, clock, returns } = await start();
    network.last.end(1008);
    returns();
    clock.advance(29_999);
    await settle();
    expect(network.sockets).toHaveLength(1);
  });

  test("a connection that looks open is asked whether it is", async () => {
    const { client, clock, network, returns } = await start();
    returns();
    returns();
    expect(network.last.sent).toEqual(["ping"]);
    clock.advance(PONG_WITHIN_MS);
    expect(client.status).toMatchObject({ state: "waiting", reason: "the server stopped answering" });
  });

  test("nothing happens while connecting or after close, and nobody listens any more", async () => {
    const { client, network, returns, isWatched } = await start();
    network.last.end(1006);
    returns();
    await settle();
    returns();
    await settle();
    expect(network.sockets).toHaveLength(2);
    expect(isWatched()).toBe(true);
    client.close();
    expect(isWatched()).toBe(false);
    returns();
    await settle();
    expect(network.sockets).toHaveLength(2);
  });
});

test("the errors after which a position is given up are those of the protocol", () => {
  // These never answer a position.
  const others = new Set(["not_friends", "not_discoverable"]);
  const never = ERROR_CODE_LIST.filter((code) => ERROR_CODES[code].retry === "never" && !others.has(code));
  expect(FINAL_ERRORS.toSorted()).toEqual(never.toSorted());
});
