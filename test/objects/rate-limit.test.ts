/** The limit of requests: of users, of visitors of pages, and what happens without the limiter. */
import { describe, expect, test, vi } from "vitest";

import { networkOf } from "../../src/api/rate-limit.ts";
import { call, envWith, envWithObject, expectOk, expectProblem, silenceLog, someone } from "./api-calls.ts";

const LIMIT = 600;
const AT_ONCE = 50;
const UPGRADE = { upgrade: "websocket" };

/** A limiter that lets nobody through whose key is here. */
function refusing(...keys: string[]) {
  const limit = vi.fn(({ key }: RateLimitOptions) => Promise.resolve({ success: !keys.includes(key) }));
  return { limit, vars: { RATE_LIMIT: { limit } } };
}

describe("the limit of requests", () => {
  test("[RATE1] a user has 600 in a minute; another user has their own", { timeout: 30_000 }, async () => {
    const [ann, bob] = [someone(), someone()];
    const { env: cheap } = envWithObject({ getProfile: () => Promise.resolve({}) });
    const statuses: number[] = [];
    // The minute may end on the way: then the count begins again, once.
    while (statuses.length < 2 * LIMIT + AT_ONCE && !statuses.includes(429)) {
      const some = Array.from({ length: AT_ONCE }, () => call("GET /v1/me", { as: ann, env: cheap }));
      statuses.push(...(await Promise.all(some)).map(({ status }) => status));
    }
    expect(statuses.slice(0, LIMIT).every((status) => status === 200)).toBe(true);
    expect(statuses.at(-1)).toBe(429);
    expect((await call("GET /v1/me", { as: bob, env: cheap })).status).toBe(200);
  });

  test("[RATE1] above it there is a 429 that says when to come back, and nothing is done", async () => {
    const ann = someone();
    const { limit, vars } = refusing(`user:${ann}`);
    const { env: full, getByName } = envWithObject({}, vars);
    const requests = [
      "GET /v1/me",
      "PUT /v1/friends/bob",
      "POST /v1/location",
      "POST /v1/admin/friendships",
      "GET /v1/nothing",
    ];
    for (const request of requests) {
      const response = await call(request, { as: ann, env: full });
      expect(response.headers.get("retry-after")).toBe("60");
      await expectProblem(response, 429, "rate_limited");
    }
    await expectProblem(await call("GET /v1/connect", { as: ann, env: full, headers: UPGRADE }), 429, "rate_limited");
    expect(getByName).not.toHaveBeenCalled();
    expect(limit).toHaveBeenCalledTimes(requests.length + 1);
  });

  test("[RATE1] who has no good token is not counted", async () => {
    const { limit, vars } = refusing();
    const withEnv = envWith(vars);
    await expectProblem(await call("GET /v1/me", { env: withEnv }), 401, "unauthorized");
    await expectProblem(await call("GET /v1/me", { token: "a.b.c", env: withEnv }), 401, "unauthorized");
    await expectProblem(
      await call("GET /v1/connect", { token: "a.b.c", env: withEnv, headers: UPGRADE }),
      401,
      "unauthorized",
    );
    expect(limit).not.toHaveBeenCalled();
  });

  test("[RATE2] pages and their sockets count by address", async () => {
    const { limit, vars } = refusing("ip:203.0.113.7");
    const withEnv = envWith(vars);
    const from = (address: string) => ({ "cf-connecting-ip": address });
    for (const path of ["/i/code", "/s/code", "/s/code/connect"]) {
      const refused = await call(`GET ${path}`, { env: withEnv, headers: from("203.0.113.7") });
      expect(refused.headers.get("retry-after")).toBe("60");
      await expectProblem(refused, 429, "rate_limited");
      const other = await call(`GET ${path}`, { env: withEnv, headers: from("2001:db8:1:2::9") });
      expect([404, 426]).toContain(other.status);
      await other.text();
    }
    expect(limit.mock.calls.map(([{ key }]) => key)).toContain("ip:2001:db8:1:2");
    // Outside the platform nobody says where a visitor is.
    limit.mockClear();
    expect((await call("GET /s/code", { env: withEnv })).status).toBe(404);
    expect(limit).not.toHaveBeenCalled();
  });

  test("[RATE2] who is told apart by an address", () => {
    expect(networkOf("203.0.113.7")).toBe("203.0.113.7");
    expect(networkOf("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2");
    expect(networkOf("2001:0DB8:0001:0002::1")).toBe("2001:db8:1:2");
    expect(networkOf("2001:db8::1")).toBe("2001:db8:0:0");
    expect(networkOf("2001:db8:0:0:1::")).toBe("2001:db8:0:0");
    expect(networkOf("::1")).toBe("0:0:0:0");
  });

  test("[RATE3] a limiter that fails lets everybody through, and is logged once", async () => {
    const log = silenceLog();
    const limit = (): Promise<never> => Promise.reject(new Error("no counters today"));
    const { env: broken } = envWithObject({ getProfile: () => Promise.resolve({}) }, { RATE_LIMIT: { limit } });
    for (let i = 0; i < 3; i += 1) await expectOk(await call("GET /v1/me", { as: someone(), env: broken }));
    expect(log).toHaveBeenCalledTimes(1);
    expect(String(log.mock.calls[0])).toContain("rate_limit_failed");
    log.mockRestore();
  });

  test("[RATE3] whether the service is there can always be asked", async () => {
    const { limit, vars } = refusing();
    expect((await call("GET /healthz", { env: envWith(vars) })).status).toBe(200);
    expect(limit).not.toHaveBeenCalled();
  });
});
