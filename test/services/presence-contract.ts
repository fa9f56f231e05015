/** What every index of active friends does, whatever is behind it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Entries, Presence } from "../../src/presence/presence.ts";
import { MGET_KEYS_MAX } from "../../src/presence/upstash.ts";
import { FRIENDS_MAX } from "../../src/protocol/limits.ts";

const TTL_MS = 60_000;
/** Whole seconds are what entries live for. */
const SHORT_TTL_MS = 1_000;
/** A second, and what a busy machine adds. */
const SLOW_MS = 3_000;

export interface Opened {
  readonly presence: Presence;
  close(): Promise<void>;
}

export interface Kind {
  readonly open: () => Promise<Opened>;
  /** `knows`: who was entered is found. `cannot tell`: every answer is null. */
  readonly kind: "knows" | "cannot tell";
}

let people = 0;
/** Of this run only: a Redis may have been used before. */
const run = crypto.randomUUID().slice(0, 8);
const someone = (name = "p"): string => `${name}:${run}.${(people += 1)}@x_-`;

export function presenceContract(name: string, { open, kind }: Kind): void {
  const knows = kind === "knows";

  describe(`index of active friends: ${name}`, () => {
    let opened: Opened;
    const announce = (
      user: string,
      friends: string[] = [],
      rev = Date.now(),
      ttlMs = TTL_MS,
    ): Promise<Entries | null> => opened.presence.announce({ user, rev, ttlMs }, friends, { redisCommands: 0 });
    /** What an index that knows would answer. */
    const found = (revs: Record<string, number>, wasListed = false): Entries | null =>
      knows ? { wasListed, revs: new Map(Object.entries(revs)) } : null;

    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened.close());

    test("who was entered is found, with the newest rev; others are not", async () => {
      const [ann, bob, cleo] = [someone(), someone(), someone()];
      await announce(ann, [], 17);
      await announce(ann, [], 18);
      expect(await announce(bob, [ann, cleo])).toEqual(found({ [ann]: 18 }));
    });

    test("the own entry is told apart from a new one", async () => {
      const ann = someone();
      expect(await announce(ann)).toEqual(found({}));
      expect(await announce(ann)).toEqual(found({}, true));
    });

    test("the user is entered before friends are looked for", async () => {
      const ann = someone();
      expect(await announce(ann, [ann], 7)).toEqual(found({ [ann]: 7 }));
    });

    test("of two who wake at once at least one finds the other", async () => {
      for (let i = 0; i < 20; i += 1) {
        const [ann, bob] = [someone(), someone()];
        const both = await Promise.all([announce(ann, [bob]), announce(bob, [ann])]);
        const finds = both.map((entries) => entries === null || entries.revs.size > 0);
        expect(finds).toContain(true);
      }
    });

    test("an entry ends", { timeout: 10_000 }, async () => {
      const [ann, bob] = [someone(), someone()];
      await announce(ann, [], 5, SHORT_TTL_MS);
      expect(await announce(bob, [ann])).toEqual(found({ [ann]: 5 }));
      await new Promise((resolve) => setTimeout(resolve, SHORT_TTL_MS + 100));
      expect(await announce(bob, [ann])).toEqual(found({}, true));
    });

    test.each([0, 1, MGET_KEYS_MAX - 1, MGET_KEYS_MAX, MGET_KEYS_MAX + 1, FRIENDS_MAX])(
      "%d friends: the first and the last are found, and one command is counted for each thousand",
      async (count) => {
        const friends = Array.from({ length: count }, () => someone());
        const ends = [...new Set([friends[0], friends.at(-1)])].filter((one) => one !== undefined);
        for (const one of ends) await announce(one, [], 3);
        const meter = { redisCommands: 0 };
        const started = performance.now();
        const entries = await opened.presence.announce({ user: someone(), rev: 1, ttlMs: TTL_MS }, friends, meter);
        expect(performance.now() - started).toBeLessThan(SLOW_MS);
        expect(entries).toEqual(found(Object.fromEntries(ends.map((one) => [one, 3]))));
        expect(meter.redisCommands).toBe(knows ? 1 + Math.ceil(count / MGET_KEYS_MAX) : 0);
      },
    );
  });
}
