import { describe, expect } from "vitest";
import type { Connection } from "./connection.ts";
import { friendPath, request, test } from "./helpers.ts";
import type { User } from "./helpers.ts";
import { shows } from "./frames.ts";
import { HOME, offset } from "./places.ts";

/** Everybody of one group accepts everybody of the other. */
const GROUP = 10;
/** On one machine, from the moment of the tap until both see each other. */
const P99_MAX_MS = 150;

interface Person {
  readonly user: User;
  readonly token: string;
  readonly client: Connection;
}

/** The smallest value that so much of the sample does not exceed (nearest rank). */
function quantile(sample: readonly number[], share: number): number {
  return sample.toSorted((a, b) => a - b)[Math.ceil(share * sample.length) - 1] ?? NaN;
}

describe("accepting a friend who is near", () => {
  test(
    `[DOWN6] both are shown each other within ${P99_MAX_MS} ms (p99 of ${GROUP * GROUP})`,
    { timeout: 60_000 },
    async ({ world }) => {
      const appear = async (label: string, eastM: number): Promise<Person> => {
        const user = world.user(label);
        return { user, token: await user.token(), client: await user.appear(offset(HOME, { eastM })) };
      };
      const numbers = Array.from({ length: GROUP }, (_, n) => n);
      const askers = await Promise.all(numbers.map((n) => appear(`asks${n}`, 10 * n)));
      const accepters = await Promise.all(numbers.map((n) => appear(`accepts${n}`, 10 * n + 5)));
      const tookMs: number[] = [];
      for (const one of askers) {
        for (const other of accepters) {
          const asked = await request(world.target, "PUT", friendPath(other.user), { token: one.token });
          expect(asked.status, asked.text).toBe(201);
          const start = performance.now();
          const accepted = request(world.target, "PUT", friendPath(one.user), { token: other.token });
          await Promise.all([
            one.client.next(shows(other.user.id), "the new friend, for who asked"),
            other.client.next(shows(one.user.id), "the new friend, for who accepted"),
          ]);
          tookMs.push(performance.now() - start);
          expect((await accepted).status).toBe(200);
        }
      }
      const [p50, p99] = [quantile(tookMs, 0.5), quantile(tookMs, 0.99)];
      process.stdout.write(`accepted and shown at both: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms\n`);
      expect(tookMs).toHaveLength(GROUP * GROUP);
      expect(p99).toBeLessThan(P99_MAX_MS);
    },
  );
});
