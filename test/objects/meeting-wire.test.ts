/** What objects say in a meeting, and what is left out of it because the other side has it. */
import { describe, expect, test } from "vitest";
import fc from "fast-check";

import { friendOf, movedFrame } from "../../durable-objects/user/friend-frame.ts";
import { Tellings } from "../../durable-objects/user/tellings.ts";
import { decodeReply, decodeSighting, encodeSighting, SAME, WireError } from "../../durable-objects/user/wire.ts";
import type { Card } from "../../durable-objects/user/words.ts";
import { COARSE_ERROR_M } from "../../src/geo/coarse.ts";
import type { Sighting } from "../../src/nearby/sighting.ts";
import { encodeDown } from "../../src/protocol/down.ts";
import { USER_ID_MAX_CHARS } from "../../src/protocol/limits.ts";

const NOW_MS = 1_790_000_000_000;
const sighting = (rev: number, errorM = 0): Sighting => {
  return { rev, lat: 37.7749, lng: -122.4194, ts: NOW_MS, activeUntil: NOW_MS + 600_000, errorM };
};
const active = (told: Sighting) => ({ kind: "active", sighting: told }) as const;

describe("what is told once", () => {
  const told = (card: Card = {}, forgottenRev = 0) => {
    let shown = card;
    const tellings = new Tellings(() => shown, forgottenRev);
    return { tellings, rename: (name: string) => (shown = { name }) };
  };

  test("whoever holds the sighting is told that it is the same; everybody else is told all of it", () => {
    const { tellings } = told({ name: "Ann" });
    const mine = sighting(10);
    expect(tellings.answer(active(mine), 10)).toBe(SAME);
    for (const held of [0, 9, 11]) {
      const text = tellings.answer(active(mine), held);
      expect(decodeReply(text, null)).toEqual({ answer: active(mine), card: { name: "Ann" } });
    }
    expect(tellings.answer({ kind: "unsure", rev: 10 }, 10)).toBe('["unsure",10]');
  });

  test("a new name is told to everybody until the next position, also to who holds that one", () => {
    const { tellings, rename } = told({ name: "Ann" });
    const mine = sighting(10);
    expect(tellings.answer(active(mine), 10)).toBe(SAME);
    rename("Anna");
    expect(decodeReply(tellings.answer(active(mine), 10), null).card).toEqual({ name: "Anna" });
    expect(decodeReply(tellings.answer(active(mine), 10), null).card).toEqual({ name: "Anna" });
    const next = sighting(11);
    tellings.encode(next);
    expect(tellings.answer(active(next), 11)).toBe(SAME);
  });

  test.each([
    [9, true],
    [10, false],
    [11, false],
  ])("of what was said before the memory began (rev %i) the name is not known", (forgottenRev, isSame) => {
    const { tellings } = told({}, forgottenRev);
    expect(tellings.answer(active(sighting(10)), 10) === SAME).toBe(isSame);
  });

  test("exact and coarse are two sightings of one rev", () => {
    const { tellings } = told();
    const [exact, coarse] = [sighting(10), sighting(10, COARSE_ERROR_M)];
    expect([tellings.answer(active(exact), 10), tellings.answer(active(coarse), 10)]).toEqual([SAME, SAME]);
  });
});

describe("what is read", () => {
  test("the same is what is held; without anything held it is nothing", () => {
    expect(decodeReply(SAME, sighting(3))).toEqual({ answer: active(sighting(3)) });
    expect(() => decodeReply(SAME, null)).toThrow(WireError);
  });

  test("a text is read once, and remembered among some", () => {
    const text = encodeSighting(sighting(1), { name: "Ann" });
    const first = decodeSighting(text);
    expect(first).toEqual({ sighting: sighting(1), card: { name: "Ann" } });
    expect(decodeSighting(text)).toBe(first);
    for (let rev = 2; rev <= 65; rev += 1) decodeSighting(encodeSighting(sighting(rev), {}));
    expect(decodeSighting(text)).not.toBe(first);
    expect(decodeSighting(text)).toEqual(first);
    expect(() => decodeSighting("{}")).toThrow(WireError);
    expect(() => decodeSighting("{}")).toThrow(WireError);
  });
});

test("the frame of somebody who moved is the one that would be encoded", () => {
  const number = (min: number, max: number) => fc.double({ min, max, noNaN: true, noDefaultInfinity: true });
  const ids = fc.stringMatching(new RegExp(`^[A-Za-z0-9._:@-]{1,${USER_ID_MAX_CHARS}}$`));
  const places = fc.record({
    lat: number(-90, 90),
    lng: number(-180, 180),
    ts: fc.maxSafeNat(),
    activeUntil: fc.integer({ min: NOW_MS, max: NOW_MS + 1_000_000 }),
    errorM: fc.constantFrom(0, COARSE_ERROR_M),
  });
  fc.assert(
    fc.property(ids, places, number(0, 20_000_000), (id, place, distanceM) => {
      const row = { id, card: { name: "Ann" } };
      const shown = { sighting: { rev: 1, ...place }, distanceM };
      const usuallyUntil = NOW_MS + 500_000;
      const friend = friendOf(row, shown, { withCard: false, usuallyUntil });
      expect(movedFrame(row, shown, usuallyUntil)).toBe(encodeDown({ type: "friend", friend }));
    }),
  );
});
