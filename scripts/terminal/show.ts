/** Shows what a client sees until it is closed: a live screen in a terminal, plain lines anywhere else. */
import type { NearbyClient } from "../../src/client/index.ts";
import { render, statusText, strangersText } from "./render.ts";
import { openScreen } from "./screen.ts";
import { nameOf, type LogLine, type ViewState } from "./state.ts";
import { watchClient } from "./watch.ts";
import { clean } from "./width.ts";
import { clockText, distanceText, unitsOf } from "./words.ts";

/** A log without a terminal: often enough to see that it lives, rare enough to read the events between. */
const SUMMARY_EVERY_MS = 5_000;

const MARKS: Record<LogLine["kind"], string> = { appeared: "+", left: "-", news: "·", problem: "!" };

export interface Show {
  /** Adds a line of one's own to the log. */
  note(kind: LogLine["kind"], text: string): void;
  /** Gives the terminal back and stops the summaries. */
  close(): void;
}

export interface ShowOptions {
  readonly user: string;
  readonly title: string;
  readonly hint: string;
}

export function showClient(client: NearbyClient, options: ShowOptions): Show {
  const { stdout } = process;
  const units = unitsOf(process.env);
  if (stdout.isTTY) {
    const screen = openScreen(stdout, (size) => render(watch.state(), { ...size, nowMs: Date.now() }));
    const watch = watchClient(client, { ...options, units, nowMs: Date.now, onChange: () => screen.changed() });
    return { note: (kind, text) => watch.note(kind, text), close: () => screen.close() };
  }
  const onLine = (line: LogLine) => stdout.write(`${plainLine(line)}\n`);
  const watch = watchClient(client, { ...options, units, nowMs: Date.now, onLine });
  const timer = setInterval(() => stdout.write(`${summaryLine(watch.state(), Date.now())}\n`), SUMMARY_EVERY_MS);
  return { note: (kind, text) => watch.note(kind, text), close: () => clearInterval(timer) };
}

/** One event of the log. */
export function plainLine({ atMs, kind, text }: LogLine): string {
  return `${clockText(atMs)} ${MARKS[kind]} ${text}`;
}

/** The whole view in a line. */
export function summaryLine(state: ViewState, nowMs: number): string {
  const nearest = state.friends
    .slice(0, 3)
    .map((friend) => `${clean(nameOf(friend))} ${distanceText(friend.distance, state.units)}`);
  const near = `${state.friends.length} near${nearest.length > 0 ? `, nearest: ${nearest.join(", ")}` : ""}`;
  const others = state.strangers === 0 ? "" : ` ${strangersText(state.strangers)};`;
  return `${clockText(nowMs)} = ${statusText(state, nowMs)}; ${near};${others} ${state.updatesPerS.toFixed(1)} updates/s`;
}
