import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import { secretsOf, signToken, test } from "./helpers.ts";
import { is, refuses, shows } from "./frames.ts";
import { HOME, offset } from "./places.ts";

/** Seconds until a short token ends, and how much later the server may be: `exp` has whole seconds. */
const SHORT_S = 2;
const LATE_MS = 3_000;

describe("the token of a connection", { concurrent: true, timeout: 20_000 }, () => {
  test("[CLOSE1] a connection is closed with 4401 when its token expires, not before", async ({ world }) => {
    const ana = world.user("ana");
    const token = await ana.token({ expiresInS: SHORT_S });
    const endsMs = (Math.floor(Date.now() / 1000) + SHORT_S) * 1000;
    const connection = await ana.connect({ token });
    await connection.welcome();
    connection.move(HOME);
    await connection.nearby();
    expect((await connection.closeInfo(SHORT_S * 1000 + LATE_MS)).code).toBe(4401);
    expect(Date.now()).toBeGreaterThan(endsMs - 1_100);
  });

  test("[CLOSE1] one connection's token does not end another connection", async ({ world }) => {
    const ana = world.user("ana");
    const long = await ana.connect();
    const short = await ana.connect({ token: await ana.token({ expiresInS: SHORT_S }) });
    expect((await short.closeInfo(SHORT_S * 1000 + LATE_MS)).code).toBe(4401);
    await long.ping();
    expect(long.isOpen).toBe(true);
  });

  test("[UP12] a newer token moves the deadline, silently", async ({ world }) => {
    const ana = world.user("ana");
    const connection = await ana.connect({ token: await ana.token({ expiresInS: SHORT_S }) });
    await connection.welcome();
    connection.send({ type: "token", token: await ana.token(), ref: 1 });
    await sleep(SHORT_S * 1000 + LATE_MS);
    await connection.ping();
    expect(connection.isOpen).toBe(true);
    expect(connection.frames.map((frame) => frame.type)).toEqual(["welcome"]);
  });

  test("[UP12] a moved deadline holds as well", async ({ world }) => {
    const ana = world.user("ana");
    const connection = await ana.connect({ token: await ana.token({ expiresInS: SHORT_S }) });
    connection.send({ type: "token", token: await ana.token({ expiresInS: SHORT_S + 3 }) });
    await sleep((SHORT_S + 1) * 1000);
    await connection.ping();
    expect((await connection.closeInfo(2_000 + LATE_MS)).code).toBe(4401);
  });

  test("[UP13] any other token is answered bad_token, fatal, and the connection ends", async ({ world }) => {
    const ana = world.user("ana");
    const ben = world.user("ben");
    const foreign = "a-secret-of-somebody-else-0123456789";
    const tokens = {
      "of another user": await ben.token(),
      "signed by somebody else": await ana.token({ secret: foreign }),
      expired: await ana.token({ expiresInS: -60 }),
      "without an end": await ana.token({ expiresInS: null }),
      "that does not last longer": await ana.token({ expiresInS: 60 }),
      "no token": "nonsense",
      empty: "",
    };
    for (const [which, token] of Object.entries(tokens)) {
      const connection = await ana.connect();
      await connection.welcome();
      connection.send({ type: "token", token, ref: 5 });
      const error = await connection.next(is("error"), `error for a token ${which}`);
      expect(error, which).toMatchObject({ code: "bad_token", fatal: true, ref: 5 });
      expect((await connection.closeInfo()).code, which).toBe(4401);
    }
  });

  test("[UP13] a token that is no text is only a bad message", async ({ world }) => {
    const connection = await world.user("ana").connect();
    for (const token of [undefined, null, 5, { a: 1 }]) {
      connection.send({ type: "token", token, ref: 1 });
      await connection.next(refuses("bad_message", 1), "error");
    }
    await connection.ping();
    expect(connection.isOpen).toBe(true);
  });

  test("[CONN2] every secret of a rotation verifies", async ({ world }) => {
    const ana = world.user("ana");
    for (const secret of secretsOf(world.target)) {
      const connection = await ana.connect({ token: await ana.token({ secret }) });
      expect((await connection.welcome()).user).toBe(ana.id);
    }
  });

  test("[CONN2] an id of every allowed character can connect and be a friend", async ({ world }) => {
    const odd = world.userWithId(`A-z.0_9:@-${world.unique}`);
    const longest = world.userWithId(`${world.unique}${"x".repeat(64 - world.unique.length)}`);
    await world.befriend(odd, longest);
    const a = await odd.appear(HOME);
    await longest.appear(offset(HOME, { northM: 10 }));
    await a.next(shows(longest.id), "the friend with the long id");
  });

  test("[CONN3] the header counts when a subprotocol carries another token", async ({ world }) => {
    const ana = world.user("ana");
    const ben = world.user("ben");
    const bearer = await signToken(world.target, ben.id);
    const connection = await ana.connect({ protocols: ["nearby.v1", `bearer.${bearer}`] });
    expect((await connection.welcome()).user).toBe(ana.id);
  });
});
