import { describe, expect } from "vitest";
import { expectProblem, request, test } from "./helpers.ts";

/** Of the protocol's limits. */
const NAME_MAX_CHARS = 100;
const AVATAR_MAX_CHARS = 500;

describe("GET and PATCH /v1/me", { concurrent: true, timeout: 15_000 }, () => {
  test("[ME1] a new user has an id and shares", async ({ world }) => {
    const ana = world.user("ana");
    const answer = await ana.api("GET", "/v1/me");
    expect(answer.status, answer.text).toBe(200);
    expect(answer.headers.get("content-type")).toMatch(/^application\/json\b/);
    expect(answer.body).toEqual({ user: ana.id, sharing: true, discoverable: false });
  });

  test("[ME1] name and picture of the token are the profile until it is changed", async ({ world }) => {
    const ana = world.user("ana");
    const token = await ana.token({ name: "Ana of the host app", picture: "https://example.com/a.png" });
    const answer = await request(world.target, "GET", "/v1/me", { token });
    expect(answer.body).toMatchObject({ name: "Ana of the host app", avatar: "https://example.com/a.png" });
    await request(world.target, "PATCH", "/v1/me", { token, body: { name: "Ana" } });
    const changed = await request(world.target, "GET", "/v1/me", { token });
    expect(changed.body).toMatchObject({ name: "Ana", avatar: "https://example.com/a.png" });
  });

  test("[ME2] it is a merge patch: what is absent stays, null clears, the answer is the profile", async ({ world }) => {
    const ana = world.user("ana");
    const avatar = "https://example.com/ana.png";
    const steps: [object, object][] = [
      [{ name: "Ana" }, { user: ana.id, name: "Ana", sharing: true, discoverable: false }],
      [{ avatar }, { user: ana.id, name: "Ana", avatar, sharing: true, discoverable: false }],
      [{ sharing: false }, { user: ana.id, name: "Ana", avatar, sharing: false, discoverable: false }],
      [{}, { user: ana.id, name: "Ana", avatar, sharing: false, discoverable: false }],
      [{ name: null }, { user: ana.id, avatar, sharing: false, discoverable: false }],
      [
        { sharing: null, avatar: null },
        { user: ana.id, sharing: true, discoverable: false },
      ],
      [
        { name: null, avatar: null },
        { user: ana.id, sharing: true, discoverable: false },
      ],
    ];
    for (const [patch, profile] of steps) {
      const answer = await ana.patchMe(patch);
      expect(answer.status, answer.text).toBe(200);
      expect(answer.body, JSON.stringify(patch)).toEqual(profile);
      expect((await ana.api("GET", "/v1/me")).body, JSON.stringify(patch)).toEqual(profile);
    }
  });

  test("[ME2] unknown and read-only fields are refused with a pointer, and nothing of the patch is applied", async ({
    world,
  }) => {
    const ana = world.user("ana");
    for (const [field, pointer] of [
      ["nickname", "#/nickname"],
      ["user", "#/user"],
      ["a/b~c", "#/a~1b~0c"],
      ["__proto__", "#/__proto__"],
    ] as const) {
      const answer = await ana.patchMe(`{"name":"Changed",${JSON.stringify(field)}:"x"}`);
      const problem = expectProblem(answer, 400, "bad_request");
      expect(
        problem.errors?.map((error) => decodeURIComponent(error.pointer)),
        answer.text,
      ).toContain(pointer);
    }
    expect((await ana.api("GET", "/v1/me")).body).toEqual({ user: ana.id, sharing: true, discoverable: false });
  });

  test("[ME6] discoverable is true or false; null is false again, anything else is refused", async ({ world }) => {
    const ana = world.user("ana");
    for (const [wish, discoverable] of [
      [true, true],
      [null, false],
      [true, true],
      [false, false],
    ] as const) {
      expect((await ana.patchMe({ discoverable: wish })).body).toMatchObject({ discoverable });
      expect((await ana.api("GET", "/v1/me")).body).toMatchObject({ discoverable });
    }
    for (const discoverable of ["yes", 1, [], {}]) {
      const problem = expectProblem(await ana.patchMe({ discoverable }), 400, "bad_request");
      expect(problem.errors?.map(({ pointer }) => pointer)).toEqual(["#/discoverable"]);
    }
  });

  test("[ME3] a name has 1 to 100 characters of one line", async ({ world }) => {
    const ana = world.user("ana");
    const good = [
      "A",
      "n".repeat(NAME_MAX_CHARS - 1),
      "n".repeat(NAME_MAX_CHARS),
      "日本 😀",
      "O'Neil <b>",
      "😀".repeat(NAME_MAX_CHARS),
    ];
    for (const name of good) {
      const answer = await ana.patchMe({ name });
      expect(answer.status, `${name.length} ${answer.text}`).toBe(200);
      expect(answer.body).toMatchObject({ name });
    }
    for (const name of ["", " ", "n".repeat(NAME_MAX_CHARS + 1), "a\nb", "a\u0000", "\u001b[31m", 5, true, [], {}]) {
      const problem = expectProblem(await ana.patchMe({ name }), 400, "bad_request");
      expect(problem.errors?.map((error) => error.pointer)).toEqual(["#/name"]);
    }
    expect((await ana.api("GET", "/v1/me")).body).toMatchObject({ name: good[good.length - 1] });
  });

  test("[ME3] an avatar is an https address of at most 500 characters", async ({ world }) => {
    const ana = world.user("ana");
    const ofLength = (chars: number): string => "https://example.com/".padEnd(chars, "a");
    for (const avatar of [
      "https://example.com/a.png?x=1#y",
      ofLength(AVATAR_MAX_CHARS - 1),
      ofLength(AVATAR_MAX_CHARS),
    ]) {
      const answer = await ana.patchMe({ avatar });
      expect(answer.status, answer.text).toBe(200);
      expect(answer.body).toMatchObject({ avatar });
    }
    for (const avatar of [
      ofLength(AVATAR_MAX_CHARS + 1),
      "",
      "http://example.com/a.png",
      "javascript:alert(1)",
      "data:image/png;base64,AAAA",
      "//example.com/a.png",
      "a.png",
      "https://",
      'https://example.com/"onerror="x',
      5,
      {},
    ]) {
      const problem = expectProblem(await ana.patchMe({ avatar }), 400, "bad_request");
      expect(problem.errors?.map((error) => error.pointer)).toEqual(["#/avatar"]);
    }
  });

  test("[ME3] sharing is true, false or null", async ({ world }) => {
    const ana = world.user("ana");
    for (const sharing of ["false", 0, 1, "", []]) {
      const problem = expectProblem(await ana.patchMe({ sharing }), 400, "bad_request");
      expect(problem.errors?.map((error) => error.pointer)).toEqual(["#/sharing"]);
    }
    expect((await ana.api("GET", "/v1/me")).body).toMatchObject({ sharing: true });
  });
});
