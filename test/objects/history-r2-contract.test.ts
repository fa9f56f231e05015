import { env } from "cloudflare:workers";
import { afterEach, expect, test } from "vitest";

import type { HistoryPoint } from "../../src/history/point.ts";
import { R2Sink } from "../../src/history/sinks/r2.ts";
import type { Sink } from "../../src/history/sinks/sink.ts";
import { sinkContract, type SinkHarness } from "../services/sink-contract.ts";
import { emptyBucket, namesIn, pointsOf } from "./history-bucket.ts";

afterEach(emptyBucket);

/**
 * A Parquet object has no speed and no heading, and its accuracy is a FLOAT (test/unit/history-parquet.test.ts). The
 * contract is about points with all of them, so these three come from what was written; that a point is there at all,
 * where, when and whether it is an outlier, comes from the bucket.
 */
function r2Harness(): SinkHarness {
  const r2 = new R2Sink(env.HISTORY);
  const given = new Map<string, HistoryPoint>();
  const sink: Sink = {
    name: r2.name,
    write: (entries) => {
      for (const { task } of entries) {
        if (task.kind === "store") for (const point of task.points) given.set(`${task.user} ${point.ts}`, point);
      }
      return r2.write(entries);
    },
  };
  const complete = (user: string, { lat, lng, ts, outlier }: HistoryPoint): HistoryPoint => {
    const { accuracy, speed, heading } = given.get(`${user} ${ts}`) ?? {};
    return {
      lat,
      lng,
      ts,
      ...(accuracy === undefined ? {} : { accuracy }),
      ...(speed === undefined ? {} : { speed }),
      ...(heading === undefined ? {} : { heading }),
      ...(outlier === undefined ? {} : { outlier }),
    };
  };
  return { sink, stored: async (user) => (await pointsOf(user)).map((point) => complete(user, point)) };
}

sinkContract("R2", () => Promise.resolve(r2Harness()));

test("R2: a chunk without points is no object", async () => {
  const empty = { kind: "store", user: "ann", storedAt: Date.UTC(2026, 10, 20), points: [] } as const;
  expect(await new R2Sink(env.HISTORY).write([{ id: "m1", task: empty }])).toEqual([]);
  expect(await namesIn("")).toEqual([]);
});
