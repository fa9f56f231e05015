/** The live view as one frame: a map on the left, the list on the right, what happened below. Pure. */
import type { Friend } from "../../src/client/index.ts";
import { drawRadar, initial } from "./radar.ts";
import { nameOf, type LogKind, type ViewState } from "./state.ts";
import { painter, type Paint, type StyleName } from "./style.ts";
import { clean, clip, columnsOf, padEnd, padStart } from "./width.ts";
import { ageText, arrow, bearingDeg, clockText, distanceText } from "./words.ts";

/** Below it the ring is too coarse to tell directions. */
const RADAR_COLUMNS_MIN = 36;
/** Marker, a name of about twelve letters, distance, arrow, age. */
const LIST_COLUMNS_MIN = 38;
const GAP_COLUMNS = 2;
const LOG_ROWS_MAX = 8;
/** Title, line above the log, status. */
const FIXED_ROWS = 3;

/** A space, the initial (wide in some scripts), a space. */
const MARKER_COLUMNS = 4;
const DISTANCE_COLUMNS = 8;
const ARROW_COLUMNS = 2;
const AGE_COLUMNS = 11;

const LOG_STYLES: Record<LogKind, StyleName> = { appeared: "good", left: "warn", news: "dim", problem: "bad" };

export interface FrameOptions {
  readonly columns: number;
  readonly rows: number;
  readonly nowMs: number;
  readonly color: boolean;
}

/** `rows` lines joined by "\n", none wider than `columns`, without a newline at the end. */
export function render(state: ViewState, options: FrameOptions): string {
  const { columns, rows, nowMs } = options;
  const paint = painter(options.color);
  const bodyRows = bodyRowsOf(rows);
  const logRows = Math.max(0, rows - FIXED_ROWS - bodyRows);
  const lines = [
    titleLine(state, columns, paint),
    ...body(state, { columns, rows: bodyRows }, nowMs, paint),
    paint("─".repeat(columns), "dim"),
    ...logLines(state, { columns, rows: logRows }, paint),
    statusLine(state, columns, nowMs, paint),
  ];
  return lines.slice(0, rows).join("\n");
}

/** An odd number: the viewer stands in the middle row. */
function bodyRowsOf(rows: number): number {
  const logRows = Math.max(0, Math.min(LOG_ROWS_MAX, Math.floor((rows - 4) / 4)));
  const bodyRows = Math.max(0, rows - FIXED_ROWS - logRows);
  return bodyRows % 2 === 1 ? bodyRows : Math.max(0, bodyRows - 1);
}

function titleLine(state: ViewState, columns: number, paint: Paint): string {
  const right = `${state.friends.length} within ${distanceText(state.radiusM, state.units)} `;
  const left = clip(` nearby-friends · ${clean(state.user)} · ${clean(state.title)}`, columns - columnsOf(right) - 1);
  return paint(clip(padEnd(left, columns - columnsOf(right)) + right, columns), "title");
}

interface Size {
  readonly columns: number;
  readonly rows: number;
}

function body(state: ViewState, size: Size, nowMs: number, paint: Paint): string[] {
  // Twice as wide as high is round; a little more leaves room beside the ring.
  const wanted = Math.max(RADAR_COLUMNS_MIN, size.rows * 2 + 2);
  const radarColumns = Math.min(wanted, size.columns - GAP_COLUMNS - LIST_COLUMNS_MIN);
  if (radarColumns < RADAR_COLUMNS_MIN || state.place === undefined) return list(state, size, nowMs, paint);
  const left = drawRadar(state, { columns: radarColumns, rows: size.rows }, paint);
  const right = list(state, { columns: size.columns - radarColumns - GAP_COLUMNS, rows: size.rows }, nowMs, paint);
  return left.map((line, i) => `${line}${" ".repeat(GAP_COLUMNS)}${right[i] ?? ""}`);
}

function list(state: ViewState, { columns, rows }: Size, nowMs: number, paint: Paint): string[] {
  if (rows < 1) return [];
  const header = row(columns, ["", "friend", "distance", "", "last seen"]);
  const fits = state.friends.length <= rows - 1;
  const shown = fits ? state.friends : state.friends.slice(0, Math.max(0, rows - 2));
  const lines = shown.map((friend) => friendLine(state, friend, columns, nowMs, paint));
  if (!fits)
    lines.push(paint(clip(`    and ${state.friends.length - shown.length} more, farther away`, columns), "dim"));
  if (state.friends.length === 0) lines.push(paint(clip("    nobody is near", columns), "dim"));
  while (lines.length < rows - 1) lines.push("");
  return [paint(header, "dim"), ...lines].slice(0, rows);
}

function friendLine(state: ViewState, friend: Friend, columns: number, nowMs: number, paint: Paint): string {
  const name = clean(nameOf(friend));
  const direction = state.place === undefined ? "" : arrow(bearingDeg(state.place, friend));
  const cells = ["", name, distanceText(friend.distance, state.units), direction, ageText(nowMs - friend.ts)];
  const marker = paint(padEnd(` ${initial(name)}`, MARKER_COLUMNS), { friendId: friend.id });
  return marker + row(columns, cells).slice(MARKER_COLUMNS);
}

/** One line of the list; the first cell is left to the marker. */
function row(columns: number, [, name = "", distance = "", direction = "", age = ""]: readonly string[]): string {
  const nameColumns = Math.max(4, columns - MARKER_COLUMNS - DISTANCE_COLUMNS - ARROW_COLUMNS - AGE_COLUMNS - 1);
  const line =
    " ".repeat(MARKER_COLUMNS) +
    padEnd(name, nameColumns) +
    padStart(distance, DISTANCE_COLUMNS + 1) +
    padStart(direction, ARROW_COLUMNS) +
    padStart(age, AGE_COLUMNS);
  return clip(line, columns);
}

function logLines(state: ViewState, { columns, rows }: Size, paint: Paint): string[] {
  const lines = rows === 0 ? [] : state.log.slice(-rows);
  const texts = lines.map(({ atMs, kind, text }) => {
    const time = `${clockText(atMs)}  `;
    return paint(time, "dim") + paint(clip(clean(text), columns - time.length), LOG_STYLES[kind]);
  });
  while (texts.length < rows) texts.push("");
  return texts;
}

function statusLine(state: ViewState, columns: number, nowMs: number, paint: Paint): string {
  const text = statusText(state, nowMs);
  const others = state.strangers === 0 ? "" : ` · ${strangersText(state.strangers)}`;
  const left = clip(`${text} · ${state.updatesPerS.toFixed(1)} updates/s${others}`, columns);
  const room = columns - columnsOf(left) - 2;
  const right = room >= columnsOf(state.hint) ? state.hint : "";
  const isFine = state.status.state === "online";
  return paint(left, isFine ? "good" : "warn") + paint(padStart(right, columns - columnsOf(left)), "dim");
}

/** People without a name. */
export function strangersText(count: number): string {
  return `${count} ${count === 1 ? "stranger" : "strangers"} nearby`;
}

/** The connection in words. */
export function statusText({ status, statusSinceMs }: ViewState, nowMs: number): string {
  switch (status.state) {
    case "connecting":
      return "connecting";
    case "online":
      return "online";
    case "polling":
      return "no socket to be had, asking over HTTP";
    case "waiting": {
      const seconds = Math.max(0, Math.ceil((statusSinceMs + status.retryInMs - nowMs) / 1000));
      return `offline (${status.code}${status.reason ? `, ${clean(status.reason)}` : ""}), next attempt in ${seconds} s`;
    }
    case "closed":
      return `closed (${status.code}${status.reason ? `, ${clean(status.reason)}` : ""})`;
  }
}
