/** `PATCH /v1/friends/{id}`: bodies of every shape, before any user's object hears of them. */
import { describe, expect, test } from "vitest";

import { BODY_MAX_BYTES } from "../../src/api/body.ts";
import { call, expectOk, expectPointers, expectProblem, someone } from "./api-calls.ts";
import type { Call } from "./api-calls.ts";
import { ENTRY, obedient } from "./obedient.ts";

const JSON_TYPE = { "content-type": "application/json" };

describe("PATCH /v1/friends/{id}", () => {
  const patch = (more: Call): Promise<Response> => call("PATCH /v1/friends/bob", { as: "ann", ...more });

  test.each([
    [{ visibility: "exact" }],
    [{ visibility: "coarse", muted: false }],
    [{ visibility: "hidden" }],
    [{ visibility: null, muted: null }],
    [{ muted: true }],
    [{}],
  ])("%j goes to the object as it is: absent is not null", async (json) => {
    const { env, object } = obedient();
    expect(await expectOk(await patch({ env, json }))).toEqual(ENTRY);
    expect(object.patchFriend.mock.calls).toEqual([[expect.objectContaining({ user: "ann" }), "bob", json]]);
  });

  test.each<[unknown, string[]]>([
    [{ visibility: "blurred" }, ["#/visibility"]],
    [{ visibility: "EXACT" }, ["#/visibility"]],
    [{ visibility: "" }, ["#/visibility"]],
    [{ visibility: "exact " }, ["#/visibility"]],
    [{ visibility: ["exact"] }, ["#/visibility"]],
    [{ visibility: { exact: true } }, ["#/visibility"]],
    [{ visibility: 0 }, ["#/visibility"]],
    [{ visibility: "toString" }, ["#/visibility"]],
    [{ muted: "false" }, ["#/muted"]],
    [{ muted: 0 }, ["#/muted"]],
    [{ muted: [] }, ["#/muted"]],
    [{ muted: 1, visibility: 1 }, ["#/visibility", "#/muted"]],
    [{ Visibility: "exact" }, ["#/Visibility"]],
    [{ visibility: "exact", state: "friend" }, ["#/state"]],
    [{ muted: true, user: "bob" }, ["#/user"]],
    [{ muted: true, id: "eve" }, ["#/id"]],
    [{ toString: 1 }, ["#/toString"]],
    [{ "": 1 }, ["#/"]],
    [{ "a/b~c é": 1 }, ["#/a~1b~0c%20%C3%A9"]],
  ])("%j is refused", async (json, pointers) => {
    const { env, getByName } = obedient();
    expect((await expectPointers(await patch({ env, json }))).toSorted()).toEqual(pointers.toSorted());
    expect(getByName).not.toHaveBeenCalled();
  });

  test("__proto__ is a field like any other that is unknown", async () => {
    const { env, getByName } = obedient();
    const body = '{"__proto__":{"muted":true}}';
    expect(await expectPointers(await patch({ env, body, headers: JSON_TYPE }))).toEqual(["#/__proto__"]);
    expect(getByName).not.toHaveBeenCalled();
  });

  const notObjects = [
    ..."{ {}x [] [{}] 7 null true NaN muted=true \u0000".split(" "),
    "",
    " ",
    '"x"',
    "{'muted':true}",
    '{"muted":true,}',
    "[".repeat(60_000),
    '{"a":'.repeat(10_000),
  ];

  test.each(notObjects.map((body) => [body.slice(0, 20), body]))("%j is no JSON object", async (_start, body) => {
    const { env, getByName } = obedient();
    await expectProblem(await patch({ env, body, headers: JSON_TYPE }), 400, "bad_request");
    expect(getByName).not.toHaveBeenCalled();
  });

  test.each([
    ["an unknown field", "deep", "#/deep"],
    ["a known field", "visibility", "#/visibility"],
  ])("JSON that is deep, in %s, is refused like any other value", async (_where, field, pointer) => {
    const { env, getByName } = obedient();
    const depth = 15_000;
    const body = `{"${field}":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    expect(await expectPointers(await patch({ env, body, headers: JSON_TYPE }))).toEqual([pointer]);
    expect(getByName).not.toHaveBeenCalled();
  });

  test("text that is not UTF-8 is refused, a byte-order mark is not", async () => {
    const { env, called } = obedient();
    const bytes = (...parts: (string | number)[]): Uint8Array<ArrayBuffer> =>
      new Uint8Array(
        parts.flatMap((part) => (typeof part === "number" ? [part] : [...new TextEncoder().encode(part)])),
      );
    const bad = [bytes('{"muted":true', 0xff, "}"), bytes(0xff, 0xfe, "{}"), bytes('{"', 0xed, 0xa0, 0x80, '":1}')];
    for (const body of bad) await expectProblem(await patch({ env, body, headers: JSON_TYPE }), 400, "bad_request");
    expect(called()).toEqual([]);
    const body = bytes(0xef, 0xbb, 0xbf, '{"muted":true}');
    await expectOk(await patch({ env, body, headers: JSON_TYPE }));
  });

  test.each([
    ["application/json", 200],
    ["application/json;charset=utf-8", 200],
    ["APPLICATION/MERGE-PATCH+JSON", 200],
    ["text/json", 415],
    ["text/plain", 415],
    ["application/jsonp", 415],
    ["application/json, text/plain", 415],
    ["application/json-patch+json", 415],
    ["application/x-www-form-urlencoded", 415],
    ["multipart/form-data; boundary=x", 415],
    ["", 415],
  ])("content type %j", async (type, status) => {
    const { env, called } = obedient();
    const response = await patch({ env, body: '{"muted":true}', headers: { "content-type": type } });
    if (status === 200) await expectOk(response);
    else await expectProblem(response, 415, "wrong_type");
    expect(called()).toEqual(status === 200 ? ["patchFriend"] : []);
  });

  test("no body at all is no patch", async () => {
    const { env, getByName } = obedient();
    await expectProblem(await patch({ env }), 415, "wrong_type");
    await expectProblem(await patch({ env, headers: JSON_TYPE }), 400, "bad_request");
    expect(getByName).not.toHaveBeenCalled();
  });

  test("64 KiB are read, a byte more is 413", async () => {
    const { env, called } = obedient();
    const full = '{"muted":true}'.padEnd(BODY_MAX_BYTES, " ");
    await expectOk(await patch({ env, body: full, headers: JSON_TYPE }));
    await expectProblem(await patch({ env, body: `${full} `, headers: JSON_TYPE }), 413, "too_large");
    expect(called()).toEqual(["patchFriend"]);
  });

  test("[FRIEND7] somebody who is no friend, or the caller, is 404; a real object says so", async () => {
    const [ann, bob] = [someone(), someone()];
    for (const id of [bob, ann]) {
      const response = await call(`PATCH /v1/friends/${id}`, { as: ann, json: { visibility: "hidden" } });
      await expectProblem(response, 404, "not_found");
    }
    await call(`PUT /v1/friends/${bob}`, { as: ann });
    await expectProblem(await call(`PATCH /v1/friends/${ann}`, { as: bob, json: { muted: true } }), 404, "not_found");
    await call(`PUT /v1/friends/${ann}`, { as: bob });
    const json = { visibility: "coarse", muted: true };
    expect(await expectOk(await call(`PATCH /v1/friends/${bob}`, { as: ann, json }))).toMatchObject({
      id: bob,
      ...json,
    });
    // Each side has settings of its own, and sees no others.
    const theirs = await expectOk(await call("GET /v1/friends", { as: bob }));
    expect(theirs).toMatchObject({ friends: [{ id: ann, visibility: "exact", muted: false }] });
  });
});
