import { expect, test } from "vitest";
import { FAR, NEAR, StandardPerson } from "../bench/standard-person.ts";

/** A position may cost 50 µs; the bound here is for machines that do something else as well. */
const BOUND_US = 250;
const ROUNDS = 20;
const POSITIONS = 200;

test(`one position with ${NEAR} near and ${FAR} far friends asks for ${NEAR} calls and takes little time`, () => {
  const person = new StandardPerson();
  expect([person.calls, person.shown]).toEqual([NEAR + FAR, NEAR]);
  let bestUs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const startMs = performance.now();
    for (let n = 0; n < POSITIONS; n++) person.position();
    bestUs = Math.min(bestUs, ((performance.now() - startMs) * 1000) / POSITIONS);
  }
  expect(person.calls).toBe(NEAR + FAR + ROUNDS * POSITIONS * NEAR);
  expect(person.shown).toBe(NEAR);
  expect(bestUs).toBeLessThan(BOUND_US);
});
