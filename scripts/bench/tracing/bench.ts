/** `npm run bench -- --tracing`: the same load on two servers by turns, of which one traces and the other does not. */
import { progress } from "../../progress.ts";
import { median, round } from "../figures.ts";
import { Load, type LoadOptions } from "../load.ts";
import type { Person } from "../people.ts";
import { openReal, type Target } from "../targets.ts";
import { cpuSecondsOf } from "../usage.ts";
import { type CallCosts, measureCalls } from "./calls.ts";

/** What a traced call may cost, µs. */
export const CALL_TARGET_US = 2;

export interface TracingOptions {
  people: Person[];
  friends: number;
  load: Pick<LoadOptions, "window" | "warmUpMs" | "measureMs">;
  rounds: number;
  onFailure: (error: Error) => void;
  signal: AbortSignal;
}

export interface TracingFigures {
  positionsPerS: number;
  deliveriesPerS: number;
  /** CPU seconds of the server for a position, in µs; null without /proc. */
  cpuPerPositionUs: number | null;
}

export interface TracingRound {
  on: TracingFigures;
  off: TracingFigures;
  /** CPU of a position, on / off. */
  cpuRatio: number | null;
}

export interface TracingReport {
  users: number;
  friends: number;
  /** µs of a traced call, beyond the same call that is not traced. */
  callUs: CallCosts | null;
  callTargetUs: number;
  rounds: TracingRound[];
  medianCpuRatio: number | null;
  failures: string[];
}

export async function benchTracing(options: TracingOptions): Promise<TracingReport> {
  const { people, friends, rounds: count, onFailure, signal } = options;
  const callUs = await measureCalls(signal);
  const targets: Target[] = [];
  try {
    const off = await openReal({ people, onFailure, signal, label: "off", settings: { SLOW_MS: "0" } });
    targets.push(off);
    const on = await openReal({ people, onFailure, signal, label: "on" });
    targets.push(on);
    const bar = progress("rounds", count);
    const rounds: TracingRound[] = [];
    while (rounds.length < count) {
      // By turns first and second: whoever comes second finds a warmer machine.
      const isOnFirst = rounds.length % 2 === 1;
      const [first, second] = isOnFirst ? [on, off] : [off, on];
      const [before, after] = [await measure(options, first), await measure(options, second)];
      rounds.push(isOnFirst ? roundOf(before, after) : roundOf(after, before));
      bar.tick();
    }
    bar.done();
    return reportOf({ users: people.length, friends, callUs, rounds });
  } finally {
    await Promise.all(targets.map((target) => target.close()));
  }
}

export function reportOf(found: Pick<TracingReport, "users" | "friends" | "callUs" | "rounds">): TracingReport {
  const ratios = found.rounds.map(({ cpuRatio }) => cpuRatio).filter((ratio) => ratio !== null);
  const { callUs } = found;
  const failures = Object.entries(callUs ?? {})
    .filter(([, us]) => us > CALL_TARGET_US)
    .map(
      ([kind, us]) => `a traced call (${kind}) costs ${us} µs, ${round(us - CALL_TARGET_US, 2)} µs more than it may`,
    );
  const medianCpuRatio = ratios.length === 0 ? null : round(median(ratios), 3);
  return { ...found, callTargetUs: CALL_TARGET_US, medianCpuRatio, failures };
}

function roundOf(on: TracingFigures, off: TracingFigures): TracingRound {
  const [tracing, without] = [on.cpuPerPositionUs, off.cpuPerPositionUs];
  return { on, off, cpuRatio: tracing === null || without === null ? null : round(tracing / without, 3) };
}

async function measure({ people, load, signal }: TracingOptions, target: Target): Promise<TracingFigures> {
  const edges: (number | undefined)[] = [];
  const onEdge = () => void edges.push(cpuSecondsOf(target.processes()));
  const figures = await new Load({ people, clients: target.clients, ...load, onEdge, signal }).run();
  const [start, end] = edges;
  const positions = (figures.updatesPerS * load.measureMs) / 1000;
  return {
    positionsPerS: round(figures.updatesPerS, 1),
    deliveriesPerS: round(figures.deliveriesPerS, 1),
    cpuPerPositionUs: start === undefined || end === undefined ? null : round(((end - start) * 1e6) / positions, 1),
  };
}
