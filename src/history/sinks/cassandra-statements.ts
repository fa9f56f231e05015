/** What the `cassandra` sink asks of a cluster, as statements; the table is in cassandra.cql. */
import * as v from "valibot";

import type { EraseTask, StoreTask } from "../message.ts";
import type { HistoryPoint } from "../point.ts";
import { monthOf, type MonthSlice, monthSlices, storableRange } from "./cassandra-months.ts";

/** Prepared once for each text, so the texts are few and constant. */
export interface Statement {
  readonly query: string;
  /** `undefined` leaves a column unset: a null would write a tombstone for every speed that no phone reported. */
  readonly params: readonly (string | number | boolean | undefined)[];
}

/** Rows of one batch: a chunk. Cassandra warns of batches over 5 KiB, and 20 full rows of the longest user id stay below. */
export const BATCH_POINTS_MAX = 20;

const INSERT =
  "INSERT INTO history (user_id, month, timestamp, latitude, longitude, accuracy, speed, heading, outlier)" +
  " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
const DELETE_MONTH = "DELETE FROM history USING TIMESTAMP ? WHERE user_id = ? AND month = ?";
const DELETE_SLICE = `${DELETE_MONTH} AND timestamp >= ? AND timestamp < ?`;
const SELECT =
  "SELECT timestamp, latitude, longitude, accuracy, speed, heading, outlier FROM history" +
  " WHERE user_id = ? AND month = ? AND timestamp >= ? AND timestamp < ? LIMIT ?";

/** A point that no user's object stores, and that no erasure would find. */
export class PointRangeError extends Error {
  override readonly name = "PointRangeError";
}

/**
 * Batches, each of one partition, so that a node takes it as a single mutation and needs no log of it.
 *
 * The write time is that of the user's object: the same task again writes the same cells again, and an erasure of later
 * wins in whatever order both arrive. Of two different points with one `ts` the last cells win; the object lets only the
 * first through, and knows both only if it lost its memory between them.
 *
 * @throws PointRangeError
 */
export function storeBatches({ user, storedAt, points }: StoreTask): Statement[][] {
  const { from, to } = storableRange(storedAt);
  const months = new Map<number, Statement[][]>();
  for (const point of points) {
    if (point.ts < from || point.ts >= to) throw new PointRangeError("a point's ts is out of range");
    const month = monthOf(point.ts);
    const batches = months.get(month) ?? [];
    months.set(month, batches);
    const last = batches.at(-1);
    const statement = insert(user, month, point, toMicroseconds(storedAt));
    if (last === undefined || last.length >= BATCH_POINTS_MAX) batches.push([statement]);
    else last.push(statement);
  }
  return [...months.values()].flat();
}

function insert(user: string, month: number, point: HistoryPoint, writtenAt: number): Statement {
  const { ts, lat, lng, accuracy, speed, heading, outlier } = point;
  return { query: INSERT, params: [user, month, ts, lat, lng, accuracy, speed, heading, outlier, writtenAt] };
}

/** One tombstone for each month: of the partition, or of a range in it. 27 years are 324 statements. */
export function eraseStatements({ user, from, to, at }: EraseTask): Statement[] {
  const writtenAt = toMicroseconds(at);
  return monthSlices({ from, to }, storableRange(at)).map((slice) =>
    slice.whole
      ? { query: DELETE_MONTH, params: [writtenAt, user, slice.month] }
      : { query: DELETE_SLICE, params: [writtenAt, user, slice.month, slice.from, slice.to] },
  );
}

/** At most `limit` points of one month, oldest first. */
export function readStatement(user: string, { month, from, to }: MonthSlice, limit: number): Statement {
  return { query: SELECT, params: [user, month, from, to, limit] };
}

const RowSchema = v.object({
  timestamp: v.date(),
  latitude: v.number(),
  longitude: v.number(),
  accuracy: v.nullable(v.number()),
  speed: v.nullable(v.number()),
  heading: v.nullable(v.number()),
  outlier: v.nullable(v.boolean()),
});

/** @throws valibot's ValiError for what is no row of `SELECT` */
export function toPoint(row: unknown): HistoryPoint {
  const { timestamp, latitude, longitude, accuracy, speed, heading, outlier } = v.parse(RowSchema, row);
  return {
    lat: latitude,
    lng: longitude,
    ts: timestamp.getTime(),
    ...(accuracy === null ? {} : { accuracy }),
    ...(speed === null ? {} : { speed }),
    ...(heading === null ? {} : { heading }),
    ...(outlier === true ? { outlier } : {}),
  };
}

/** Cassandra's write times. */
function toMicroseconds(ms: number): number {
  return ms * 1000;
}
