import { describe, expect } from "vitest";
import type { User } from "./helpers.ts";
import { expectProblem, friendPath, parseEntry, request, test } from "./helpers.ts";
import { is, shows, speaksOf } from "./frames.ts";
import type { Frame, FrameOf } from "./frames.ts";
import { HOME, offset } from "./places.ts";

/** Of the contract: requests that one user may have waiting with others, and that may wait for one user. */
const PENDING_OUT_MAX = 100;
const PENDING_IN_MAX = 200;

function friendship(other: User, state: string): (frame: Frame) => frame is FrameOf<"friendship"> {
  return is("friendship", (frame) => frame.id === other.id && frame.state === state);
}

describe("friendship", { concurrent: true, timeout: 20_000 }, () => {
  test("[DOWN5] a request, and its acceptance, are told to everybody concerned", async ({ world }) => {
    const ana = world.user("ana");
    const ben = world.user("ben");
    await ana.patchMe({ name: "Ana" });
    const a = await ana.connect();
    const b1 = await ben.connect();
    const b2 = await ben.connect();
    const asked = await ana.put(ben);
    expect(asked.status, asked.text).toBe(201);
    expect(parseEntry(asked)).toMatchObject({ id: ben.id, state: "outgoing", muted: false, visibility: "exact" });
    for (const b of [b1, b2]) {
      expect(await b.next(friendship(ana, "incoming"), "request")).toMatchObject({ name: "Ana" });
    }
    expect(await ben.entry(ana)).toMatchObject({ state: "incoming", name: "Ana" });
    const accepted = await ben.put(ana);
    expect(accepted.status, accepted.text).toBe(200);
    expect(parseEntry(accepted)).toMatchObject({ id: ana.id, state: "friend", name: "Ana" });
    await a.next(friendship(ben, "friend"), "acceptance");
    await b1.next(friendship(ana, "friend"), "acceptance, on the own device");
    await b2.next(friendship(ana, "friend"), "acceptance, on the other own device");
    expect(await ana.entry(ben)).toMatchObject({ state: "friend" });
  });

  test("[FRIEND1] the other side knows before the answer", async ({ world }) => {
    const ana = world.user("ana");
    const ben = world.user("ben");
    await ana.put(ben);
    expect((await ben.entry(ana))?.state).toBe("incoming");
    await ben.put(ana);
    expect((await ana.entry(ben))?.state).toBe("friend");
    await ana.unfriend(ben);
    expect(await ben.entry(ana)).toBeUndefined();
  });

  test("[FRIEND1] asking again changes nothing, whatever the state", async ({ world }) => {
    const ana = world.user("ana");
    const ben = world.user("ben");
    const b = await ben.connect();
    const first = parseEntry(await ana.put(ben));
    await b.next(friendship(ana, "incoming"), "request");
    for (let round = 0; round < 3; round += 1) {
      const again = await ana.put(ben);
      expect(again.status, again.text).toBe(200);
      expect(parseEntry(again)).toEqual(first);
    }
    await b.never(is("friendship"), "second notice of the same request");
    await ben.put(ana);
    await b.next(friendship(ana, "friend"), "acceptance");
    for (const [one, other] of [
      [ana, ben],
      [ben, ana],
    ] as const) {
      const again = await one.put(other);
      expect(again.status, again.text).toBe(200);
      expect(parseEntry(again)).toMatchObject({ id: other.id, state: "friend" });
    }
    await b.never(is("friendship"), "second notice of the same friendship");
  });

  test("[FRIEND2] requests that cross become a friendship", async ({ world }) => {
    for (let round = 0; round < 5; round += 1) {
      const ana = world.user(`ana${round}`);
      const ben = world.user(`ben${round}`);
      const answers = await Promise.all([ana.put(ben), ben.put(ana)]);
      for (const answer of answers) {
        expect([200, 201], answer.text).toContain(answer.status);
      }
      // The last word may still be on its way when both requests are answered.
      for (let tries = 0; (await ana.entry(ben))?.state !== "friend" && tries < 20; tries += 1) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect([(await ana.entry(ben))?.state, (await ben.entry(ana))?.state]).toEqual(["friend", "friend"]);
    }
  });

  test("[FRIEND3] declining, cancelling and unfriending leave nothing on either side", async ({ world }) => {
    for (const [who, accept] of [
      ["asked", false],
      ["asker", false],
      ["asked", true],
      ["asker", true],
    ] as const) {
      const ana = world.user(`ana.${who}${accept}`);
      const ben = world.user(`ben.${who}${accept}`);
      const a = await ana.connect();
      const b = await ben.connect();
      await ana.put(ben);
      if (accept) {
        await ben.put(ana);
      }
      await (who === "asked" ? ben.unfriend(ana) : ana.unfriend(ben));
      await Promise.all([
        a.next(friendship(ben, "removed"), `removal (${who}, ${accept})`),
        b.next(friendship(ana, "removed"), `removal (${who}, ${accept})`),
      ]);
      expect([await ana.friends(), await ben.friends()]).toEqual([[], []]);
    }
  });

  test("[FRIEND3] removing somebody who is no friend is fine and tells nobody", async ({ world }) => {
    const ana = world.user("ana");
    const ben = world.user("ben");
    const b = await ben.connect();
    await b.welcome();
    await ana.unfriend(ben);
    await ana.unfriend(ben);
    await b.never(() => true, "frame about a friendship that never was");
  });

  test("[FRIEND3] after a removal a new request is a new request", async ({ world }) => {
    const [ana, ben] = await world.friends();
    await ben.unfriend(ana);
    const asked = await ana.put(ben);
    expect(asked.status, asked.text).toBe(201);
    expect(parseEntry(asked).state).toBe("outgoing");
    expect((await ben.entry(ana))?.state).toBe("incoming");
    expect(parseEntry(await ben.put(ana)).state).toBe("friend");
    const a = await ana.appear(HOME);
    await ben.appear(HOME);
    await a.next(shows(ben.id), "the friend, once more");
  });

  test("[DOWN6] a new friend who is near appears on both sides without being asked for", async ({ world }) => {
    const ana = world.user("ana");
    const ben = world.user("ben");
    await ben.patchMe({ name: "Ben" });
    const a = await ana.appear(HOME);
    const there = offset(HOME, { northM: 250 });
    const b = await ben.appear(there);
    await ana.put(ben);
    await ben.put(ana);
    await a.next(friendship(ben, "friend"), "friendship");
    const shown = await a.next(shows(ben.id), "the new friend");
    expect(shown.friend).toMatchObject({ ...there, name: "Ben" });
    await b.next(shows(ana.id), "the new friend");
  });

  test("[DOWN6] a new friend who is far away does not appear", async ({ world }) => {
    const ana = world.user("ana");
    const ben = world.user("ben");
    const a = await ana.appear(HOME);
    const b = await ben.appear(offset(HOME, { northM: 20_000 }));
    await world.befriend(ana, ben);
    await a.next(friendship(ben, "friend"), "friendship");
    await a.never(speaksOf(ben.id), "news of a new friend out of reach");
    b.move(offset(HOME, { northM: 2_000 }));
    await a.next(shows(ben.id), "arrival");
  });

  test("[FRIEND4] the list is filtered by state and read in pages", async ({ world }) => {
    const ana = world.user("ana");
    const all = [0, 1, 2, 3, 4, 5, 6].map((n) => world.user(`f${n}`));
    for (const [n, friend] of all.entries()) {
      await (n % 3 === 2 ? friend.put(ana) : ana.put(friend));
      if (n % 3 === 0) {
        await friend.put(ana);
      }
    }
    const ids = (people: { id: string }[]): string[] => people.map((person) => person.id).toSorted();
    const expected = { friend: [0, 3, 6], outgoing: [1, 4], incoming: [2, 5] };
    for (const [state, numbers] of Object.entries(expected)) {
      const listed = await ana.friends(`state=${state}`);
      expect(ids(listed)).toEqual(ids(all.filter((_, n) => numbers.includes(n))));
      expect(listed.every((entry) => entry.state === state)).toBe(true);
    }
    for (const limit of [1, 2, 6, 7, 8, 1000]) {
      const listed = await ana.friends(`limit=${limit}`);
      expect(ids(listed), `limit ${limit}`).toEqual(ids(all));
    }
    const before = Date.now();
    for (const entry of await ana.friends()) {
      expect(Math.abs(entry.since - before)).toBeLessThan(60_000);
    }
  });

  test("[FRIEND4] a bad state, limit or cursor is refused", async ({ world }) => {
    const ana = world.user("ana");
    const queries = ["state=enemy", "state=", "limit=0", "limit=-1", "limit=abc", "limit=1001", "limit=1.5", "limit="];
    for (const query of [...queries, "cursor=%00", "cursor=nonsense!", `cursor=${"x".repeat(500)}`]) {
      expectProblem(await ana.api("GET", `/v1/friends?${query}`), 400, "bad_request");
    }
  });

  test("[FRIEND5] nobody can be their own friend", async ({ world }) => {
    const ana = world.user("ana");
    expectProblem(await ana.put(ana), 400, "bad_request");
    expect(await ana.friends()).toEqual([]);
  });

  test("[FRIEND5] ids of 64 characters are fine, of 65 and of other characters not", async ({ world }) => {
    const ana = world.user("ana");
    const base = `${world.unique}.${"x".repeat(53 - world.unique.length)}`;
    for (const good of [`${base}${"x".repeat(9)}`, `${base}${"x".repeat(10)}`, `a@b.c:${world.unique}_-`]) {
      const answer = await ana.put(good);
      expect(answer.status, `${good.length} ${answer.text}`).toBe(201);
      expect(parseEntry(answer).id).toBe(good);
    }
    for (const bad of [`${base}${"x".repeat(11)}`, "a b", "a/b", "é", "a%", "<b>", "a\u0000b", "日本", "a,b"]) {
      expectProblem(await ana.put(bad), 400, "bad_request");
      expectProblem(await ana.api("DELETE", friendPath(bad)), 400, "bad_request");
    }
  });

  test("[FRIEND6] ninety-nine and a hundred requests may wait for others, one more is pending_limit", async ({
    world,
  }) => {
    const ana = world.user("ana");
    const token = await ana.token();
    const ask = (n: number) => request(world.target, "PUT", `/v1/friends/${world.unique}.p${n}`, { token });
    for (let n = 1; n <= PENDING_OUT_MAX; n += 1) {
      const answer = await ask(n);
      expect(answer.status, `request ${n}: ${answer.text}`).toBe(201);
    }
    expectProblem(await ask(PENDING_OUT_MAX + 1), 409, "pending_limit");
    const pending = await ana.friends("state=outgoing&limit=1000");
    expect(pending).toHaveLength(PENDING_OUT_MAX);
    // Asking again is no new request; and whoever asked them first can always be accepted.
    expect((await ask(5)).status).toBe(200);
    const ben = world.user("ben");
    await ben.put(ana);
    expect(parseEntry(await ana.put(ben)).state).toBe("friend");
    await ana.unfriend(`${world.unique}.p7`);
    expect((await ask(PENDING_OUT_MAX + 2)).status).toBe(201);
  });

  test(
    "[FRIEND6] two hundred requests may wait for one user, one more is pending_limit",
    { timeout: 40_000 },
    async ({ world }) => {
      const ana = world.user("ana");
      const ask = (n: number) => world.user(`q${n}`).put(ana);
      for (let n = 1; n <= PENDING_IN_MAX; n += 20) {
        const answers = await Promise.all(Array.from({ length: 20 }, (_, k) => ask(n + k)));
        expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 20 }, () => 201));
      }
      expectProblem(await ask(PENDING_IN_MAX + 1), 409, "pending_limit");
      expect(await ana.friends("state=incoming&limit=1000")).toHaveLength(PENDING_IN_MAX);
    },
  );
});
