import { describe, expect, test, vi } from "vitest";

import { HOUR_S, call, envWithObject, expectOk, expectPointers, expectProblem, someone, tokenOf } from "./api-calls.ts";

describe("/v1/me", () => {
  test("starts with what the token says", async () => {
    const ann = someone();
    const token = await tokenOf(ann, { name: "Ann" });
    expect(await expectOk(await call("GET /v1/me", { token }))).toEqual({
      user: ann,
      name: "Ann",
      sharing: true,
      discoverable: false,
    });
    const bob = someone();
    expect(await expectOk(await call("GET /v1/me", { as: bob }))).toEqual({
      user: bob,
      sharing: true,
      discoverable: false,
    });
  });

  test("a patch changes what it names, null clears", async () => {
    const ann = someone();
    const patch = (json: unknown): Promise<unknown> => call("PATCH /v1/me", { as: ann, json }).then(expectOk);
    const avatar = "https://img.example/ann.png";
    const full = { user: ann, name: "Ann Müller 🦊", avatar, sharing: false, discoverable: false };
    expect(await patch({ name: "  Ann Müller 🦊 ", avatar, sharing: false })).toEqual(full);
    expect(await patch({})).toEqual(full);
    expect(await patch({ name: null })).toEqual({ user: ann, avatar, sharing: false, discoverable: false });
    expect(await patch({ avatar: null, sharing: null })).toEqual({ user: ann, sharing: true, discoverable: false });
    expect(await expectOk(await call("GET /v1/me", { as: ann }))).toEqual({
      user: ann,
      sharing: true,
      discoverable: false,
    });
  });

  test("names have 1 to 100 characters, avatars at most 500", async () => {
    const ann = someone();
    const patch = (json: unknown): Promise<Response> => call("PATCH /v1/me", { as: ann, json });
    const url = "https://img.example/";
    for (const name of ["x", "x".repeat(99), "x".repeat(100), "🦊".repeat(100)]) {
      expect(await expectOk(await patch({ name }))).toMatchObject({ name });
    }
    for (const name of ["", "   ", "x".repeat(101), "🦊".repeat(101)]) {
      expect(await expectPointers(await patch({ name }))).toEqual(["#/name"]);
    }
    for (const length of [499, 500]) {
      expect((await patch({ avatar: url.padEnd(length, "a") })).status).toBe(200);
    }
    expect(await expectPointers(await patch({ avatar: url.padEnd(501, "a") }))).toEqual(["#/avatar"]);
  });

  test.each<[unknown, string[]]>([
    [{ name: 7 }, ["#/name"]],
    [{ name: "a\u0007b" }, ["#/name"]],
    [{ name: "a\nb" }, ["#/name"]],
    [{ name: "\ud800" }, ["#/name"]],
    [{ name: ["Ann"] }, ["#/name"]],
    [{ avatar: "http://img.example/a.png" }, ["#/avatar"]],
    [{ avatar: "javascript:alert(1)" }, ["#/avatar"]],
    [{ avatar: {} }, ["#/avatar"]],
    [{ sharing: "false" }, ["#/sharing"]],
    [{ sharing: 0 }, ["#/sharing"]],
    [{ name: 7, sharing: 7 }, ["#/name", "#/sharing"]],
    [{ nmae: "Ann" }, ["#/nmae"]],
    [{ user: "bob" }, ["#/user"]],
    [{ "a/b~c é": 1 }, ["#/a~1b~0c%20%C3%A9"]],
    [{ toString: 1 }, ["#/toString"]],
    [{ ["x".repeat(1000)]: 1 }, [`#/${"x".repeat(64)}`]],
  ])("%.40j is refused and changes nothing", async (json, pointers) => {
    const ann = someone();
    await expectOk(await call("PATCH /v1/me", { as: ann, json: { name: "Ann", sharing: false } }));
    expect(await expectPointers(await call("PATCH /v1/me", { as: ann, json }))).toEqual(pointers);
    expect(await expectOk(await call("GET /v1/me", { as: ann }))).toEqual({
      user: ann,
      name: "Ann",
      sharing: false,
      discoverable: false,
    });
  });

  test("__proto__ is a field like any other that is unknown", async () => {
    const body = '{"__proto__":{"name":"x"}}';
    const response = await call("PATCH /v1/me", {
      as: someone(),
      body,
      headers: { "content-type": "application/json" },
    });
    expect(await expectPointers(response)).toEqual(["#/__proto__"]);
  });
});

describe("/v1/friends", () => {
  interface Page {
    readonly friends: readonly { id: string; state: string }[];
    readonly next?: string;
  }

  async function list(user: string, query = ""): Promise<Page> {
    return (await expectOk(await call(`GET /v1/friends${query}`, { as: user }))) as Page;
  }

  test("asking is 201, asking again and accepting are 200", async () => {
    const [ann, bob] = [someone(), someone()];
    expect(await list(ann)).toEqual({ friends: [] });

    const asked = await expectOk(await call(`PUT /v1/friends/${bob}`, { as: ann }), 201);
    const entry = { id: bob, state: "outgoing", since: expect.any(Number), visibility: "exact", muted: false };
    expect(asked).toEqual(entry);
    expect(await expectOk(await call(`PUT /v1/friends/${bob}`, { as: ann }), 200)).toEqual(asked);
    expect(await list(bob)).toMatchObject({ friends: [{ id: ann, state: "incoming" }] });

    const accepted = await expectOk(await call(`PUT /v1/friends/${ann}`, { as: bob }), 200);
    expect(accepted).toMatchObject({ id: ann, state: "friend" });
    expect(await list(bob)).toMatchObject({ friends: [{ id: ann, state: "friend" }] });
  });

  test("pages by limit and cursor, filters by state", async () => {
    const ann = someone();
    const asked = [someone(), someone(), someone()];
    for (const id of asked) await expectOk(await call(`PUT /v1/friends/${id}`, { as: ann }), 201);

    const first = await list(ann, "?limit=2&state=outgoing");
    expect(first.friends).toHaveLength(2);
    const second = await list(ann, `?limit=2&state=outgoing&cursor=${encodeURIComponent(first.next ?? "")}`);
    expect(second.next).toBeUndefined();
    expect([...first.friends, ...second.friends].map(({ id }) => id).toSorted()).toEqual(asked.toSorted());
    expect(await list(ann, "?state=friend")).toEqual({ friends: [] });
    expect((await list(ann, "?limit=1000")).friends).toHaveLength(3);
    expect((await list(ann, "?limit=1")).friends).toHaveLength(1);
  });

  test("asks for 100 unless told otherwise", async () => {
    const listFriends = vi.fn(() => Promise.resolve({ friends: [] }));
    const { env: fake } = envWithObject({ listFriends });
    await expectOk(await call("GET /v1/friends", { as: "ann", env: fake }));
    await expectOk(await call("GET /v1/friends?state=incoming&limit=7&cursor=a%20b", { as: "ann", env: fake }));
    expect(listFriends.mock.calls).toMatchObject([
      [{ user: "ann" }, { limit: 100 }],
      [{ user: "ann" }, { limit: 7, state: "incoming", cursor: "a b" }],
    ]);
  });

  test.each([
    "limit=0",
    "limit=1001",
    "limit=-1",
    "limit=1.5",
    "limit=1e2",
    "limit=",
    "limit=abc",
    "limit=%zz",
    "limit=%ff",
    "state=friends",
    "state=",
    "cursor=%ff%00",
    "cursor=not-a-cursor",
  ])("?%s is refused", async (query) => {
    await expectProblem(await call(`GET /v1/friends?${query}`, { as: someone() }), 400, "bad_request");
  });

  test("an id may be percent-encoded, once", async () => {
    const ann = someone();
    const entry = await expectOk(await call("PUT /v1/friends/bob%40example.org%3A1", { as: ann }), 201);
    expect(entry).toMatchObject({ id: "bob@example.org:1" });
    await expectOk(await call("PUT /v1/friends/bob@example.org:1", { as: ann }), 200);
    await expectOk(await call("PUT /v1/friends/%62ob@example.org:1", { as: ann }), 200);
    await expectProblem(await call("PUT /v1/friends/bob%2540example.org", { as: ann }), 400, "bad_request");
  });

  test.each([
    ["%", 400],
    ["%zz", 400],
    ["a%zz", 400],
    ["%ff", 400],
    ["%E0%A4%A", 400],
    ["%00", 400],
    ["a%2Fb", 400],
    ["a%20b", 400],
    ["a+b", 400],
    ["%C3%A9", 400],
    ["%252e", 400],
    ["x".repeat(65), 400],
    ["%2e%2e", 404],
    [".", 404],
    ["a/b", 404],
  ])("PUT and DELETE of %.30s", async (id, status) => {
    const ann = someone();
    for (const method of ["PUT", "DELETE"]) {
      const response = await call(`${method} /v1/friends/${id}`, { as: ann });
      // Dots are gone before the request leaves the client: what is left is another address.
      await expectProblem(response, status, status === 400 ? "bad_request" : "not_found");
    }
    expect(await list(ann)).toEqual({ friends: [] });
  });

  test("nobody befriends themselves", async () => {
    const ann = someone();
    await expectProblem(await call(`PUT /v1/friends/${ann}`, { as: ann }), 400, "bad_request");
    expect(await list(ann)).toEqual({ friends: [] });
  });

  test("unfriending is 204, also when there is nobody to unfriend", async () => {
    const [ann, bob] = [someone(), someone()];
    await expectOk(await call(`PUT /v1/friends/${bob}`, { as: ann }), 201);
    for (const status of [204, 204]) {
      const response = await call(`DELETE /v1/friends/${bob}`, { as: ann });
      expect(response.status).toBe(status);
      expect(await response.text()).toBe("");
    }
    expect(await list(ann)).toEqual({ friends: [] });
  });

  test.each(["friend_limit", "pending_limit"])("a full list is 409 %s", async (refused) => {
    const { env: fake } = envWithObject({ putFriend: () => Promise.resolve({ refused }) });
    await expectProblem(await call("PUT /v1/friends/bob", { as: "ann", env: fake }), 409, refused);
  });
});

describe("/v1/nearby", () => {
  test("is the message of the socket", async () => {
    const body = await expectOk(await call("GET /v1/nearby", { as: someone() }));
    expect(body).toEqual({ type: "nearby", friends: [] });
  });
});

describe("/v1/location", () => {
  const HERE = { lat: 52.52, lng: 13.405 };
  const post = (json: unknown, as = someone()): Promise<Response> => call("POST /v1/location", { as, json });
  const point = (more: object = {}): object => ({ ...HERE, ts: Date.now(), ...more });

  test("one point is live", async () => {
    expect(await expectOk(await post(point({ accuracy: 5, speed: null, extra: true })), 202)).toEqual({ live: true });
  });

  test("of several the newest counts", async () => {
    const hourAgo = Date.now() - 3_600_000;
    const old = point({ ts: hourAgo });
    expect(await expectOk(await post({ points: [old, point()] }), 202)).toEqual({ live: true });
    expect(await expectOk(await post({ points: [old] }), 202)).toEqual({ live: false });
  });

  test("the object gets checked points on 7 decimals", async () => {
    const report = vi.fn(() => Promise.resolve({ live: true }));
    const { env: fake } = envWithObject({ report });
    const json = { lat: 1.123456789, lng: -0, ts: 1_700_000_000_000, heading: null, color: "red" };
    await expectOk(await call("POST /v1/location", { as: "ann", env: fake, json }), 202);
    const fix = { lat: 1.1234568, lng: expect.closeTo(0), ts: 1_700_000_000_000 };
    expect(report.mock.calls).toEqual([[expect.objectContaining({ user: "ann" }), [fix]]]);
  });

  test.each<[object, string[]]>([
    [{ lat: 90.0001 }, ["#/lat"]],
    [{ lat: -90.0001 }, ["#/lat"]],
    [{ lng: 180.0001 }, ["#/lng"]],
    [{ lat: "52" }, ["#/lat"]],
    [{ lat: null }, ["#/lat"]],
    [{ lat: undefined, lng: undefined }, ["#/lat", "#/lng"]],
    [{ ts: 946_684_799_999 }, ["#/ts"]],
    [{ ts: 1.5 }, ["#/ts"]],
    [{ ts: Date.now() + 25 * HOUR_S * 1000 }, ["#/ts"]],
    [{ accuracy: -1 }, ["#/accuracy"]],
    [{ heading: 361 }, ["#/heading"]],
  ])("a point with %j is refused", async (more, pointers) => {
    expect(await expectPointers(await post(point(more)))).toEqual(pointers);
  });

  test("1e400 is infinite and refused", async () => {
    const headers = { "content-type": "application/json" };
    const body = `{"lat":1e400,"lng":0,"ts":${Date.now()}}`;
    const response = await call("POST /v1/location", { as: someone(), body, headers });
    expect(await expectPointers(response)).toEqual(["#/lat"]);
  });

  test("the bad ones of several are named, at most 20 of them", async () => {
    const response = await post({ points: [point(), point({ lat: 91 }), 7, point({ ts: Date.now() + 1e9 })] });
    expect(await expectPointers(response)).toEqual(["#/points/1/lat", "#/points/2"]);
    const ahead = await post({ points: [point(), point({ ts: Date.now() + 1e9 })] });
    expect(await expectPointers(ahead)).toEqual(["#/points/1/ts"]);
    const many = await post({ points: Array.from({ length: 100 }, () => ({})) });
    expect(await expectPointers(many)).toHaveLength(20);
  });

  test("1 to 100 points", async () => {
    const points = (count: number): object => ({ points: Array.from({ length: count }, () => point()) });
    for (const count of [1, 99, 100]) expect((await post(points(count))).status).toBe(202);
    for (const count of [0, 101]) expect(await expectPointers(await post(points(count)))).toEqual(["#/points"]);
    expect(await expectPointers(await post({ points: {} }))).toEqual(["#/points"]);
  });

  test("a position beyond the pace is taken, but not live", async () => {
    const { env: fake } = envWithObject({ report: () => Promise.resolve({ live: false }) });
    const answer = await call("POST /v1/location", { as: "ann", env: fake, json: point() });
    expect(await expectOk(answer, 202)).toEqual({ live: false });
  });

  test("a flood of requests is 429 and says when to come back", async () => {
    const report = () => Promise.resolve({ refused: "too_fast", retryAfterS: 4.2 });
    const { env: fake } = envWithObject({ report });
    const response = await call("POST /v1/location", { as: "ann", env: fake, json: point() });
    expect(response.headers.get("retry-after")).toBe("5");
    await expectProblem(response, 429, "rate_limited");
  });
});
