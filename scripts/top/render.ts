/** The view of `npm run top` as one frame, or as one line. Pure. */
import type { Stats } from "../../src/protocol/admin.ts";
import { durationText, type Figure, figureText, figuresOf, RATE_NOTE } from "../../src/operate/figures.ts";
import { spark } from "../terminal/spark.ts";
import { painter, type Paint } from "../terminal/style.ts";
import { clean, clip, columnsOf, padEnd, padStart } from "../terminal/width.ts";
import { ageText, clockText } from "../terminal/words.ts";
import { memoryText, type ProcessUse, type View } from "./view.ts";

const LABEL_COLUMNS = 30;
const VALUE_COLUMNS = 15;
const GAP = "  ";
/** Title and state. */
const FIXED_ROWS = 2;

export interface FrameOptions {
  readonly columns: number;
  readonly rows: number;
  readonly nowMs: number;
  readonly color: boolean;
}

/** `rows` lines joined by "\n", none wider than `columns`, without a newline at the end. */
export function render(view: View, { columns, rows, nowMs, color }: FrameOptions): string {
  const paint = painter(color);
  const stats = view.samples.at(-1);
  const body = [
    ...figuresOf(view.samples).map((figure) => figureLine(figure, columns, paint)),
    "",
    ...processLines(view, columns, paint),
    "",
    ...(stats === undefined ? [] : [...historyLines(stats, columns, paint), "", ...errorLines(stats, columns, paint)]),
  ];
  const space = Math.max(0, rows - FIXED_ROWS);
  const shown = [...body.slice(0, space), ...Array.from({ length: Math.max(0, space - body.length) }, () => "")];
  return [titleLine(view, columns, paint), ...shown, stateLine(view, { columns, nowMs }, paint)]
    .slice(0, rows)
    .join("\n");
}

function titleLine({ url, samples }: View, columns: number, paint: Paint): string {
  const { shards } = samples.at(-1) ?? { shards: { asked: 0, answered: 0 } };
  const right = shards.answered < shards.asked ? `${shards.answered} of ${shards.asked} shards answer ` : "";
  const left = clip(` nearby-friends · ${clean(url)}`, columns - columnsOf(right) - 1);
  return paint(clip(padEnd(left, columns - columnsOf(right)) + right, columns), "title");
}

function figureLine({ label, value, unit, series }: Figure, columns: number, paint: Paint): string {
  return row({ label, value: figureText(value, unit), series }, columns, paint);
}

interface Row {
  readonly label: string;
  readonly value: string;
  readonly series: readonly (number | undefined)[];
}

function row({ label, value, series }: Row, columns: number, paint: Paint): string {
  const head = ` ${padEnd(label, LABEL_COLUMNS)}${padStart(value, VALUE_COLUMNS)}`;
  const left = columns - columnsOf(head) - GAP.length - 1;
  if (left < 1) return clip(head, columns);
  return `${head}${GAP}${paint(spark(series.map(finite), left), "ring")}`;
}

function finite(value: number | undefined): number | undefined {
  return value === undefined || Number.isFinite(value) ? value : undefined;
}

function processLines(view: View, columns: number, paint: Paint): string[] {
  const { uses, noProcess } = view;
  const use = uses.at(-1);
  if (use === undefined) return [paint(clip(` no local process: ${noProcess ?? "it has ended"}`, columns), "dim")];
  const series = (read: (one: ProcessUse) => number | undefined) =>
    uses.map((one) => (one === undefined ? undefined : read(one)));
  const told = memoryText(view);
  const cpu = use.cpuCores === undefined ? "–" : `${Math.round(use.cpuCores * 100)} %`;
  return [
    row({ label: `CPU of process ${use.pid}`, value: cpu, series: series((one) => one.cpuCores) }, columns, paint),
    row(
      {
        label: "Resident memory",
        value: `${Math.round(use.residentMiB)} MiB`,
        series: series((one) => one.residentMiB),
      },
      columns,
      paint,
    ),
    ...(told === undefined ? [] : [paint(clip(` ${told.text}`, columns), told.isLeak ? "bad" : "dim")]),
  ];
}

function historyLines({ history, draining, at }: Stats, columns: number, paint: Paint): string[] {
  const age = history.oldestMs === null ? "" : `, the oldest for ${durationText(history.oldestMs)}`;
  const lines = [` queue: ${history.waiting} chunks waiting${age}; ${history.deadLetters} dead letters`];
  for (const { name, stored, failed, lagMs } of history.sinks) {
    const lag = lagMs === null ? "" : `, ${durationText(lagMs)} behind`;
    lines.push(` sink ${clean(name)}: ${stored} stored, ${failed} failed${lag}`);
  }
  const painted = lines.map((line) => clip(line, columns));
  if (draining.until === null) return painted;
  const left = ` draining: ${draining.left} people left, until ${clockText(draining.until)} (${durationText(draining.until - at)})`;
  return [...painted, paint(clip(left, columns), "warn")];
}

function errorLines({ recentErrors, at }: Stats, columns: number, paint: Paint): string[] {
  if (recentErrors.length === 0) return [paint(clip(" no errors lately", columns), "dim")];
  return recentErrors.map((error) => {
    const who = error.user === undefined ? error.source : `${error.source} ${error.user}`;
    const times = error.count === 1 ? "" : ` (${error.count} times)`;
    return paint(
      clip(` ${padEnd(ageText(at - error.at), 12)} ${clean(error.code)} · ${clean(who)}${times}`, columns),
      "warn",
    );
  });
}

function stateLine(
  { trouble, samples }: View,
  { columns, nowMs }: Pick<FrameOptions, "columns" | "nowMs">,
  paint: Paint,
): string {
  const at = samples.at(-1)?.at ?? nowMs;
  if (trouble !== undefined) return paint(clip(` ${clean(trouble)} · from ${ageText(nowMs - at)}`, columns), "bad");
  return paint(clip(` ${clockText(at)} · Ctrl-C ends · ${RATE_NOTE}`, columns), "dim");
}

/** The whole view in a line of a log. */
export function plainLine(view: View): string {
  const figures = new Map(figuresOf(view.samples).map((figure) => [figure.id, figure]));
  const text = (id: string) => {
    const figure = figures.get(id);
    return figure === undefined ? "–" : figureText(figure.value, figure.unit);
  };
  const use = view.uses.at(-1);
  const parts = [
    `${text("connections")} connections`,
    `${text("active")} active`,
    `positions ${text("positions")}`,
    `deliveries ${text("deliveries")}`,
    `errors ${text("errors")}`,
    `${text("waiting")} chunks waiting`,
    ...(use === undefined
      ? []
      : [
          `cpu ${use.cpuCores === undefined ? "–" : `${Math.round(use.cpuCores * 100)} %`}`,
          `${Math.round(use.residentMiB)} MiB`,
        ]),
  ];
  const told = memoryText(view);
  const warning = view.trouble ?? told?.text;
  const at = view.samples.at(-1)?.at ?? 0;
  return `${clockText(at)} ${parts.join(", ")}${warning === undefined ? "" : ` ! ${clean(warning)}`}`;
}
