/** Where state that is not kept goes: memory, where there is a roomy tmpfs. */
import { accessSync, constants, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atExit } from "../at-exit.ts";

const TMPFS_DIR = "/dev/shm";
/** Containers often give /dev/shm 64 MiB, which about 700 users' databases fill; then a disk is the better place. */
const TMPFS_FREE_MIN_BYTES = 512 * 1024 * 1024;

/** The folder to make a temporary one in. */
export function temporaryRoot(): string {
  return hasRoomyTmpfs() ? TMPFS_DIR : tmpdir();
}

export interface TemporaryFolder {
  readonly path: string;
  remove(): void;
}

/**
 * A fresh folder for what is not kept, removed at the latest when this process exits.
 *
 * @param root default: in memory, where there is room
 */
export function temporaryFolder(prefix: string, root = temporaryRoot()): TemporaryFolder {
  const path = mkdtempSync(join(root, prefix));
  const removeNow = (): void => rmSync(path, { recursive: true, force: true });
  const forget = atExit(removeNow);
  const remove = (): void => {
    forget();
    removeNow();
  };
  return { path, remove };
}

function hasRoomyTmpfs(): boolean {
  try {
    accessSync(TMPFS_DIR, constants.W_OK);
    const { bavail, bsize } = statfsSync(TMPFS_DIR);
    return bavail * bsize >= TMPFS_FREE_MIN_BYTES;
  } catch {
    return false;
  }
}
