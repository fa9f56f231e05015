import { decodeKept, encodeKept, type ObjectRecord, type Unsaved } from "./attachment.ts";
import type { Sql } from "./sql.ts";

type Row = { state: ArrayBuffer; points: ArrayBuffer | null; points_since: number | null };

/** The state of an object that has no socket to keep it in. There is a row only while there is no carrier. */
export class Kept {
  readonly #sql: Sql;
  #hasRow = false;
  #hasPoints = false;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** The row holds points that are in no chunk, as far as it knows. */
  get hasPoints(): boolean {
    return this.#hasPoints;
  }

  /** `record` is null when another version of this code wrote it; the points can be read all the same. */
  read(): { record: ObjectRecord | null; unsaved: Unsaved } | null {
    const [row] = this.#sql.all<Row>("SELECT state, points, points_since FROM kept");
    this.#hasRow = row !== undefined;
    if (row === undefined) return null;
    const points = row.points === null ? null : new Uint8Array(row.points);
    this.#hasPoints = points !== null;
    return { record: decodeKept(new Uint8Array(row.state)), unsaved: { since: row.points_since, points } };
  }

  write(record: ObjectRecord): void {
    const { since, points } = record.unsaved;
    this.#sql.all(
      "INSERT OR REPLACE INTO kept (one, state, points, points_since) VALUES (1, ?, ?, ?)",
      ...[encodeKept(record), points, since],
    );
    this.#hasRow = true;
    this.#hasPoints = points !== null;
  }

  clear(): void {
    if (!this.#hasRow) return;
    this.#sql.all("DELETE FROM kept");
    this.#hasRow = false;
    this.#hasPoints = false;
  }
}
