import { describe, expect, test } from "vitest";
import { createNearbyClient, type NearbyClient } from "../../src/client/index.ts";
import { distanceM } from "../../src/geo/distance.ts";
import { TS_MIN_MS } from "../../src/protocol/limits.ts";
import { aFriend, FakeClock, FakeNetwork, settle, WELCOME } from "./client-fakes.ts";

async function start() {
  const clock = new FakeClock();
  const network = new FakeNetwork();
  const client = createNearbyClient({
    url: "http://127.0.0.1:8787",
    token: () => Promise.resolve("t"),
    webSocket: network.open,
    clock: () => clock.nowMs,
    random: () => 0,
    timers: clock.startTimer,
  });
  await settle();
  return { client, clock, network };
}

async function online() {
  const world = await start();
  world.network.last.receive(WELCOME);
  return world;
}

async function reconnect(world: Awaited<ReturnType<typeof start>>, afterMs: number): Promise<void> {
  world.network.last.end(1006);
  world.clock.nowMs += afterMs;
  world.clock.advance(0);
  await settle();
  world.network.last.receive(WELCOME);
}

function ids(client: NearbyClient): string[] {
  return client.friends.map((friend) => friend.id);
}

describe("snapshot", () => {
  test("nearby replaces the whole set, nearest first", async () => {
    const { client, network } = await online();
    network.last.receive({
      type: "nearby",
      friends: [aFriend("a", { distance: 300 }), aFriend("b", { distance: 20 })],
    });
    expect(ids(client)).toEqual(["b", "a"]);
    network.last.receive({ type: "nearby", friends: [aFriend("c")] });
    expect(ids(client)).toEqual(["c"]);
  });

  test("an event finds the snapshot that it announces", async () => {
    const { client, network } = await online();
    const seen: string[] = [];
    client.on("nearby", ({ friends }) => seen.push(`nearby ${friends.length} ${ids(client).join()}`));
    client.on("friend", ({ friend, isNew }) => seen.push(`friend ${friend.id} ${isNew} ${ids(client).join()}`));
    client.on("gone", ({ id, reason }) => seen.push(`gone ${id} ${reason} ${ids(client).join()}`));
    network.last.receive({ type: "nearby", friends: [aFriend("a", { distance: 300 })] });
    network.last.receive({ type: "friend", friend: aFriend("b", { distance: 20 }) });
    network.last.receive({ type: "friend", friend: aFriend("b", { distance: 400 }) });
    network.last.receive({ type: "gone", id: "a", reason: "far" });
    expect(seen).toEqual(["nearby 1 a", "friend b true b,a", "friend b false a,b", "gone a far b"]);
  });

  test("what was read stays what it was", async () => {
    const { client, network } = await online();
    network.last.receive({ type: "nearby", friends: [aFriend("a")] });
    const before = client.friends;
    network.last.receive({ type: "friend", friend: aFriend("a", { distance: 7 }) });
    expect(before[0]?.distance).toBe(100);
    expect(client.friends[0]?.distance).toBe(7);
    expect(client.friends).toBe(client.friends);
  });

  test("an absent name or avatar means as before", async () => {
    const { client, network } = await online();
    network.last.receive({
      type: "nearby",
      friends: [aFriend("a", { name: "Ana", avatar: "https://x.example/a.png" })],
    });
    network.last.receive({ type: "friend", friend: aFriend("a", { distance: 5 }) });
    expect(client.friends[0]).toMatchObject({ name: "Ana", avatar: "https://x.example/a.png", distance: 5 });
    network.last.receive({ type: "friend", friend: aFriend("a", { name: "Ann" }) });
    expect(client.friends[0]?.name).toBe("Ann");
  });

  test("a friend who left takes the name along", async () => {
    const { client, network } = await online();
    network.last.receive({ type: "friend", friend: aFriend("a", { name: "Ana" }) });
    network.last.receive({ type: "gone", id: "a", reason: "unfriended" });
    network.last.receive({ type: "friend", friend: aFriend("a") });
    expect(client.friends[0]?.name).toBeUndefined();
  });

  test("gone for someone who is not shown is no event", async () => {
    const { client, network } = await online();
    let count = 0;
    client.on("gone", () => (count += 1));
    network.last.receive({ type: "gone", id: "nobody", reason: "far" });
    expect(count).toBe(0);
  });

  test("unknown types, other shapes and broken frames change nothing", async () => {
    const { client, network } = await online();
    network.last.receive({ type: "nearby", friends: [aFriend("a")] });
    network.last.receive({ type: "weather", rain: true });
    network.last.receive({ type: "constructor" });
    network.last.receive({ type: "friend", friend: { id: "b" } });
    network.last.receive({ type: "nearby", friends: [null] });
    network.last.receive([1]);
    network.last.receive("{");
    network.last.receiveRaw(new ArrayBuffer(4));
    expect(ids(client)).toEqual(["a"]);
    expect(client.status.state).toBe("online");
  });

  test("offline the list stays as last known, the next nearby corrects it", async () => {
    const world = await online();
    world.network.last.receive({ type: "nearby", friends: [aFriend("a")] });
    await reconnect(world, 0);
    expect(ids(world.client)).toEqual(["a"]);
    world.network.last.receive({ type: "nearby", friends: [] });
    expect(ids(world.client)).toEqual([]);
  });
});

describe("own position", () => {
  test("distances are measured again when only the viewer moves", async () => {
    const { client, network } = await online();
    const near = { lat: 37.77, lng: -122.48 };
    const other = { lat: 37.78, lng: -122.48 };
    network.last.receive({ type: "nearby", friends: [aFriend("a", near), aFriend("b", { ...other, distance: 200 })] });
    client.send({ lat: 37.781, lng: -122.48 });
    expect(ids(client)).toEqual(["b", "a"]);
    expect(client.friends[0]?.distance).toBe(Math.round(distanceM({ lat: 37.781, lng: -122.48 }, other) * 10) / 10);
  });

  test("a frame that crossed the own move is measured from the newer place", async () => {
    const { client, network } = await online();
    client.send({ lat: 37.77, lng: -122.48 });
    network.last.receive({ type: "friend", friend: aFriend("a", { distance: 5000 }) });
    expect(client.friends[0]?.distance).toBe(0);
  });

  test("goes out as a location message", async () => {
    const { client, clock, network } = await online();
    expect(client.send({ lat: 1.5, lng: -2, accuracy: 8 })).toBe(true);
    expect(JSON.parse(network.last.sent[0] ?? "")).toEqual({
      type: "location",
      ref: 0,
      lat: 1.5,
      lng: -2,
      accuracy: 8,
      ts: clock.nowMs,
    });
    expect(client.position).toEqual({ lat: 1.5, lng: -2, accuracy: 8, ts: clock.nowMs });
  });

  test("places keep 7 decimals, and what a receiver reports as unknown is left out", async () => {
    const { client } = await online();
    client.send({ lat: 1.234_567_84, lng: -2, accuracy: -1, speed: Number.NaN, heading: 360.1 });
    expect(client.position).toEqual({ lat: 1.234_567_8, lng: -2, ts: 1_800_000_000_000 });
    client.send({ lat: 1, lng: 1, accuracy: 0, speed: 0, heading: 360 });
    expect(client.position).toMatchObject({ accuracy: 0, speed: 0, heading: 360 });
  });

  test.each([
    [Number.NaN, 0],
    [90.0001, 0],
    [0, -180.0001],
    [Number.POSITIVE_INFINITY, 0],
  ])("a place off the globe is refused: %d, %d", async (lat, lng) => {
    const { client, network } = await online();
    expect(() => client.send({ lat, lng })).toThrow(RangeError);
    expect(network.last.sent).toEqual([]);
    expect(client.position).toBeUndefined();
  });

  test.each([
    [Number.NaN, "no number"],
    [TS_MIN_MS - 1, "before the year 2000"],
    [1_800_000_000, "seconds"],
    [2 ** 53, "no whole number"],
  ])("a time of %d is refused: %s", async (ts) => {
    const { client, network } = await online();
    expect(() => client.send({ lat: 1, lng: 1, ts })).toThrow(RangeError);
    expect(network.last.sent).toEqual([]);
    expect(client.unsaved).toBe(0);
  });

  test("the first time that the protocol knows is taken", async () => {
    const { client } = await online();
    expect(client.send({ lat: 1, lng: 1, ts: TS_MIN_MS })).toBe(true);
  });
});

describe("listeners", () => {
  test("hear events in order, also when one of them causes the next event", async () => {
    const { client, network } = await online();
    const heard: string[] = [];
    client.on("nearby", () => client.close());
    client.on("nearby", () => heard.push("nearby"));
    client.on("status", (status) => heard.push(status.state));
    network.last.receive({ type: "nearby", friends: [] });
    expect(heard).toEqual(["nearby", "closed"]);
  });

  test("can be taken away", async () => {
    const { client, network } = await online();
    let count = 0;
    const off = client.on("nearby", () => (count += 1));
    network.last.receive({ type: "nearby", friends: [] });
    off();
    network.last.receive({ type: "nearby", friends: [] });
    expect(count).toBe(1);
  });

  test("hear errors and changes of the friend list", async () => {
    const { client, network } = await online();
    const heard: unknown[] = [];
    client.on("error", (error) => heard.push(error.code));
    client.on("friendship", (change) => heard.push(`${change.id} ${change.state}`));
    network.last.receive({ type: "error", code: "too_fast", message: "slower", fatal: false });
    network.last.receive({ type: "friendship", id: "a", state: "incoming" });
    expect(heard).toEqual(["too_fast", "a incoming"]);
  });
});
