/** Progress of a long step, on stderr, so that stdout stays what a program may read. */

/** A terminal is redrawn at most this often: a faster one costs more time than the work it shows. */
const REDRAW_EVERY_MS = 100;
/** Without a terminal each report is a line of a log: few enough to read, often enough to see that it still runs. */
const LINE_EVERY_MS = 2_000;
const BAR_CHARS = 24;

export interface Progress {
  /** Counts `n` more units as done (default 1). */
  tick(n?: number): void;
  /** What is shown behind the count from now on. */
  note(text: string): void;
  /** Ends the display with its last state; later calls do nothing. */
  done(): void;
}

/**
 * Shows `label` with `done/total`: one redrawn line in a terminal, plain lines elsewhere.
 *
 * @param total null if nobody knows it: then there is a count, and no bar
 */
export function progress(label: string, total: number | null): Progress {
  const out = process.stderr;
  const startMs = performance.now();
  let count = 0;
  let shownMs = startMs;
  let ended = false;
  let noted = "";

  function show(nowMs: number): void {
    shownMs = nowMs;
    const seconds = ((nowMs - startMs) / 1000).toFixed(1);
    const counted = total === null ? String(count) : `${count}/${total}`;
    if (!out.isTTY) {
      out.write(`${label}: ${counted} (${seconds} s)${noted}\n`);
      return;
    }
    if (total === null) {
      out.write(`\r\x1b[K${label} ${counted} ${seconds} s${noted}`);
      return;
    }
    const filled = total > 0 ? Math.min(BAR_CHARS, Math.floor((count / total) * BAR_CHARS)) : BAR_CHARS;
    const bar = "#".repeat(filled) + ".".repeat(BAR_CHARS - filled);
    out.write(`\r\x1b[K${label} [${bar}] ${counted} ${seconds} s${noted}`);
  }

  return {
    tick(n = 1) {
      if (ended) return;
      count += n;
      const nowMs = performance.now();
      if (nowMs - shownMs >= (out.isTTY ? REDRAW_EVERY_MS : LINE_EVERY_MS)) show(nowMs);
    },
    note(text) {
      noted = text === "" ? "" : `, ${text}`;
    },
    done() {
      if (ended) return;
      ended = true;
      show(performance.now());
      if (out.isTTY) out.write("\n");
    },
  };
}
