/** The import of friendships by HTTP; what two objects make of it is in trust.test.ts. */
import { env } from "cloudflare:workers";
import { createExecutionContext, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, test, vi } from "vitest";

import { applyLines } from "../../src/api/import-friendships.ts";
import { FRIENDS_MAX, IMPORT_LINES_MAX, IMPORT_MAX_BYTES } from "../../src/protocol/limits.ts";
import worker from "../../src/worker.ts";
import { PLAIN, call, envWithObject, expectOk, expectProblem, silenceLog, someone, tokenOf } from "./api-calls.ts";
import { callerOf, friendsOf, objectOf } from "./people.ts";

const NDJSON = { "content-type": "application/x-ndjson" };
const adminToken = (): Promise<string> => tokenOf("operator", { role: "admin" });

async function send(body: BodyInit, withEnv?: Env, headers: Readonly<Record<string, string>> = NDJSON) {
  const options = { token: await adminToken(), body, headers, ...(withEnv === undefined ? {} : { env: withEnv }) };
  return call("POST /v1/admin/friendships", options);
}

const line = (a: string, b: string, more = {}): string => JSON.stringify({ a, b, ...more });
const nobody = line("nobody", "nobody");

interface Report {
  readonly accepted: number;
  readonly unchanged: number;
  readonly refused: readonly { line: number; code: string; reason: string }[];
}

async function report(body: BodyInit, withEnv?: Env): Promise<Report> {
  return (await expectOk(await send(body, withEnv))) as Report;
}

async function refusedBy(body: BodyInit, withEnv?: Env): Promise<[number, string][]> {
  const { refused } = await report(body, withEnv);
  for (const { reason } of refused) expect(reason).toMatch(/^(is|has|needs|names|one of the two) /);
  return refused.map(({ line: at, code }) => [at, code]);
}

/** An object that only notes what it is asked, and answers so. */
function noting(answer: (wanted: boolean) => unknown = () => "done") {
  const link = vi.fn((_friend: string, wanted: boolean) => Promise.resolve(answer(wanted)));
  return { link, ...envWithObject({ link }) };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("the import of friendships", () => {
  test("[IMPORT1] makes friends, leaves them as they are, and ends it", async () => {
    const [ann, bob, cleo] = [someone(), someone(), someone()];
    const body = `${line(ann, bob)}\n${line(cleo, ann)}\n`;
    expect(await report(body)).toEqual({ accepted: 2, unchanged: 0, refused: [] });
    expect(await friendsOf(ann)).toEqual({ [bob]: "friend", [cleo]: "friend" });
    expect(await friendsOf(bob)).toEqual({ [ann]: "friend" });
    expect(await report(body)).toEqual({ accepted: 2, unchanged: 2, refused: [] });
    const end = line(bob, ann, { remove: true });
    expect(await report(end)).toEqual({ accepted: 1, unchanged: 0, refused: [] });
    expect(await report(end)).toEqual({ accepted: 1, unchanged: 1, refused: [] });
    expect([await friendsOf(ann), await friendsOf(bob)]).toEqual([{ [cleo]: "friend" }, {}]);
    expect(await report(line(ann, bob, { remove: false }))).toEqual({ accepted: 1, unchanged: 0, refused: [] });
    expect(await friendsOf(bob)).toEqual({ [ann]: "friend" });
  });

  test("[IMPORT2] accepts a request, and says which line a block stopped", async () => {
    const [ann, bob, cleo] = [someone(), someone(), someone()];
    await objectOf(ann).putFriend(callerOf(ann), bob);
    await objectOf(cleo).block(callerOf(cleo), ann);
    expect(await report(`${line(ann, cleo)}\n${line(ann, bob)}`)).toMatchObject({
      accepted: 1,
      refused: [{ line: 1, code: "blocked" }],
    });
    expect(await friendsOf(bob)).toEqual({ [ann]: "friend" });
  });

  test("[IMPORT3] is for admins only", async () => {
    const { env: fake, getByName } = noting();
    const options = { body: line("ann", "bob"), headers: NDJSON, env: fake };
    await expectProblem(await call("POST /v1/admin/friendships", { as: someone(), ...options }), 403, "forbidden");
    await expectProblem(await call("POST /v1/admin/friendships", options), 401, "unauthorized");
    expect(getByName).not.toHaveBeenCalled();
  });

  test("a large body that is refused for another reason is read to its end", async () => {
    const body = "x".repeat(IMPORT_MAX_BYTES);
    const request = new Request("https://nearby.test/v1/admin/friendships", {
      method: "POST",
      headers: { ...NDJSON, "content-length": String(body.length) },
      body,
    });
    await expectProblem(await worker.fetch(request, PLAIN, createExecutionContext()), 401, "unauthorized");
    expect(request.bodyUsed).toBe(true);
  });

  test("[IMPORT4] takes one JSON object a line, under the names that there are for that", async () => {
    const { env: fake } = noting();
    for (const type of ["application/x-ndjson", "application/ndjson; charset=utf-8", "Application/JSONL"]) {
      const response = await send(line("ann", "bob"), fake, { "content-type": type });
      expect(await expectOk(response)).toMatchObject({ accepted: 1 });
    }
    for (const type of ["application/json", "text/plain", "application/x-www-form-urlencoded"]) {
      const response = await send(line("ann", "bob"), fake, { "content-type": type });
      await expectProblem(response, 415, "wrong_type");
      expect(response.headers.get("accept")).toBe("application/x-ndjson");
    }
  });

  test("[IMPORT4] empty lines are skipped, and counted; ends of lines may be those of Windows", async () => {
    const { env: fake, link } = noting();
    for (const nothing of ["", "\n", "\r\n  \n"]) {
      expect(await report(nothing, fake)).toEqual({ accepted: 0, unchanged: 0, refused: [] });
    }
    const body = `\uFEFF${line("ann", "bob")}\r\n\r\n   \n ${line("bob", "cleo")} \n{}\n\n`;
    expect(await refusedBy(body, fake)).toEqual([[5, "bad_line"]]);
    expect(link.mock.calls.map(([friend]) => friend).toSorted()).toEqual(["bob", "cleo"]);
  });

  test("[IMPORT4][IMPORT6] what is wrong with a line", async () => {
    const { env: fake, link } = noting();
    const long = "x".repeat(65);
    const lines: [string, string][] = [
      ["{", "bad_json"],
      ["ann bob", "bad_json"],
      ['["ann","bob"]', "bad_json"],
      ["null", "bad_json"],
      ["7", "bad_json"],
      ['{"a":"ann","b":"bob"} {"a":"ann","b":"bob"}', "bad_json"],
      ['{"a":"ann"}', "bad_line"],
      ['{"a":"ann","b":7}', "bad_line"],
      [line("ann", ""), "bad_line"],
      [line("ann", ".."), "bad_line"],
      [line("ann", "b/b"), "bad_line"],
      [line("ann", "b\u00f6b"), "bad_line"],
      [line(long, "bob"), "bad_line"],
      [line("ann", "bob", { removed: true }), "bad_line"],
      [line("ann", "bob", { remove: "true" }), "bad_line"],
      [line("ann", "bob", { remove: null }), "bad_line"],
      [nobody, "same_user"],
    ];
    const codes = await refusedBy(lines.map(([text]) => text).join("\n"), fake);
    expect(codes).toEqual(lines.map(([, code], at) => [at + 1, code]));
    expect(link).not.toHaveBeenCalled();
    const good = new TextEncoder().encode(`${line("ann", "bob")}\n`);
    const damaged = new Uint8Array([...new TextEncoder().encode('{"a":"ann","b":"'), 0xff, 0xfe, 0x22, 0x7d, 0x0a]);
    expect(await refusedBy(new Uint8Array([...damaged, ...good]), fake)).toEqual([[1, "bad_line"]]);
    expect(link).toHaveBeenCalledTimes(1);
  });

  test("[IMPORT5] 4,000 lines, and not one more", async () => {
    const { env: fake, link } = noting();
    expect(IMPORT_LINES_MAX).toBe(4_000);
    const lines = Array.from({ length: IMPORT_LINES_MAX }, (_, i) => line(`a${i}`, `b${i}`));
    for (const ended of [lines.slice(1).join("\n"), lines.join("\n"), `${lines.join("\n")}\n`]) {
      link.mockClear();
      const { accepted } = await report(ended, fake);
      expect(accepted).toBe(ended.startsWith(lines[0] ?? "") ? IMPORT_LINES_MAX : IMPORT_LINES_MAX - 1);
      expect(link).toHaveBeenCalledTimes(accepted);
    }
    link.mockClear();
    for (const more of [
      `${lines.join("\n")}\n${nobody}`,
      `${lines.join("\n")}\n\n`,
      "\n".repeat(IMPORT_LINES_MAX + 1),
    ]) {
      await expectProblem(await send(more, fake), 413, "too_large");
    }
    expect(link).not.toHaveBeenCalled();
  });

  test("[IMPORT5] 1 MiB, and not a byte more; 4,000 lines of the longest ids are less", async () => {
    const { env: fake, link } = noting();
    expect(IMPORT_MAX_BYTES).toBe(1_048_576);
    const longest = Array.from({ length: IMPORT_LINES_MAX }, (_, i) =>
      line("a".repeat(64), `${i}`.padEnd(64, "b"), { remove: true }),
    );
    expect(longest.join("\n").length).toBeLessThan(IMPORT_MAX_BYTES);
    expect(await report(longest.join("\n"), fake)).toMatchObject({ accepted: IMPORT_LINES_MAX });
    link.mockClear();
    const full = line("ann", "bob").padEnd(IMPORT_MAX_BYTES, " ");
    expect(await report(full, fake)).toMatchObject({ accepted: 1 });
    await expectProblem(await send(`${full} `, fake), 413, "too_large");
    expect(link).toHaveBeenCalledTimes(1);
    // Everywhere else the general limit holds.
    const elsewhere = await call("PATCH /v1/me", {
      as: someone(),
      body: full,
      headers: { "content-type": "application/json" },
    });
    await expectProblem(elsewhere, 413, "too_large");
  });

  test("[IMPORT6] the line of somebody who is full, blocked or away stops no other", async () => {
    const log = silenceLog();
    const answers: Record<string, unknown> = {
      full: { refused: "friend_limit" },
      foe: { refused: "blocked" },
      away: { refused: "unreachable" },
      old: "unchanged",
    };
    const link = (friend: string): Promise<unknown> => {
      if (friend === "broken") return Promise.reject(new Error("overloaded"));
      return Promise.resolve(answers[friend] ?? "done");
    };
    const { env: fake } = envWithObject({ link });
    const friends = ["broken", "new", "full", "foe", "away", "old", "new2"];
    const answer = await report(friends.map((friend) => line("ann", friend)).join("\n"), fake);
    expect(answer).toMatchObject({ accepted: 3, unchanged: 1 });
    expect(answer.refused.map(({ line: at, code }) => [at, code])).toEqual([
      [1, "unreachable"],
      [3, "friend_limit"],
      [4, "blocked"],
      [5, "unreachable"],
    ]);
    expect(log).toHaveBeenCalledTimes(1);
    expect(String(log.mock.calls[0])).toContain("import_lines_failed");
  });

  test("[IMPORT6] a user with all the friends there may be is told apart", async () => {
    const ann = someone();
    await report(line(ann, someone()));
    await runInDurableObject(env.USER.getByName(ann), (_, { storage }) => {
      storage.sql.exec(
        "WITH RECURSIVE each (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM each WHERE i < ?)" +
          " INSERT INTO friend (id, standing, since, mine_wants, mine_rev, mine_refuses, theirs_wants, theirs_rev," +
          " theirs_refuses, muted) SELECT 'f' || i, 'friend', 0, 1, 1, 0, 1, 1, 0, 0 FROM each",
        FRIENDS_MAX - 2,
      );
    });
    // What the object has counted is no more than it knows of.
    await evictDurableObject(env.USER.getByName(ann), { webSockets: "hibernate" });
    expect(await report(line(someone(), ann))).toMatchObject({ accepted: 1 });
    expect(await refusedBy(`${line(ann, someone())}\n${line(someone(), ann)}`)).toEqual([
      [1, "friend_limit"],
      [2, "friend_limit"],
    ]);
  });

  test("[IMPORT7] of lines about the same two people the last one counts", async () => {
    const order: string[] = [];
    const link = async (friend: string, wanted: boolean): Promise<string> => {
      // The sooner it begins, the longer it takes.
      await scheduler.wait(wanted ? 10 : 1);
      order.push(`${friend} ${wanted}`);
      return "done";
    };
    const { env: fake } = envWithObject({ link });
    const lines = [
      line("ann", "bob"),
      line("bob", "ann", { remove: true }),
      line("ann", "bob"),
      line("ann", "cleo", { remove: true }),
    ];
    expect(await report(lines.join("\n"), fake)).toMatchObject({ accepted: 4 });
    expect(order.filter((entry) => !entry.startsWith("cleo"))).toEqual(["bob true", "ann false", "bob true"]);
    // Nobody waited for that pair.
    expect(order[0]).toBe("cleo false");
  });

  test("works on some lines at once, and rests so that others get their turn", async () => {
    let nowMs = 0;
    vi.spyOn(Date, "now").mockImplementation(() => (nowMs += 1));
    let working = 0;
    let workingMax = 0;
    const link = async (): Promise<"done"> => {
      working += 1;
      workingMax = Math.max(workingMax, working);
      // Nothing here leaves the event loop: like calls to objects that are in the same process.
      await Promise.resolve();
      working -= 1;
      return "done";
    };
    const edges = Array.from({ length: 1_000 }, (_, i) => ({ line: i + 1, a: `a${i}`, b: `b${i}`, wanted: true }));
    const seen: number[] = [];
    const timer = setInterval(() => seen.push(working), 0);
    expect(await applyLines({ edges, refused: [] }, link)).toEqual({ accepted: 1_000, unchanged: 0, refused: [] });
    clearInterval(timer);
    expect(workingMax).toBe(64);
    expect(seen.length).toBeGreaterThan(10);
    expect(Math.max(...seen)).toBe(0);
  });
});
