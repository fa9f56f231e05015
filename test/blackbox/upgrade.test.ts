import { describe, expect } from "vitest";
import { test } from "./helpers.ts";
import { is } from "./frames.ts";
import { rawRequest, upgradeHeaders } from "./raw-http.ts";

/** Statuses of the upgrade, in the order in which the server has to look. */
describe("GET /v1/connect", { concurrent: true, timeout: 15_000 }, () => {
  test("[CONN1] without an upgrade it answers 426, token or not", async ({ world }) => {
    const ana = world.user("ana");
    for (const headers of [
      {},
      { authorization: "Bearer nonsense" },
      { authorization: `Bearer ${await ana.token()}` },
    ]) {
      const answer = await rawRequest(world.target, { path: "/v1/connect", headers });
      expect(answer.status, answer.text).toBe(426);
      expect(answer.text).toContain('"upgrade_required"');
      // A runtime that owns the connection keeps this header for itself (workerd does): it may be lost, not be wrong.
      expect([undefined, "websocket"]).toContain(answer.headers.upgrade?.toLowerCase());
    }
  });

  test("[CONN2] an upgrade without a valid token answers 401, also when the subprotocols are unknown", async ({
    world,
  }) => {
    const ana = world.user("ana");
    const expired = await ana.token({ expiresInS: -60 });
    const cases: Record<string, string>[] = [
      {},
      { "sec-websocket-protocol": "nearby.v1" },
      { "sec-websocket-protocol": "chat" },
      { "sec-websocket-protocol": `nearby.v1, bearer.${expired}` },
      { authorization: `Bearer ${expired}` },
      { authorization: `Bearer ${expired}`, "sec-websocket-protocol": "chat" },
      { authorization: `Basic ${await ana.token()}` },
    ];
    for (const headers of cases) {
      const answer = await rawRequest(world.target, {
        path: "/v1/connect",
        headers: { ...upgradeHeaders(), ...headers },
      });
      expect(answer.status, JSON.stringify(headers)).toBe(401);
      expect(answer.headers["www-authenticate"], JSON.stringify(headers)).toMatch(/^Bearer/);
    }
  });

  test("[CONN5] a valid token with only unknown subprotocols answers 400", async ({ world }) => {
    const token = await world.user("ana").token();
    for (const offered of ["chat", "chat, nearby.v2", "NEARBY.V1"]) {
      const answer = await rawRequest(world.target, {
        path: "/v1/connect",
        headers: { ...upgradeHeaders(), authorization: `Bearer ${token}`, "sec-websocket-protocol": offered },
      });
      expect(answer.status, offered).toBe(400);
      expect(answer.text, offered).toContain('"bad_request"');
    }
  });

  test("[CONN6] with an Authorization header the subprotocol may be left out", async ({ world }) => {
    const ana = world.user("ana");
    const answer = await rawRequest(world.target, {
      path: "/v1/connect",
      headers: { ...upgradeHeaders(), authorization: `Bearer ${await ana.token()}` },
    });
    expect(answer.status, answer.text).toBe(101);
    expect(answer.headers["sec-websocket-protocol"]).toBeUndefined();
  });

  test("[CONN6] nearby.v1 is echoed, wherever it stands in the offer", async ({ world }) => {
    const ana = world.user("ana");
    const token = await ana.token();
    for (const protocols of [
      ["nearby.v1", `bearer.${token}`],
      [`bearer.${token}`, "nearby.v1"],
      ["chat", "nearby.v1", `bearer.${token}`],
    ]) {
      const connection = await ana.connectBare({ protocols });
      expect(connection.protocol).toBe("nearby.v1");
      expect((await connection.welcome()).user).toBe(ana.id);
    }
    const withHeader = await ana.connect({ protocols: ["nearby.v1"] });
    expect(withHeader.protocol).toBe("nearby.v1");
  });

  test("[CONN3] a token in the address is never read", async ({ world }) => {
    const token = await world.user("ana").token();
    for (const name of ["token", "access_token", "authorization", "bearer", "jwt", "id"]) {
      const answer = await rawRequest(world.target, {
        path: `/v1/connect?${name}=${token}`,
        headers: { ...upgradeHeaders(), "sec-websocket-protocol": "nearby.v1" },
      });
      expect(answer.status, name).toBe(401);
    }
  });

  test("[CONN7] device has the characters of a user id", async ({ world }) => {
    const token = await world.user("ana").token();
    const attempt = async (device: string): Promise<number> =>
      (
        await rawRequest(world.target, {
          path: `/v1/connect?device=${encodeURIComponent(device)}`,
          headers: { ...upgradeHeaders(), authorization: `Bearer ${token}` },
        })
      ).status;
    for (const good of ["phone", "A-z.0_9:@", "d".repeat(63), "d".repeat(64), "..."]) {
      expect(await attempt(good), good).toBe(101);
    }
    for (const bad of ["", "d".repeat(65), "my phone", "téléphone", "a/b", ".", "..", "a\u0000"]) {
      expect(await attempt(bad), JSON.stringify(bad)).toBe(400);
    }
  });

  test("[CONN8] welcome comes first and tells the settings and the clock", async ({ world }) => {
    const ana = world.user("ana");
    const before = Date.now();
    const connection = await ana.connect();
    const welcome = await connection.welcome();
    expect(connection.frames[0]).toEqual(welcome);
    expect(welcome).toMatchObject({ user: ana.id, protocol: 1 });
    expect(welcome.radiusM).toBeGreaterThan(0);
    expect(welcome.inactiveAfterS).toBeGreaterThan(0);
    expect(welcome.updateEveryS).toBeGreaterThan(0);
    // A minute is what two machines may disagree; the point is milliseconds, not seconds.
    expect(Math.abs(welcome.now - before)).toBeLessThan(60_000);
  });

  test("[CONN8] the defaults are five miles, ten minutes and thirty seconds", async ({ world }) => {
    const welcome = await (await world.user("ana").connect()).welcome();
    expect(
      { radiusM: welcome.radiusM, inactiveAfterS: welcome.inactiveAfterS, updateEveryS: welcome.updateEveryS },
      "this suite needs RADIUS_M, INACTIVE_AFTER_S and UPDATE_EVERY_S unset",
    ).toEqual({ radiusM: 8046.72, inactiveAfterS: 600, updateEveryS: 30 });
  });

  test("[FRAME6] ping is answered pong, before anything else was said and many times over", async ({ world }) => {
    const connection = await world.user("ana").connect();
    for (let round = 0; round < 5; round += 1) {
      await connection.ping();
    }
    await connection.never(is("error"), "error about a ping");
    expect(connection.pongs).toHaveLength(5);
  });

  test("[FRAME6] only the exact text ping is a ping", async ({ world }) => {
    const connection = await world.user("ana").connect();
    for (const text of ["PING", " ping", "ping\n", '"ping"']) {
      connection.sendRaw(text);
      await connection.next(is("error"), `error for ${JSON.stringify(text)}`);
    }
    expect(connection.pongs).toHaveLength(0);
  });
});
