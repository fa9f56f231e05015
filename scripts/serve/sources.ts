/** Results of builds, kept by a hash of the files that they were made of. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join, relative } from "node:path";

/**
 * One text for the names and contents of all files at `paths` (files or folders; what is missing counts as nothing), but
 * of none below `leftOut`.
 */
export function hashFiles(paths: readonly string[], projectDir: string, leftOut?: string): string {
  const hash = createHash("sha256");
  for (const path of paths) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) continue;
    for (const file of stat.isDirectory() ? filesUnder(path) : [path]) {
      if (leftOut !== undefined && file.startsWith(leftOut)) continue;
      hash
        .update(`${relative(projectDir, file)}\0`)
        .update(readFileSync(file))
        .update("\0");
    }
  }
  return hash.digest("hex").slice(0, 24);
}

/** Every file below a folder, sorted. */
export function filesUnder(dir: string): string[] {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  return files.toSorted();
}

/** Removes what nobody has made or used for `keepMs`. */
export function removeOld(keepDir: string, keepMs: number): void {
  const oldMs = Date.now() - keepMs;
  for (const name of readdirSync(keepDir)) {
    const path = join(keepDir, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat && stat.mtimeMs < oldMs) rmSync(path, { recursive: true, force: true });
  }
}
