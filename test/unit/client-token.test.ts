/** A new token in time: over the open socket, before the server ends the connection. */
import { describe, expect, test } from "vitest";
import { createNearbyClient } from "../../src/client/index.ts";
import { expiryMs, renewInMs } from "../../src/client/token.ts";
import { FakeClock, FakeNetwork, settle, WELCOME } from "./client-fakes.ts";

const NOW_S = WELCOME.now / 1000;

function jwt(claims: unknown): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "HS256" })}.${part(claims)}.c2lnbmF0dXJl`;
}

/** Tokens that last so many seconds from the start, one after the other; a failure where there is none. */
async function start(ends: (number | undefined)[], clockErrorMs = 0) {
  const clock = new FakeClock();
  const network = new FakeNetwork();
  const given: string[] = [];
  const errors: string[] = [];
  const client = createNearbyClient({
    url: "http://127.0.0.1:8787",
    token: () => {
      const end = ends[given.length];
      const token = end === undefined ? "" : jwt({ sub: "viewer", exp: NOW_S + end, name: "Zoë ?>~" });
      given.push(token);
      return end === undefined ? Promise.reject(new Error("login is down")) : Promise.resolve(token);
    },
    webSocket: network.open,
    clock: () => clock.nowMs + clockErrorMs,
    random: () => 0,
    timers: clock.startTimer,
  });
  client.on("error", ({ code }) => errors.push(code));
  await settle();
  network.last.receive(WELCOME);

  async function pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 1000) {
      clock.advance(Math.min(1000, left));
      network.last.receive("pong");
      await settle();
    }
  }
  const tokensSent = () =>
    network.last.sent.flatMap((text) => (text === "ping" ? [] : [(JSON.parse(text) as { token: string }).token]));
  return { client, clock, network, given, errors, pass, tokensSent };
}

describe("the end of a token", () => {
  test.each([
    [{ exp: 1_800_000_000 }, 1_800_000_000_000],
    [{ exp: 1_800_000_000.5, name: "žluťoučký ÿÿÿ>>>???" }, 1_800_000_000_500],
    [{ sub: "a" }, Number.NaN],
    [null, Number.NaN],
    ["exp", Number.NaN],
  ])("of %j is %d", (claims, expected) => {
    expect(expiryMs(jwt(claims))).toBe(expected);
  });

  test.each(["", "t1", "a.b.c", "a.!!!!.c", "a.e30"])("of %j is not known", (token) => {
    expect(expiryMs(token)).toBeNaN();
  });

  test.each([
    [3_600_000, 3_540_000, "a minute before the end"],
    [300_000, 240_000, "where both meet"],
    [100_000, 80_000, "at 80 %"],
    [1_001, 800.8, "at 80 %"],
    [1_000, undefined, "too late"],
    [-5, undefined, "too late"],
    [Number.NaN, undefined, "not known"],
  ])("with %d ms left a new one is asked for after %d: %s", (leftMs, expected, _) => {
    const delayMs = renewInMs(leftMs);
    if (expected === undefined) expect(delayMs).toBeUndefined();
    else expect(delayMs).toBeCloseTo(expected);
  });
});

describe("renewal", () => {
  test("a new token goes over the open socket, and the next one in its time", async () => {
    const { client, given, pass, tokensSent } = await start([100, 200, 300]);
    await pass(79_000);
    expect(given).toHaveLength(1);
    await pass(2_000);
    expect(given).toHaveLength(2);
    expect(tokensSent()).toEqual([given[1]]);
    await pass(100_000);
    expect(tokensSent()).toEqual([given[1], given[2]]);
    expect(client.status.state).toBe("online");
  });

  test.each([3_600_000, -3_600_000])("in time also where the clock is wrong by %d ms", async (errorMs) => {
    const { given, pass } = await start([100, 10_000], errorMs);
    await pass(79_000);
    expect(given).toHaveLength(1);
    await pass(2_000);
    expect(given).toHaveLength(2);
  });

  test("a failure is told, and it is tried again while there is time", async () => {
    const { client, errors, pass, given, tokensSent } = await start([100, undefined, 1000]);
    await pass(81_000);
    expect(errors).toEqual(["token_failed"]);
    expect(client.status.state).toBe("online");
    await pass(16_000);
    expect(tokensSent()).toEqual([given[2]]);
  });

  test("an old token is not sent again: the server would end the connection", async () => {
    const { given, pass, tokensSent } = await start([100, 100, 90, 100, 100, 100, 100]);
    await pass(99_000);
    expect(tokensSent()).toEqual([]);
    expect(given.length).toBeLessThan(6);
  });

  test("a token that says nothing of its end is never renewed", async () => {
    const clock = new FakeClock();
    const network = new FakeNetwork();
    const client = createNearbyClient({
      url: "http://127.0.0.1:8787",
      token: () => Promise.resolve("opaque"),
      webSocket: network.open,
      clock: () => clock.nowMs,
      timers: clock.startTimer,
    });
    await settle();
    network.last.receive(WELCOME);
    // The ping.
    expect(clock.pending).toBe(1);
    client.close();
  });

  test("a lost connection and a close take its timer along", async () => {
    const lost = await start([100, 200]);
    lost.network.last.end(1006);
    expect(lost.clock.pending).toBe(1);
    const closed = await start([100]);
    expect(closed.clock.pending).toBe(2);
    closed.client.close();
    expect(closed.clock.pending).toBe(0);
  });
});
