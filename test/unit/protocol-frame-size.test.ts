import fc from "fast-check";
import { expect, test } from "vitest";

import { frameBytes, isOversized } from "../../src/protocol/frame-size.ts";
import { FRAME_MAX_BYTES } from "../../src/protocol/limits.ts";

const encoder = new TextEncoder();

test("[FRAME3] the size of a text is that of its UTF-8 form, lone surrogates included", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat({ max: 0xffff }), fc.integer({ min: 0xd800, max: 0xdfff }))), (units) => {
      const text = String.fromCharCode(...units);
      expect(frameBytes(text)).toBe(encoder.encode(text).length);
    }),
    { numRuns: 1_000 },
  );
});

// One character each of 1, 2, 3 and 4 bytes, and a lone half, which is sent as the 3 bytes of U+FFFD.
test.each([
  ["a", 1],
  ["\u{e9}", 2],
  ["\u{20ac}", 3],
  ["\u{1f6b2}", 4],
  ["\u{d83d}", 3],
])("[FRAME3] %j: the limit and one byte either side", (character, bytes) => {
  const body = character.repeat(Math.floor((FRAME_MAX_BYTES - 10) / bytes));
  const fillTo = (size: number): string => body + "a".repeat(size - encoder.encode(body).length);
  for (const size of [FRAME_MAX_BYTES - 1, FRAME_MAX_BYTES]) expect(isOversized(fillTo(size))).toBe(false);
  expect(isOversized(fillTo(FRAME_MAX_BYTES + 1))).toBe(true);
});

test("[FRAME3] short and very long texts are decided by their length", () => {
  expect(isOversized("")).toBe(false);
  expect(isOversized("\u{20ac}".repeat(Math.floor(FRAME_MAX_BYTES / 3)))).toBe(false);
  expect(isOversized("a".repeat(1_000_000))).toBe(true);
});
