import { CALL_KINDS } from "./calls.ts";
import type { TracingFigures, TracingReport } from "./bench.ts";

const WORDS = {
  event: "an event and its handler",
  carried: "a call from another object",
  part: "a part of an event",
  outgoing: "a call to another object",
} as const satisfies Record<(typeof CALL_KINDS)[number], string>;

export function formatTracingReport(report: TracingReport): string {
  const { users, friends, callUs, callTargetUs, rounds, medianCpuRatio, failures } = report;
  const lines = [`One traced call, CPU beyond the same call that is not traced (at most ${callTargetUs} µs):`];
  if (callUs === null) lines.push("  not known: there is no /proc");
  else
    for (const kind of CALL_KINDS) lines.push(`  ${WORDS[kind].padEnd(28)} ${callUs[kind].toFixed(2).padStart(6)} µs`);
  lines.push("", `${users} users with ${friends} friends each, tracing off and on by turns:`, "");
  lines.push(row(["", "positions/s", "deliveries/s", "µs/position", "on / off"]));
  for (const [index, { on, off, cpuRatio }] of rounds.entries()) {
    lines.push(
      row([`round ${index + 1} off`, ...cells(off), ""]),
      row(["on", ...cells(on), cpuRatio?.toFixed(3) ?? "-"]),
    );
  }
  lines.push("", `CPU of a position, on / off, median: ${medianCpuRatio?.toFixed(3) ?? "not known"}`);
  return [...lines, ...failures.map((failure) => `MISSED: ${failure}`)].join("\n");
}

function cells({ positionsPerS, deliveriesPerS, cpuPerPositionUs }: TracingFigures): string[] {
  return [positionsPerS.toFixed(0), deliveriesPerS.toFixed(0), cpuPerPositionUs?.toFixed(0) ?? "-"];
}

const CELL_CHARS = 14;

function row(texts: readonly string[]): string {
  return texts.map((text, at) => (at === 0 ? text.padEnd(CELL_CHARS) : text.padStart(CELL_CHARS))).join("");
}
