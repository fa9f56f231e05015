import * as v from "valibot";
import { describe, expect } from "vitest";
import { befriends, blockPath, expectProblem, friendPath, parseEntry, test } from "./helpers.ts";
import type { User } from "./helpers.ts";
import { is, leaves, shows, speaksOf } from "./frames.ts";
import { HOME, offset } from "./places.ts";

const NORTH = offset(HOME, { northM: 1_000 });

const blockPage = v.strictObject({
  blocks: v.array(v.strictObject({ id: v.string(), since: v.pipe(v.number(), v.safeInteger()) })),
  next: v.optional(v.string()),
});

async function blockedBy(user: User, query = ""): Promise<v.InferOutput<typeof blockPage>> {
  const answer = await user.api("GET", `/v1/blocks${query}`);
  expect(answer.status, answer.text).toBe(200);
  return v.parse(blockPage, answer.body);
}

describe("blocks", { concurrent: true, timeout: 20_000 }, () => {
  test("[BLOCK1] a block ends a friendship at once, like an unfriending and nothing else", async ({ world }) => {
    const { ana, ben, a, b } = await world.pair(HOME, NORTH);
    const before = Date.now();
    await ana.block(ben);
    await Promise.all([
      b.next(leaves(ana.id, "unfriended"), "leave of who blocks"),
      b.next(befriends(ana, "removed"), "the end of the friendship"),
      a.next(leaves(ben.id, "unfriended"), "leave of who is blocked"),
    ]);
    expect([a.view.size, b.view.size]).toEqual([0, 0]);
    expect([await ana.friends(), await ben.friends()]).toEqual([[], []]);
    const { blocks } = await blockedBy(ana);
    expect(blocks).toEqual([{ id: ben.id, since: expect.any(Number) }]);
    expect(Math.abs((blocks[0]?.since ?? 0) - before)).toBeLessThan(60_000);
    // Nothing tells the other side.
    expect(await blockedBy(ben)).toEqual({ blocks: [] });
    expect(JSON.stringify(b.frames)).not.toMatch(/block/i);
    a.move(offset(HOME, { northM: 10 }));
    b.move(offset(NORTH, { northM: 10 }));
    await b.never(speaksOf(ana.id), "news of who blocks");
    await a.never(speaksOf(ben.id), "news of who is blocked", 10);
  });

  test("[BLOCK1] what a blocked person asks gets the answers that anybody would get, and arrives nowhere", async ({
    world,
  }) => {
    const [ana, ben, cleo] = [world.user("ana"), world.user("ben"), world.user("cleo")];
    await ana.patchMe({ name: "Ana" });
    await cleo.patchMe({ name: "Cleo" });
    await ana.block(ben);
    const a = await ana.connect();
    await a.welcome();
    /** What `ben` sees of asking this person, without what names them. */
    const asking = async (other: User, name: string): Promise<[string, number, string, string | null][]> => {
      const steps: [string, number, string, string | null][] = [];
      for (const method of ["PUT", "PUT", "PATCH", "GET", "DELETE", "DELETE", "PUT"]) {
        const path = method === "GET" ? "/v1/friends" : friendPath(other);
        const { status, text, headers } = await ben.api(method, path, method === "PATCH" ? { muted: true } : undefined);
        const same = text
          .replaceAll(other.id, "ID")
          .replaceAll(name, "NAME")
          .replaceAll(/"since":\d+/g, '"since":0');
        steps.push([method, status, same, headers.get("content-type")]);
      }
      await ben.unfriend(other);
      return steps;
    };
    const blocked = await asking(ana, "Ana");
    expect(blocked).toEqual(await asking(cleo, "Cleo"));
    const outline = "PUT 201, PUT 200, PATCH 404, GET 200, DELETE 204, DELETE 204, PUT 201";
    expect(blocked.map(([method, status]) => `${method} ${status}`).join(", ")).toBe(outline);
    await a.never(() => true, "frame about what somebody blocked does");
    expect(await ana.friends()).toEqual([]);
  });

  test("[BLOCK1] a request that was there when its author was blocked is declined", async ({ world }) => {
    const [ana, ben] = [world.user("ana"), world.user("ben")];
    const [a, b] = [await ana.connect(), await ben.connect()];
    await ben.put(ana);
    await a.next(befriends(ben, "incoming"), "request");
    await ana.block(ben);
    await a.next(befriends(ben, "removed"), "the end of the request");
    await b.next(befriends(ana, "removed"), "the end of the request");
    expect([await ana.friends(), await ben.friends()]).toEqual([[], []]);
  });

  test("[BLOCK1] an invite of who blocks looks withdrawn, and a tap uses nothing up", async ({ world }) => {
    const [ana, ben, cleo] = [world.user("ana"), world.user("ben"), world.user("cleo")];
    const made = await ana.api("POST", "/v1/invites", { uses: 1, minutes: 5 });
    expect(made.status, made.text).toBe(201);
    const { code } = v.parse(v.looseObject({ code: v.string() }), made.body);
    await ana.block(ben);
    const a = await ana.connect();
    await a.welcome();
    const tapped = await ben.api("POST", `/v1/invites/${code}`);
    expect(tapped.status, tapped.text).toBe(404);
    await a.never(is("friendship"), "word of a tap");
    expect(await ana.friends()).toEqual([]);
    expect(parseEntry(await cleo.api("POST", `/v1/invites/${code}`))).toMatchObject({ id: ana.id, state: "friend" });
  });

  test("[BLOCK2] after the block is lifted, a new request arrives", async ({ world }) => {
    const { ana, ben, a, b } = await world.pair(HOME, NORTH);
    await ana.block(ben);
    await b.next(leaves(ana.id, "unfriended"), "leave");
    await ana.unblock(ben);
    await ana.unblock(ben);
    expect(await blockedBy(ana)).toEqual({ blocks: [] });
    await a.never(befriends(ben, "friend"), "friendship that nobody asked for");
    await world.befriend(ben, ana);
    await Promise.all([a.next(shows(ben.id), "the friend"), b.next(shows(ana.id), "the friend")]);
  });

  test("[BLOCK2] asking somebody lifts the own block, not theirs", async ({ world }) => {
    const [ana, ben] = [world.user("ana"), world.user("ben")];
    await ana.block(ben);
    await ben.block(ana);
    expect((await ana.put(ben)).status).toBe(201);
    expect(await blockedBy(ana)).toEqual({ blocks: [] });
    expect(await blockedBy(ben)).toMatchObject({ blocks: [{ id: ana.id }] });
    expect(await ben.friends()).toEqual([]);
    // Ben asks, too: that lifts his, and now both want it.
    await ben.put(ana);
    await ana.put(ben);
    for (let tries = 0; (await ana.entry(ben))?.state !== "friend" && tries < 20; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect([(await ana.entry(ben))?.state, (await ben.entry(ana))?.state]).toEqual(["friend", "friend"]);
  });

  test("[BLOCK2] blocking again, and lifting what is no block, changes nothing", async ({ world }) => {
    const [ana, ben] = await world.friends();
    await ana.unblock(ben);
    expect((await ben.entry(ana))?.state).toBe("friend");
    await ana.block(ben);
    const first = await blockedBy(ana);
    await ana.block(ben);
    expect(await blockedBy(ana)).toEqual(first);
  });

  test("[BLOCK3] the list is by id and read in pages", async ({ world }) => {
    const ana = world.user("ana");
    const others = ["p", "B", "q", "-", "Z", "a"].map((label) => world.user(label));
    for (const other of others) await ana.block(other);
    const ids = others.map(({ id }) => id).toSorted();
    for (const limit of [1, 2, 5, 6, 7, 1000]) {
      const all: string[] = [];
      for (let query: string | undefined = `?limit=${limit}`; query !== undefined;) {
        const { blocks, next } = await blockedBy(ana, query);
        expect(blocks.length).toBeLessThanOrEqual(limit);
        all.push(...blocks.map(({ id }) => id));
        query = next === undefined ? undefined : `?limit=${limit}&cursor=${encodeURIComponent(next)}`;
      }
      expect(all, `limit ${limit}`).toEqual(ids);
    }
    for (const query of ["limit=0", "limit=1001", "limit=x", "limit=", "cursor=a%20b", "cursor=", "cursor=%00"]) {
      expectProblem(await ana.api("GET", `/v1/blocks?${query}`), 400, "bad_request");
    }
  });

  test("[BLOCK3] only user ids can be blocked, and not the own", async ({ world }) => {
    const ana = world.user("ana");
    for (const bad of [ana.id, "a b", "a/b", "é", "a%", "x".repeat(65), "\u0000"]) {
      const path = blockPath(world.userWithId(bad));
      expectProblem(await ana.api("PUT", path), 400, "bad_request");
      if (bad !== ana.id) expectProblem(await ana.api("DELETE", path), 400, "bad_request");
    }
    expect(await blockedBy(ana)).toEqual({ blocks: [] });
  });
});
