/** What DuckDB finds in a copy of the history bucket, by the very query that docs/history.md gives to people. */
import { readFileSync } from "node:fs";

import { DuckDBInstance } from "@duckdb/node-api";
import * as v from "valibot";

const DOC = new URL("../../docs/history.md", import.meta.url);

/** A block of the page is found by the comment above it. */
const POINTS_BLOCK = /<!-- sql: points -->\n+```sql\n(.*?)```/s;

export interface StoredPoint {
  readonly user: string;
  /** ms. */
  readonly ts: number;
  readonly lat: number;
  readonly lng: number;
  /** Metres. */
  readonly accuracy: number | null;
  readonly outlier: boolean;
}

const RowSchema = v.object({
  user: v.string(),
  ts: v.bigint(),
  lat: v.number(),
  lng: v.number(),
  accuracy: v.nullable(v.number()),
  outlier: v.boolean(),
});

/** @throws Error when the page no longer has the marked block */
function pointsQuery(): string {
  const query = POINTS_BLOCK.exec(readFileSync(DOC, "utf8"))?.[1];
  if (query === undefined) throw new Error("docs/history.md has no block marked `<!-- sql: points -->`");
  return query;
}

/**
 * The points of a folder that holds the bucket's objects under their names (`history/…`, `erased/…`): each (user, ts)
 * once, without what was erased, sorted by both.
 *
 * @throws Error from DuckDB when there is no Parquet file at all, or one that it cannot read
 */
export async function distinctPoints(folder: string): Promise<StoredPoint[]> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    await connection.run(`SET VARIABLE bucket = '${folder.replaceAll("'", "''")}'`);
    await connection.run(pointsQuery());
    const reader = await connection.runAndReadAll(`
      SELECT user_id AS "user", epoch_ms(timestamp) AS ts, latitude AS lat, longitude AS lng, accuracy, outlier
      FROM points ORDER BY user_id, timestamp`);
    const rows = v.parse(v.array(RowSchema), reader.getRowObjectsJS());
    return rows.map((row) => ({ ...row, ts: Number(row.ts) }));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
