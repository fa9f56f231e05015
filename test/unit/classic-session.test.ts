import { describe, expect, test } from "vitest";
import type { Position } from "../../scripts/bench/classic/notice.ts";
import type { Known, Link } from "../../scripts/bench/classic/people.ts";
import { type Screen, Session } from "../../scripts/bench/classic/session.ts";
import { encodeDown } from "../../src/protocol/down.ts";

const NOW = 1_700_000_000_000;
const INACTIVE_AFTER_MS = 600_000;
const HOME = { lat: 37.7749, lng: -122.4194 };
const NEAR = { lat: 37.7849, lng: -122.4194 };
const FAR = { lat: 38.7749, lng: -122.4194 };

class FakeScreen implements Screen {
  hasSnapshot = false;
  readonly frames: string[] = [];

  send(frame: string): void {
    this.frames.push(frame);
  }

  /** The frames since the last look, as messages. */
  take(): unknown[] {
    return this.frames.splice(0).map((frame) => JSON.parse(frame));
  }
}

function known(id: string): Known {
  const profile = { sharing: true, paused_until: null };
  return { id, position: null, card: {}, profile, watchers: new Set(), session: null, holds: 1, loading: null };
}

function at(place: { lat: number; lng: number }, more: Partial<Position> = {}): Position {
  return { ...place, ts: NOW, atMs: NOW, rough: false, ...more };
}

function setUp() {
  const rules = {
    radiusM: 8046.72,
    inactiveAfterMs: INACTIVE_AFTER_MS,
    positionBurst: 3,
    positionMinMs: 5_000,
    jumps: { speedMaxMps: 150, betterForMs: INACTIVE_AFTER_MS },
  };
  const viewer = new Session(known("ana"), rules);
  const friend = known("ben");
  const link: Link = { viewer, friend, coarse: false, hidden: false, muted: false, shown: false, told: null };
  viewer.links.set(friend.id, link);
  const screen = new FakeScreen();
  viewer.open(screen, NOW);
  return { viewer, friend, link, screen };
}

function seen() {
  const all = setUp();
  all.friend.position = at(NEAR);
  all.viewer.report({ ...HOME, ts: NOW }, NOW);
  all.viewer.lookAround(NOW);
  expect(all.screen.take()).toMatchObject([{ type: "nearby", friends: [{ id: "ben" }] }]);
  return all;
}

describe("a session of the classic design", () => {
  test("nothing is sent before the first position, then the snapshot, then each move", () => {
    const { viewer, friend, link, screen } = setUp();
    friend.position = at(NEAR);
    viewer.friendMoved(link, NOW);
    expect(screen.take()).toEqual([]);
    expect(viewer.report({ ...HOME, ts: NOW + 5_000_000 }, NOW)).toEqual(at(HOME));
    expect(screen.take()).toEqual([]);
    viewer.lookAround(NOW);
    expect(screen.take()).toMatchObject([{ type: "nearby", friends: [{ id: "ben", precision: "exact" }] }]);
    friend.position = at(HOME);
    viewer.friendMoved(link, NOW);
    expect(screen.take()).toMatchObject([{ type: "friend", friend: { distance: 0 } }]);
  });

  test("a frame that is written out has the bytes of one that is encoded", () => {
    const { viewer, friend, link, screen } = seen();
    for (const position of [
      at(NEAR, { ts: NOW + 1 }),
      at(NEAR, { rough: true }),
      at({ lat: 37.7, lng: -122.4 }),
      at({ lat: 37.77490001, lng: -122 - 1e-7 }),
    ]) {
      friend.position = position;
      viewer.friendMoved(link, NOW);
      const [frame = ""] = screen.frames.splice(0);
      if (!frame.includes('"friend"')) continue;
      const message = JSON.parse(frame);
      expect(frame).toBe(encodeDown(message));
      expect(Object.keys(message.friend)).toEqual(["id", "lat", "lng", "ts", "distance", "precision"]);
    }
  });

  test.each<[string, (all: ReturnType<typeof seen>) => void]>([
    ["far", ({ friend }) => (friend.position = at(FAR))],
    ["inactive", ({ friend }) => (friend.position = null)],
    ["inactive", ({ friend }) => (friend.position = at(NEAR, { atMs: NOW - INACTIVE_AFTER_MS }))],
    ["paused", ({ friend }) => (friend.profile = { sharing: false, paused_until: null })],
    ["paused", ({ viewer }) => (viewer.me.profile = { sharing: false, paused_until: NOW + 1 })],
    ["paused", ({ link }) => (link.hidden = true)],
    ["unsubscribed", ({ link }) => (link.muted = true)],
  ])("a friend leaves once, with %s, and comes back", (reason, change) => {
    const all = seen();
    const { viewer, friend, link, screen } = all;
    change(all);
    viewer.lookAtAll(NOW);
    viewer.lookAtAll(NOW);
    expect(screen.take()).toEqual([{ type: "gone", id: "ben", reason }]);
    Object.assign(link, { hidden: false, muted: false });
    friend.profile = { sharing: true, paused_until: null };
    viewer.me.profile = friend.profile;
    friend.position = at(NEAR);
    viewer.friendMoved(link, NOW);
    expect(screen.take()).toMatchObject([{ type: "friend", friend: { id: "ben" } }]);
  });

  test("activity lasts to its last millisecond", () => {
    const { viewer, friend, link, screen } = seen();
    friend.position = at(NEAR, { atMs: NOW - INACTIVE_AFTER_MS + 1 });
    viewer.look(link, NOW);
    expect(screen.take()).toEqual([]);
    viewer.look(link, NOW + 1);
    expect(screen.take()).toEqual([{ type: "gone", id: "ben", reason: "inactive" }]);
  });

  test("an older position is history only, and one above the burst is too fast", () => {
    const { viewer } = setUp();
    expect(viewer.report({ ...HOME, ts: NOW }, NOW)).toMatchObject({ ts: NOW });
    expect(viewer.report({ ...NEAR, ts: NOW - 1 }, NOW)).toBe("history_only");
    expect(viewer.report({ ...NEAR, ts: NOW }, NOW)).toMatchObject(NEAR);
    expect(viewer.report({ ...NEAR, ts: NOW + 1 }, NOW)).toBe("too_fast");
    expect(viewer.report({ ...NEAR, ts: NOW + 1 }, NOW + 5_000)).toMatchObject(NEAR);
  });

  test("the name comes with who is new and when it changed", () => {
    const { viewer, friend, link, screen } = seen();
    friend.card = { name: "Ben" };
    viewer.friendMoved(link, NOW);
    viewer.friendMoved(link, NOW);
    expect(screen.take().map((frame) => JSON.stringify(frame).includes('"name":"Ben"'))).toEqual([true, false]);
  });

  test("only who asked gets the ref", () => {
    const { viewer, link, screen } = seen();
    const other = new FakeScreen();
    viewer.open(other, NOW);
    other.take();
    viewer.unsubscribed(link, { screen, ref: 4 });
    expect([screen.take(), other.take()]).toEqual([
      [{ type: "gone", id: "ben", reason: "unsubscribed", ref: 4 }],
      [{ type: "gone", id: "ben", reason: "unsubscribed" }],
    ]);
    viewer.subscribed(link, { screen, ref: 5 }, NOW);
    expect([screen.take(), other.take()]).toMatchObject([[{ type: "friend", ref: 5 }], [{ type: "friend" }]]);
    expect(other.frames.join("")).not.toContain("ref");
  });
});
