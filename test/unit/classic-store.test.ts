import { beforeEach, describe, expect, test } from "vitest";
import { isSharing, Store, toProfile } from "../../scripts/bench/classic/store.ts";
import { FRIENDS_MAX } from "../../src/protocol/limits.ts";

const NOW = 1_700_000_000_000;
let store: Store;

beforeEach(() => {
  store = new Store(":memory:");
  return () => store.close();
});

function befriend(a: string, b: string): void {
  expect(store.ask(a, b, NOW)).toBe("asked");
  expect(store.ask(b, a, NOW)).toBe("accepted");
}

describe("the database of the classic design", () => {
  test("asking, accepting, asking again and ending", () => {
    expect(store.ask("ana", "ben", NOW)).toBe("asked");
    expect(store.ask("ana", "ben", NOW)).toBe("unchanged");
    expect(store.links("ana")).toEqual([]);
    expect(store.entry("ben", "ana")).toMatchObject({ state: "incoming" });
    expect(store.ask("ben", "ana", NOW + 1)).toBe("accepted");
    expect(store.entry("ana", "ben")).toEqual({
      id: "ben",
      state: "friend",
      since: NOW + 1,
      visibility: "exact",
      muted: false,
    });
    expect(store.links("ana").map((row) => row.id)).toEqual(["ben"]);
    expect([store.remove("ana", "ben"), store.remove("ana", "ben")]).toEqual([true, false]);
    expect([store.entry("ana", "ben"), store.entry("ben", "ana")]).toEqual([undefined, undefined]);
  });

  test("each side's choice is its own, and both are read with the link", () => {
    befriend("ana", "ben");
    expect(store.patchFriend("ana", "ben", { visibility: "coarse", muted: true })).toMatchObject({
      visibility: "coarse",
      muted: true,
    });
    expect(store.link("ana", "ben")).toMatchObject({ mine: "coarse", theirs: "exact", muted: true });
    expect(store.link("ben", "ana")).toMatchObject({ mine: "exact", theirs: "coarse", muted: false });
    expect(store.patchFriend("ana", "ben", { visibility: null })).toMatchObject({ visibility: "exact", muted: true });
    expect(store.patchFriend("ana", "cleo", { muted: true })).toBeNull();
  });

  test("an import makes and ends friendships, and says which lines changed something", () => {
    befriend("ana", "ben");
    const edges = [
      { a: "ana", b: "ben", wanted: true },
      { a: "ana", b: "cleo", wanted: true },
      { a: "ben", b: "ana", wanted: false },
      { a: "ben", b: "ana", wanted: false },
    ];
    expect(store.applyEdges(edges, NOW)).toEqual(["unchanged", "changed", "changed", "unchanged"]);
    expect(store.entries("ana", { after: "", limit: 10 }).map((entry) => entry.id)).toEqual(["cleo"]);
  });

  test("a user has at most as many friends as anywhere", () => {
    const edges = Array.from({ length: FRIENDS_MAX }, (_, n) => ({ a: "ana", b: `f${n}`, wanted: true }));
    expect(new Set(store.applyEdges(edges, NOW))).toEqual(new Set(["changed"]));
    expect(store.applyEdges([{ a: "ana", b: "more", wanted: true }], NOW)).toEqual(["friend_limit"]);
    expect(store.ask("more", "ana", NOW)).toBe("friend_limit");
    store.remove("ana", "f0");
    expect(store.ask("more", "ana", NOW)).toBe("asked");
  });

  test("a pause ends by itself, by sharing, or not at all", () => {
    expect(store.patchPerson("ana", { pausedUntil: NOW + 10 }, NOW)).toMatchObject({
      sharing: false,
      paused_until: NOW + 10,
    });
    expect([isSharing(store.person("ana"), NOW + 9), isSharing(store.person("ana"), NOW + 10)]).toEqual([false, true]);
    expect(store.patchPerson("ana", { pausedUntil: null }, NOW + 1)).toMatchObject({
      sharing: false,
      paused_until: null,
    });
    expect(isSharing(store.person("ana"), NOW + 100)).toBe(false);
    expect(toProfile("ana", store.patchPerson("ana", { sharing: null, name: "Ana" }, NOW), NOW)).toEqual({
      user: "ana",
      name: "Ana",
      sharing: true,
      discoverable: false,
    });
  });
});
