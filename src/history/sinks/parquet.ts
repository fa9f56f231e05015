import { parquetWriteBuffer, type SchemaElement } from "hyparquet-writer";

import type { StoreTask } from "../message.ts";
import type { HistoryPoint } from "../point.ts";

/*
 * Points as one Parquet file. Encodings were chosen by measuring (docs/history.md, "What it takes"):
 *
 *   latitude, longitude, accuracy   BYTE_STREAM_SPLIT: sign, exponent and the leading digits of one user's points are
 *                                   alike, and next to each other snappy can see that
 *   timestamp                       DELTA_BINARY_PACKED: within a user the times only grow
 *   user_id                         a dictionary, where the writer finds that it saves half
 */

/** Every column in one row group: a batch is a few thousand points, and a second group would repeat the dictionary. */
const ROW_GROUP_ROWS = 1_000_000;

const SCHEMA: SchemaElement[] = [
  { name: "history", num_children: 6 },
  { name: "user_id", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" },
  { name: "latitude", type: "DOUBLE", repetition_type: "REQUIRED" },
  { name: "longitude", type: "DOUBLE", repetition_type: "REQUIRED" },
  // By the format's rules this older name means milliseconds of UTC; readers of every age know it.
  { name: "timestamp", type: "INT64", converted_type: "TIMESTAMP_MILLIS", repetition_type: "REQUIRED" },
  { name: "accuracy", type: "FLOAT", repetition_type: "OPTIONAL" },
  { name: "outlier", type: "BOOLEAN", repetition_type: "REQUIRED" },
];

/** Beyond it an accuracy says nothing, and far beyond it a FLOAT is infinite, which spoils every average: null instead. */
const ACCURACY_MAX_M = 1e9;

interface Row {
  readonly user: string;
  readonly storedAt: number;
  readonly point: HistoryPoint;
}

/**
 * The points of some chunks as a Parquet file: sorted by user, then by time; of several points with the same user and
 * `ts` the one that was stored first. `speed` and `heading` have no column. Angles in degrees of WGS 84, exactly as they
 * came in; `accuracy` in metres, as a FLOAT (7 digits), null where it is unknown. `ts` must be a whole number of ms.
 */
export function encodeParquet(chunks: readonly StoreTask[]): Uint8Array<ArrayBuffer> {
  const rows = distinct(chunks);
  const points = rows.map(({ point }) => point);
  return new Uint8Array(
    parquetWriteBuffer({
      schema: SCHEMA,
      columnData: [
        { name: "user_id", data: rows.map(({ user }) => user) },
        { name: "latitude", data: Float64Array.from(points, ({ lat }) => lat), encoding: "BYTE_STREAM_SPLIT" },
        { name: "longitude", data: Float64Array.from(points, ({ lng }) => lng), encoding: "BYTE_STREAM_SPLIT" },
        { name: "timestamp", data: points.map(({ ts }) => BigInt(ts)), encoding: "DELTA_BINARY_PACKED" },
        { name: "accuracy", data: points.map(accuracyOf), encoding: "BYTE_STREAM_SPLIT" },
        { name: "outlier", data: points.map(({ outlier }) => outlier === true) },
      ],
      rowGroupSize: ROW_GROUP_ROWS,
      createdBy: "nearby-friends",
    }),
  );
}

function accuracyOf({ accuracy }: HistoryPoint): number | null {
  return accuracy === undefined || accuracy > ACCURACY_MAX_M ? null : accuracy;
}

function distinct(chunks: readonly StoreTask[]): Row[] {
  const rows: Row[] = chunks.flatMap(({ user, storedAt, points }) =>
    points.map((point) => ({ user, storedAt, point })),
  );
  rows.sort(byUserAndTime);
  return rows.filter((row, at) => {
    const before = rows[at - 1];
    return before === undefined || before.user !== row.user || before.point.ts !== row.point.ts;
  });
}

/** By code unit, as Parquet's own statistics order strings: what is sorted here is sorted for every reader. */
function byUserAndTime(a: Row, b: Row): number {
  if (a.user !== b.user) return a.user < b.user ? -1 : 1;
  return a.point.ts - b.point.ts || a.storedAt - b.storedAt;
}
