/** One process at a time works on a state directory: two runtimes on the same databases would spoil them. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const FILE_NAME = "in-use.sqlite";

/** The collector closes a database that nobody holds, and the lock would go with it. */
const locks = new Set<DatabaseSync>();

/**
 * Takes the directory until `release` is called or this process ends, however it ends: the lock is the operating
 * system's on an open file, where a file with a process id would outlive a crash.
 *
 * @throws with a message for people when another process has it
 */
export function lockState(stateDir: string): { release(): void } {
  const database = new DatabaseSync(join(stateDir, FILE_NAME));
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    const busy = error instanceof Error && error.message.includes("locked");
    throw busy ? new Error(`a server is using the state in ${stateDir}: stop it first`, { cause: error }) : error;
  }
  locks.add(database);
  return {
    release() {
      locks.delete(database);
      database.close();
    },
  };
}
