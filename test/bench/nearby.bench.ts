/** `npm run bench:core`: what the core spends on one position. The target is 50 µs, 20,000 positions a second. */
import { bench, describe } from "vitest";
import { QUIET_MAX_MS } from "../../src/nearby/economy.ts";
import { StandardPerson } from "./standard-person.ts";

describe("one position of a person with 40 near and 360 far friends", () => {
  const exact = new StandardPerson();
  bench("exact: 40 calls and their answers", () => exact.position());

  const economy = new StandardPerson({ quietMs: QUIET_MAX_MS });
  bench("economy: the calls that are worth it", () => economy.position());
});
