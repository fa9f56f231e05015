/** The limit of requests, as the server that people run has it. */
import { describe, expect } from "vitest";
import { expectProblem, request, test } from "./helpers.ts";

const LIMIT = 600;
const AT_ONCE = 20;

describe("the limit of requests", { timeout: 30_000 }, () => {
  test("[RATE1] 600 requests in a minute are answered, then no more of this user; others are not affected", async ({
    world,
  }) => {
    const [ana, ben] = [world.user("ana"), world.user("ben")];
    const token = await ana.token();
    const me = () => request(world.target, "GET", "/v1/me", { token });
    let answered = 0;
    let refused = null;
    // The minute may end on the way: then the count begins again, once.
    while (refused === null && answered < 2 * LIMIT + AT_ONCE) {
      const answers = await Promise.all(Array.from({ length: AT_ONCE }, me));
      answered += answers.filter(({ status }) => status === 200).length;
      refused = answers.find(({ status }) => status !== 200) ?? null;
    }
    expect(answered).toBeGreaterThanOrEqual(LIMIT);
    if (refused === null) throw new Error(`${answered} requests were answered`);
    expectProblem(refused, 429, "rate_limited");
    expect(refused.headers.get("retry-after")).toBe("60");
    expect((await ben.api("GET", "/v1/me")).status).toBe(200);
    expect((await request(world.target, "GET", "/healthz")).status).toBe(200);
  });
});
