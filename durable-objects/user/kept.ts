import { decodeKept, encodeKept, type ObjectRecord } from "./attachment.ts";
import type { Sql } from "./sql.ts";

/** The state of an object that has no socket to keep it in. There is a row only while there is no carrier. */
export class Kept {
  readonly #sql: Sql;
  #hasRow = false;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  read(): ObjectRecord | null {
    const [row] = this.#sql.all<{ state: ArrayBuffer }>("SELECT state FROM kept");
    this.#hasRow = row !== undefined;
    return row === undefined ? null : decodeKept(new Uint8Array(row.state));
  }

  write(record: ObjectRecord): void {
    this.#sql.all("INSERT OR REPLACE INTO kept (one, state) VALUES (1, ?)", encodeKept(record));
    this.#hasRow = true;
  }

  clear(): void {
    if (!this.#hasRow) return;
    this.#sql.all("DELETE FROM kept");
    this.#hasRow = false;
  }
}
