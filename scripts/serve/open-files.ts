/** Says that the open files run out before they do, and that they have: past the limit workerd ends without a word of why. */
import type { OpenFiles } from "./proc.ts";

/** From here on it is told. With 20,000 allowed, 400 people are still to come. */
export const WARN_SHARE = 0.9;
/** Below this it may be told again. Without a distance, one who comes and goes would be a line each time. */
export const CALM_SHARE = 0.85;

export interface WatchedProcess {
  readonly name: "runtime" | "front";
  readonly pid: number;
}

export interface OpenFilesWatchParts {
  readonly processes: () => readonly WatchedProcess[];
  readonly count: (pid: number) => OpenFiles | undefined;
  readonly tell: (line: string) => void;
}

export class OpenFilesWatch {
  readonly #parts: OpenFilesWatchParts;
  /** Of whom it has been told since they were calm. */
  readonly #told = new Set<number>();

  constructor(parts: OpenFilesWatchParts) {
    this.#parts = parts;
  }

  look(): void {
    const { processes, count, tell } = this.#parts;
    for (const { name, pid } of processes()) {
      const files = count(pid);
      if (files === undefined) continue;
      const { open, limit } = files;
      if (open < limit * CALM_SHARE) this.#told.delete(pid);
      if (open < limit * WARN_SHARE || this.#told.has(pid)) continue;
      this.#told.add(pid);
      tell(
        `open files: the ${name} has ${open} of ${limit}. At the limit it ends, and all its sockets with it: ${remedy(name)}`,
      );
    }
  }
}

/** What the last lines of a runtime or a front say of its end; undefined when it was something else. */
export function ranOutOf(
  name: WatchedProcess["name"],
  lastLines: string,
  limit: number | undefined,
): string | undefined {
  if (!lastLines.includes("Too many open files")) return undefined;
  const allowed = limit === undefined ? "" : ` (${limit} are allowed)`;
  return `open files: the ${name} has ended because it ran out of them${allowed}, and has been started again: ${remedy(name)}`;
}

function remedy(name: WatchedProcess["name"]): string {
  const raise = "raise the limit (ulimit -n, or LimitNOFILE of the service)";
  return `${raise}, or start it with ${name === "runtime" ? "--fronts" : "more --fronts"} (docs/self-host.md)`;
}
