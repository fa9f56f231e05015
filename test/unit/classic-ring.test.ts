import { describe, expect, test } from "vitest";
import { Ring } from "../../scripts/bench/classic/ring.ts";

const KEYS = Array.from({ length: 20_000 }, (_, n) => `user-${n}`);

function servers(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `redis://10.0.0.${n + 1}:6379`);
}

function loads(ring: Ring): Map<string, number> {
  const counts = new Map(ring.servers.map((server) => [server, 0]));
  for (const key of KEYS) counts.set(ring.ownerOf(key), (counts.get(ring.ownerOf(key)) ?? 0) + 1);
  return counts;
}

describe("the ring", () => {
  test.each([1, 2, 3, 5, 10])("spreads users over %i servers", (count) => {
    const counts = [...loads(new Ring(servers(count))).values()];
    const mean = KEYS.length / count;
    expect(counts).toHaveLength(count);
    expect(Math.max(...counts)).toBeLessThan(1.25 * mean);
    expect(Math.min(...counts)).toBeGreaterThan(0.75 * mean);
  });

  test.each([1, 2, 4, 9])("one server more than %i takes its share, and moves nobody else", (count) => {
    const before = new Ring(servers(count));
    const after = new Ring(servers(count + 1));
    const added = servers(count + 1).at(-1);
    const moved = KEYS.filter((key) => before.ownerOf(key) !== after.ownerOf(key));
    expect(moved.every((key) => after.ownerOf(key) === added)).toBe(true);
    const share = moved.length / KEYS.length;
    expect(share).toBeGreaterThan(0.75 / (count + 1));
    expect(share).toBeLessThan(1.25 / (count + 1));
  });

  test("one server less gives its users away, and moves nobody else", () => {
    const before = new Ring(servers(5));
    const after = new Ring(servers(4));
    const gone = servers(5).at(-1);
    const others = KEYS.filter((key) => before.ownerOf(key) !== gone);
    expect(others.map((key) => after.ownerOf(key))).toEqual(others.map((key) => before.ownerOf(key)));
  });

  test("the order of the list does not matter", () => {
    const [ring, turned] = [new Ring(servers(6)), new Ring(servers(6).toReversed())];
    expect(KEYS.map((key) => turned.ownerOf(key))).toEqual(KEYS.map((key) => ring.ownerOf(key)));
  });

  test("a ring without servers is refused", () => {
    expect(() => new Ring([])).toThrow("a ring needs a server");
  });
});
