import { randomBytes } from "node:crypto";
import * as v from "valibot";
import { describe, expect } from "vitest";
import type { Answer, User } from "./helpers.ts";
import { expectProblem, parseEntry, request, test } from "./helpers.ts";
import { is, shows } from "./frames.ts";
import { HOME, offset } from "./places.ts";

/** Of the contract: open invites of one user, people who may accept one, and how long it lives at most. */
const INVITES_MAX = 50;
const USES_MAX = 100;
const WEEK_MINUTES = 7 * 24 * 60;
const MINUTE_MS = 60_000;

const invite = v.looseObject({
  code: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{40,150}$/)),
  url: v.pipe(v.string(), v.url()),
  expiresAt: v.pipe(v.number(), v.safeInteger()),
  uses: v.pipe(v.number(), v.safeInteger()),
});
const inviteList = v.looseObject({
  invites: v.array(v.looseObject({ ...invite.entries, used: v.pipe(v.number(), v.safeInteger()) })),
});

type Invite = v.InferOutput<typeof invite>;

async function makeInvite(owner: User, wish: unknown = {}): Promise<Invite> {
  const answer = await owner.api("POST", "/v1/invites", wish);
  expect(answer.status, answer.text).toBe(201);
  return v.parse(invite, answer.body);
}

async function listInvites(owner: User): Promise<v.InferOutput<typeof inviteList>["invites"]> {
  const answer = await owner.api("GET", "/v1/invites");
  expect(answer.status, answer.text).toBe(200);
  return v.parse(inviteList, answer.body).invites;
}

function accept(user: User, code: string): Promise<Answer> {
  return user.api("POST", `/v1/invites/${code}`);
}

describe("invites", { concurrent: true, timeout: 20_000 }, () => {
  test("[INV1] a link has a code, a page at this server and an end", async ({ world }) => {
    const ana = world.user("ana");
    const before = Date.now();
    const plain = await makeInvite(ana);
    expect(plain.url).toBe(`${world.target.url}/i/${plain.code}`);
    expect(plain.uses).toBe(1);
    expect(Math.abs(plain.expiresAt - before - WEEK_MINUTES * MINUTE_MS)).toBeLessThan(MINUTE_MS);
    const short = await makeInvite(ana, { uses: USES_MAX, minutes: 1 });
    expect(short.uses).toBe(USES_MAX);
    expect(Math.abs(short.expiresAt - before - MINUTE_MS)).toBeLessThan(MINUTE_MS / 2);
    expect(short.code).not.toBe(plain.code);
    const bare = await request(world.target, "POST", "/v1/invites", { token: await ana.token() });
    expect(bare.status, bare.text).toBe(201);
  });

  test("[INV1] bad wishes are refused and make nothing", async ({ world }) => {
    const ana = world.user("ana");
    for (const [wish, pointer] of [
      [{ uses: 0 }, "#/uses"],
      [{ uses: USES_MAX + 1 }, "#/uses"],
      [{ uses: "1" }, "#/uses"],
      [{ minutes: 0 }, "#/minutes"],
      [{ minutes: WEEK_MINUTES + 1 }, "#/minutes"],
      [{ minutes: 1.5 }, "#/minutes"],
      [{ minutes: null }, "#/minutes"],
      [{ hours: 1 }, "#/hours"],
    ] as const) {
      const problem = expectProblem(await ana.api("POST", "/v1/invites", wish), 400, "bad_request");
      expect(problem.errors?.map((error) => error.pointer)).toEqual([pointer]);
    }
    expectProblem(await ana.api("POST", "/v1/invites", "[]"), 400, "bad_request");
    expect(await listInvites(ana)).toEqual([]);
  });

  test("[INV2] fifty invites may be open, and room is made by withdrawing one", async ({ world }) => {
    const ana = world.user("ana");
    const token = await ana.token();
    const make = () => request(world.target, "POST", "/v1/invites", { token, body: {} });
    const answers = await Promise.all(Array.from({ length: INVITES_MAX - 1 }, make));
    expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: INVITES_MAX - 1 }, () => 201));
    const last = await make();
    expect(last.status, last.text).toBe(201);
    expectProblem(await make(), 409, "invite_limit");
    const open = await listInvites(ana);
    expect(new Set(open.map((one) => one.code)).size).toBe(INVITES_MAX);
    expect((await ana.api("DELETE", `/v1/invites/${open[7]?.code}`)).status).toBe(204);
    expect((await make()).status).toBe(201);
    expectProblem(await make(), 409, "invite_limit");
  });

  test("[INV3] the list shows open invites and their uses to their owner only", async ({ world }) => {
    const [ana, ben, cleo] = [world.user("ana"), world.user("ben"), world.user("cleo")];
    const group = await makeInvite(ana, { uses: 3 });
    const single = await makeInvite(ana);
    await accept(ben, group.code);
    await accept(cleo, single.code);
    expect(await listInvites(ana)).toEqual([{ ...group, used: 1 }]);
    expect(await listInvites(ben)).toEqual([]);
  });

  test("[INV4] one tap makes two friends, and who is near appears without being asked for", async ({ world }) => {
    const [ana, ben] = [world.user("ana"), world.user("ben")];
    await ana.patchMe({ name: "Ana" });
    const a = await ana.appear(HOME);
    const b = await ben.appear(offset(HOME, { northM: 300 }));
    const { code } = await makeInvite(ana);
    const accepted = await accept(ben, code);
    expect(accepted.status, accepted.text).toBe(200);
    expect(parseEntry(accepted)).toMatchObject({ id: ana.id, name: "Ana", state: "friend", visibility: "exact" });
    await a.next(
      is("friendship", (frame) => frame.id === ben.id && frame.state === "friend"),
      "the friendship",
    );
    await a.until((view) => view.has(ben.id), "the new friend");
    await b.until((view) => view.has(ana.id), "the new friend");
    expect((await ana.entry(ben))?.state).toBe("friend");
    expect(a.frames.some(shows(ben.id))).toBe(true);
  });

  test("[INV4] tapping twice is the same once, for as long as they are friends", async ({ world }) => {
    const [ana, ben, cleo] = [world.user("ana"), world.user("ben"), world.user("cleo")];
    const { code } = await makeInvite(ana, { uses: 2 });
    const first = parseEntry(await accept(ben, code));
    for (let round = 0; round < 2; round += 1) expect(parseEntry(await accept(ben, code))).toEqual(first);
    expect((await listInvites(ana))[0]?.used).toBe(1);
    expect((await accept(cleo, code)).status).toBe(200);
    const again = await accept(ben, code);
    expect(again.status, again.text).toBe(200);
    expect(await ana.friends("state=friend")).toHaveLength(2);
  });

  test("[INV4] a request that waits either way becomes the friendship", async ({ world }) => {
    const [ana, ben, cleo] = [world.user("ana"), world.user("ben"), world.user("cleo")];
    const { code } = await makeInvite(ana, { uses: 2 });
    await ana.put(ben);
    await cleo.put(ana);
    for (const user of [ben, cleo]) {
      expect(parseEntry(await accept(user, code))).toMatchObject({ id: ana.id, state: "friend" });
    }
    expect((await ana.friends("state=friend")).map(({ id }) => id).toSorted()).toEqual([ben.id, cleo.id].toSorted());
  });

  test("[INV4] of many who tap at once, as many become friends as there were uses", async ({ world }) => {
    const ana = world.user("ana");
    const { code } = await makeInvite(ana, { uses: 3 });
    const many = Array.from({ length: 10 }, (_, n) => world.user(`p${n}`));
    const answers = await Promise.all(many.map((user) => accept(user, code)));
    const late = answers.filter((answer) => answer.status !== 200);
    expect(late).toHaveLength(7);
    for (const answer of late) expectProblem(answer, 404, "not_found");
    expect(await ana.friends()).toHaveLength(3);
    expect(await listInvites(ana)).toEqual([]);
  });

  test("[INV4] nobody can accept their own", async ({ world }) => {
    const ana = world.user("ana");
    const { code } = await makeInvite(ana);
    expectProblem(await accept(ana, code), 400, "bad_request");
    expect(await ana.friends()).toEqual([]);
    expect((await listInvites(ana))[0]?.used).toBe(0);
  });

  test("[INV5] a withdrawn invite works no more, what came of it stays", async ({ world }) => {
    const [ana, ben, cleo] = [world.user("ana"), world.user("ben"), world.user("cleo")];
    const { code } = await makeInvite(ana, { uses: 5 });
    await accept(ben, code);
    expectProblem(await ben.api("DELETE", `/v1/invites/${code}`), 404, "not_found");
    expect((await ana.api("DELETE", `/v1/invites/${code}`)).status).toBe(204);
    expectProblem(await ana.api("DELETE", `/v1/invites/${code}`), 404, "not_found");
    expectProblem(await accept(cleo, code), 404, "not_found");
    expect((await request(world.target, "GET", `/i/${code}`)).status).toBe(404);
    expect((await ana.entry(ben))?.state).toBe("friend");
    expect(await ana.entry(cleo)).toBeUndefined();
  });

  test("[INV6] a guess is 404, whatever it looks like", async ({ world }) => {
    const [ana, ben] = [world.user("ana"), world.user("ben")];
    const { code } = await makeInvite(ana);
    const share = await ana.api("POST", "/v1/shares", { minutes: 5 });
    const { code: shareCode } = v.parse(v.looseObject({ code: v.string() }), share.body);
    const flipped = (at: number): string => code.slice(0, at) + (code[at] === "A" ? "B" : "A") + code.slice(at + 1);
    const guesses = [
      shareCode,
      code.slice(1),
      code.slice(0, -1),
      `${code}A`,
      code.toLowerCase(),
      ...[0, 7, 16, 20, 30, code.length - 1].map(flipped),
      ...Array.from({ length: 20 }, (_, n) => randomBytes(34 + n).toString("base64url")),
      ana.id,
      encodeURIComponent("../me"),
      encodeURIComponent("😀"),
      "%00",
      "%ff",
    ];
    for (const guess of guesses) {
      expectProblem(await accept(ben, guess), 404, "not_found");
      expectProblem(await ana.api("DELETE", `/v1/invites/${guess}`), 404, "not_found");
      expect((await request(world.target, "GET", `/i/${guess}`)).status).toBe(404);
    }
    expect(await ana.friends()).toEqual([]);
    expect(await listInvites(ana)).toHaveLength(1);
  });

  test("[PAGE1] the page says who invites, and looking at it uses nothing up", async ({ world }) => {
    const [ana, ben] = [world.user("ana"), world.user("ben")];
    await ana.patchMe({ name: "Ana <i>&" });
    const { code } = await makeInvite(ana);
    for (let round = 0; round < 3; round += 1) {
      const page = await request(world.target, "GET", `/i/${code}`);
      expect(page.status, page.text).toBe(200);
      expect(page.headers.get("content-type")).toMatch(/^text\/html/);
      expect(page.text).toContain("Ana &lt;i&gt;&amp;");
      expect(page.text).not.toContain(ana.id);
    }
    expect((await accept(ben, code)).status).toBe(200);
    expect((await request(world.target, "GET", `/i/${code}`)).status).toBe(404);
  });

  test("[PAGE2] the page has the headers that keep it to itself", async ({ world }) => {
    const { code } = await makeInvite(world.user("ana"));
    for (const path of [`/i/${code}`, "/i/nothing", "/s/nothing"]) {
      const { headers } = await request(world.target, "GET", path);
      const policy = headers.get("content-security-policy") ?? "";
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe-(?:inline|eval)/);
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("strict-transport-security")).toMatch(/max-age=\d{7,}/);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("access-control-allow-origin")).toBeNull();
    }
  });
});
