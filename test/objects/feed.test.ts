/** What a user's object tells the monitor and Analytics Engine, and when. */
import { describe, expect, test } from "vitest";

import { Feed, INCIDENT_EVERY_MS, WAITING_COUNTED_MAX, waitingChunks } from "../../durable-objects/user/feed.ts";
import { newMeter } from "../../src/observe/meter.ts";
import { Tally } from "../../src/observe/tally.ts";

const NOW = Date.UTC(2026, 5, 1);

describe("what a user's object tells", () => {
  const feeding = () => {
    const meter = newMeter();
    const state = { active: false, sockets: 0 };
    const points: AnalyticsEngineDataPoint[] = [];
    const live = {
      get active() {
        return state.active;
      },
      place: null,
      circle: { self: { kind: "inactive" as const }, contacts: new Map<number, never>() },
    };
    const connections = {
      get size() {
        return state.sockets;
      },
    };
    const ANALYTICS = { writeDataPoint: (point: AnalyticsEngineDataPoint = {}) => void points.push(point) };
    const parts = { env: { ANALYTICS }, user: "ann", shards: 40, meter, tally: new Tally(meter), connections };
    const feed = new Feed(
      { ...parts, agenda: { alarmAt: NOW }, chunks: { waiting: () => [] }, live: () => live },
      false,
    );
    return { feed, state, points, meter };
  };

  test("activation and inactivity once each, every alarm in between, no position", () => {
    const { feed, state, points, meter } = feeding();
    state.active = true;
    for (let at = 0; at < 5; at += 1) feed.moved(NOW + at);
    expect(points).toHaveLength(1);
    feed.alarm(NOW);
    feed.alarm(NOW);
    expect(points).toHaveLength(3);
    state.active = false;
    feed.alarm(NOW);
    feed.alarm(NOW);
    expect(points.map(({ blobs }) => blobs?.[0])).toEqual(["active", "active", "active", "away"]);
    // There is no monitor: nothing was called, and nothing failed.
    expect(meter.monitorCalls).toBe(0);
  });

  test("who is connected without being active is told of, and that the last socket has closed", () => {
    const { feed, state, points } = feeding();
    state.sockets = 1;
    feed.connected(NOW);
    feed.connected(NOW);
    expect(points).toHaveLength(1);
    feed.left(NOW);
    expect(points).toHaveLength(1);
    state.sockets = 0;
    feed.left(NOW);
    expect(points).toHaveLength(2);
  });

  test.each([
    [INCIDENT_EVERY_MS - 1, 1],
    [INCIDENT_EVERY_MS, 2],
    [INCIDENT_EVERY_MS + 1, 2],
  ])("errors of the server's own %i ms apart are %i reports", (apartMs, reports) => {
    const { feed, points } = feeding();
    feed.incident(NOW);
    feed.incident(NOW + apartMs);
    expect(points).toHaveLength(reports);
  });

  test("a data point has at most the 20 doubles that the platform takes, and names nobody", () => {
    const { feed, points } = feeding();
    feed.incident(NOW);
    expect(points[0]?.doubles?.length).toBeLessThanOrEqual(20);
    expect(JSON.stringify(points)).not.toContain("ann");
  });
});

test.each([WAITING_COUNTED_MAX - 1, WAITING_COUNTED_MAX, WAITING_COUNTED_MAX + 1])(
  "of %i waiting chunks so many are counted as one query reads",
  (count) => {
    const waiting = (limit: number) =>
      Array.from({ length: Math.min(limit, count) }, (_, at) => ({
        from: at,
        storedAt: NOW + at,
        chunk: new Uint8Array(),
      }));
    const counted = waitingChunks({ waiting });
    expect(counted).toEqual({ waiting: Math.min(count, WAITING_COUNTED_MAX), oldestAt: NOW });
  },
);
