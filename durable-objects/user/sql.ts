import type { Meter } from "../../src/observe/meter.ts";

type Row = Record<string, SqlStorageValue>;

/** The object's database, metered. Results are read at once: a cursor knows what it cost only when it has ended. */
export class Sql {
  readonly #storage: DurableObjectStorage;
  readonly #meter: Meter;

  constructor(storage: DurableObjectStorage, meter: Meter) {
    this.#storage = storage;
    this.#meter = meter;
  }

  /** Runs one statement. @returns its rows */
  all<T extends Row>(query: string, ...bindings: unknown[]): T[] {
    const cursor = this.#storage.sql.exec<T>(query, ...bindings);
    const rows = cursor.toArray();
    this.#meter.rowsRead += cursor.rowsRead;
    this.#meter.rowsWritten += cursor.rowsWritten;
    return rows;
  }

  /** The one row of a statement that always has one. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the type of the row, as `exec` of the runtime takes it
  one<T extends Row>(query: string, ...bindings: unknown[]): T {
    const [row, ...others] = this.all<T>(query, ...bindings);
    if (row === undefined || others.length > 0) throw new Error(`one row was expected from: ${query}`);
    return row;
  }
}
