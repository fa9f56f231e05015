import fc from "fast-check";
import { expect, test } from "vitest";

import { USER_ID_MAX_CHARS } from "../../src/protocol/limits.ts";
import { isUserId } from "../../src/protocol/user-id.ts";

test("1, 63 and 64 characters are an id, 0 and 65 are none", () => {
  for (const chars of [1, USER_ID_MAX_CHARS - 1, USER_ID_MAX_CHARS]) expect(isUserId("x".repeat(chars))).toBe(true);
  for (const chars of [0, USER_ID_MAX_CHARS + 1]) expect(isUserId("x".repeat(chars))).toBe(false);
});

test("every character of the list stands anywhere, no other does", () => {
  const listed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_:@-.";
  for (let code = 0; code < 0x250; code += 1) {
    const character = String.fromCharCode(code);
    expect([character, isUserId(`a${character}b`)]).toEqual([character, listed.includes(character)]);
  }
});

test(". and .. are no ids, longer dots are", () => {
  expect([".", "..", "...", ".a", "a.", "..a"].map((id) => isUserId(id))).toEqual([
    false,
    false,
    true,
    true,
    true,
    true,
  ]);
});

test("line ends do not slip behind the last character", () => {
  for (const end of ["\n", "\r", "\r\n", "\u2028", "\0", " "]) expect(isUserId(`ann${end}`)).toBe(false);
});

test("an id stands in a URL path as it is", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 70 }), (text) => {
      fc.pre(isUserId(text));
      expect(new URL(`http://host/v1/friends/${text}`).pathname).toBe(`/v1/friends/${text}`);
    }),
  );
});
