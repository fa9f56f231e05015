/** A terminal that is redrawn while a view runs, and given back as it was. */
import type { WriteStream } from "node:tty";

/** Four frames a second: the eye follows, and a busy town costs no more than a quiet one. */
const REDRAW_EVERY_MS = 250;
/** Ages on the screen count seconds, also when nothing else changes. */
const REDRAW_AT_LEAST_EVERY_MS = 1_000;

const ENTER = "\u{1B}[?1049h\u{1B}[?25l\u{1B}[2J";
const LEAVE = "\u{1B}[?25h\u{1B}[?1049l";
const HOME = "\u{1B}[H";
const CLEAR_LINE_END = "\u{1B}[K";
const CLEAR_SCREEN_END = "\u{1B}[J";

/** What `getColorDepth` answers for a terminal without colours, or when NO_COLOR is set. */
const MONOCHROME_DEPTH = 1;

export interface Screen {
  /** Something changed; drawn with the next frame. */
  changed(): void;
  /** Gives the terminal back. Happens by itself when the process exits. */
  close(): void;
}

export type Draw = (size: { columns: number; rows: number; color: boolean }) => string;

/** Shows what `draw` answers on the alternate screen until `close`. */
export function openScreen(out: WriteStream, draw: Draw): Screen {
  // Beside NO_COLOR this knows TERM=dumb and what is not a terminal.
  const color = (process.env["NO_COLOR"] ?? "") === "" && out.getColorDepth() > MONOCHROME_DEPTH;
  let isDirty = true;
  let drawnMs = 0;

  function redraw(): void {
    isDirty = false;
    drawnMs = performance.now();
    const frame = draw({ columns: out.columns, rows: out.rows, color });
    // Overwriting line by line instead of clearing first: a cleared screen flickers.
    out.write(HOME + frame.split("\n").join(`${CLEAR_LINE_END}\r\n`) + CLEAR_LINE_END + CLEAR_SCREEN_END);
  }

  function tick(): void {
    if (isDirty || performance.now() - drawnMs >= REDRAW_AT_LEAST_EVERY_MS) redraw();
  }

  const timer = setInterval(tick, REDRAW_EVERY_MS);
  const onExit = () => out.write(LEAVE);
  out.on("resize", redraw);
  process.on("exit", onExit);
  out.write(ENTER);

  return {
    changed() {
      isDirty = true;
    },
    close() {
      clearInterval(timer);
      out.off("resize", redraw);
      process.off("exit", onExit);
      out.write(LEAVE);
    },
  };
}
