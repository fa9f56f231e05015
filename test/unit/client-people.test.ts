import { describe, expect, test } from "vitest";
import { createNearbyClient, type NearbyEvents } from "../../src/client/index.ts";
import { FakeClock, FakeNetwork, settle, WELCOME } from "./client-fakes.ts";

const STRANGER = { id: "p1", lat: 37.7, lng: -122.4, distance: 250, ts: 1_700_000_000_000 };

async function online() {
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
  const heard: NearbyEvents["people"]["people"][] = [];
  client.on("people", ({ people }) => heard.push(people));
  await settle();
  network.last.receive(WELCOME);
  const reconnect = async (): Promise<void> => {
    network.last.end(1006);
    clock.advance(0);
    await settle();
    network.last.receive(WELCOME);
  };
  const asked = (): boolean[] =>
    network.last.frames
      .filter((frame) => frame.startsWith("{"))
      .map((frame): { type?: string; on?: boolean } => JSON.parse(frame))
      .filter(({ type }) => type === "discover")
      .map(({ on }) => on ?? false);
  return { client, network, heard, reconnect, asked };
}

describe("nearby strangers", () => {
  test("[DISC1] are asked for when the app wants them, and again on every connection until it does not", async () => {
    const { client, reconnect, asked } = await online();
    expect(asked()).toEqual([]);
    client.discover(true);
    expect(asked()).toEqual([true]);
    await reconnect();
    expect(asked()).toEqual([true]);
    client.discover(false);
    expect(asked()).toEqual([true, false]);
    await reconnect();
    expect(asked()).toEqual([]);
    client.close();
  });

  test("[DISC1] a wish of before the first connection goes out with it", async () => {
    const network = new FakeNetwork();
    const clock = new FakeClock();
    const client = createNearbyClient({
      url: "http://h",
      token: () => Promise.resolve("t"),
      webSocket: network.open,
      clock: () => clock.nowMs,
      timers: clock.startTimer,
    });
    client.discover(true);
    await settle();
    network.last.receive(WELCOME);
    expect(network.last.frames).toContain('{"type":"discover","on":true}');
    client.close();
  });

  test("[DISC2] the list replaces the one before, and without a connection there is nobody", async () => {
    const { client, network, heard, reconnect } = await online();
    client.discover(true);
    network.last.receive({ type: "people", people: [STRANGER, { ...STRANGER, id: "p2" }] });
    expect(client.people).toHaveLength(2);
    network.last.receive({ type: "people", people: [STRANGER] });
    expect(client.people).toEqual([STRANGER]);
    await reconnect();
    expect(client.people).toEqual([]);
    expect(heard.map((people) => people.length)).toEqual([2, 1, 0]);
    // Nobody was shown: there is nobody to take away.
    await reconnect();
    expect(heard).toHaveLength(3);
    client.close();
  });

  test("[DISC3] after `not_discoverable` the wish is over", async () => {
    const { client, network, reconnect, asked } = await online();
    client.discover(true);
    network.last.receive({ type: "error", code: "not_discoverable", message: "no", fatal: false });
    await reconnect();
    expect(asked()).toEqual([]);
    client.close();
  });
});
