import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { callApi } from "../../scripts/town/api.ts";
import { inPool } from "../../scripts/town/pool.ts";
import { startReplay, TRACK_PACE } from "../../scripts/town/replay.ts";
import { frameToSvg } from "../../scripts/terminal/svg.ts";
import { watchClient } from "../../scripts/terminal/watch.ts";
import { createNearbyClient, type NearbyClient } from "../../src/client/index.ts";
import { aFriend, FakeClock, FakeNetwork, settle, WELCOME } from "./client-fakes.ts";

async function watched() {
  const clock = new FakeClock();
  const network = new FakeNetwork();
  const client = createNearbyClient({
    url: "http://h",
    token: () => Promise.resolve("t"),
    webSocket: network.open,
    clock: () => clock.nowMs,
    random: () => 0.5,
    timers: clock.startTimer,
  });
  const lines: string[] = [];
  const watch = watchClient(client, {
    user: "viewer",
    title: "here",
    hint: "",
    units: "metric",
    nowMs: () => clock.nowMs,
    onLine: ({ kind, text }) => lines.push(`${kind}: ${text}`),
  });
  await settle();
  network.last.receive(WELCOME);
  return { client, clock, network, watch, lines };
}

describe("what the view keeps", () => {
  test("a line for whoever comes and goes, none for who only moves", async () => {
    const { network, lines } = await watched();
    network.last.receive({ type: "nearby", friends: [aFriend("a")] });
    network.last.receive({ type: "friend", friend: aFriend("b", { name: "Bo", distance: 2500 }) });
    network.last.receive({ type: "friend", friend: aFriend("b", { distance: 2400 }) });
    for (const reason of ["far", "inactive", "paused", "unfriended", "unsubscribed"]) {
      network.last.receive({ type: "friend", friend: aFriend("c") });
      network.last.receive({ type: "gone", id: "c", reason });
    }
    expect(lines.filter((line) => !line.startsWith("appeared: c"))).toEqual([
      "news: connected",
      "news: 1 friend is near",
      "appeared: Bo appeared, 2.50 km",
      "left: c left (too far)",
      "left: c went inactive",
      "left: c paused sharing",
      "left: c is no friend any more",
      "left: c is muted",
    ]);
  });

  test("a lost connection and an error are told", async () => {
    const { network, lines, watch, clock } = await watched();
    network.last.receive({ type: "error", code: "too_fast", message: "Send less often.", fatal: false });
    network.last.end(1012, "restarting");
    expect(lines.slice(1)).toEqual([
      "problem: too_fast: Send less often.",
      "problem: connection lost (1012, restarting)",
    ]);
    expect(watch.state()).toMatchObject({ status: { state: "waiting" }, statusSinceMs: clock.nowMs });
  });

  test("updates per second over the last five", async () => {
    const { network, watch, clock } = await watched();
    for (let i = 0; i < 10; i += 1) network.last.receive({ type: "friend", friend: aFriend("a") });
    expect(watch.state().updatesPerS).toBe(2);
    clock.advance(5_000);
    expect(watch.state().updatesPerS).toBe(0);
  });

  test("trails keep the last ten places of who is shown, and nobody else's", async () => {
    const { network, watch } = await watched();
    for (let i = 0; i < 15; i += 1)
      network.last.receive({ type: "friend", friend: aFriend("a", { lat: 37 + i / 100 }) });
    network.last.receive({ type: "friend", friend: aFriend("a", { lat: 37.1400001 }) });
    expect(watch.state().trails.get("a")).toHaveLength(10);
    expect(watch.state().trails.get("a")?.at(-1)).toMatchObject({ lat: 37.14 });
    network.last.receive({ type: "gone", id: "a", reason: "far" });
    expect(watch.state().trails.size).toBe(0);
  });
});

describe("picture", () => {
  test("letters, dots and colours of a frame, escaped", () => {
    const svg = frameToSvg("\u{1B}[1;31mA<b\u{1B}[0m ⠁\n김", 10, "a & b");
    expect(svg).toContain('fill="#ff7b72" font-weight="bold">A&lt;b</text>');
    expect(svg).toContain("<title>a &amp; b</title>");
    expect(svg).toContain('<path d="M34 2h0"');
    expect(svg).toContain('textLength="16"');
  });
});

describe("pool", () => {
  test("never more at a time than its width, everything once", async () => {
    const running = { now: 0, most: 0 };
    const done: number[] = [];
    await inPool([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      running.now += 1;
      running.most = Math.max(running.most, running.now);
      await settle();
      running.now -= 1;
      done.push(item);
    });
    expect(running.most).toBe(3);
    expect(done.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test("a failure stops what has not begun", async () => {
    const begun: number[] = [];
    const run = inPool([1, 2, 3, 4, 5, 6], 2, async (item) => {
      begun.push(item);
      await settle();
      if (item === 1) throw new Error("no");
    });
    await expect(run).rejects.toThrow("no");
    await settle();
    expect(begun.length).toBeLessThanOrEqual(4);
  });
});

describe("replay", () => {
  test("fixes are sent when their faster time comes, then the end is told", async () => {
    const sent: number[] = [];
    const send = ({ lat }: { lat: number }) => {
      sent.push(lat);
      return true;
    };
    const { client } = await watched();
    const spy: NearbyClient = Object.assign(Object.create(client), { send });
    const clock = { nowMs: 0 };
    const fixes = [0, 10, 20, 30].map((atS) => ({ entity: 0, atS, lat: atS, lng: 0 }));
    const ended = Promise.withResolvers<void>();
    const stop = startReplay({ fixes, clients: [spy], nowMs: () => clock.nowMs, onEnd: ended.resolve });
    clock.nowMs = (20 / TRACK_PACE) * 1000;
    await expect.poll(() => sent).toEqual([0, 10, 20]);
    clock.nowMs = (30 / TRACK_PACE) * 1000;
    await ended.promise;
    expect(sent).toEqual([0, 10, 20, 30]);
    stop();
  });
});

describe("requests", () => {
  test("a server that is not there is named, with what to do", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
    server.close();
    await once(server, "close");
    await expect(callApi(url, { method: "GET", path: "/healthz" })).rejects.toThrow(
      `nothing listens at ${url}: start a server`,
    );
  });
});
