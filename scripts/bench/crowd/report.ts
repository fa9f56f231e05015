/** What a crowd found, as one document and as a table, and whether it is good enough. */
import type { Errors } from "./errors.ts";
import { round } from "../figures.ts";
import type { LatencyFigures, Latencies } from "../latencies.ts";
import { describeMachine, formatMachine, type Machine } from "../machine.ts";
import { markdownTable } from "../tables.ts";
import type { TurnsTaken } from "./load.ts";
import { CROWD_FRIENDS, CROWD_NEAR, SLEEPER_FRIENDS } from "./layout.ts";
import type { Plan } from "./plan.ts";
import type { Sample, Sampler } from "./sampler.ts";

/** A friend on a map is this late at the most, for 99 of 100 positions. */
export const P99_TARGET_MS = 250;
/** Of those who are connected, more are not awake at a time when everybody is let sleep. */
const AWAKE_SHARE_MAX = 0.5;
/** By a `ping`, nobody wakes; an alarm or a late frame may wake some. */
const AWAKE_BY_PING_SHARE_MAX = 0.01;

const KIB_PER_MIB = 1_024;

/** What a server takes of the machine. Null without /proc. */
export interface ServerFigures {
  readonly fronts: number;
  /** Of one process. */
  readonly descriptorsLimit: number | null;
  readonly runtimeDescriptors: number | null;
  /** Of the fullest. */
  readonly frontDescriptors: number | null;
  readonly runtimeMiB: number | null;
  /** Of all of them. */
  readonly frontsMiB: number | null;
  /** In the state directory, which is in memory as well. */
  readonly stateMiB: number | null;
  /** Busy during the turns, of all threads. */
  readonly runtimeCores: number | null;
  readonly frontsCores: number | null;
  readonly perPerson: {
    /** Of all processes together. */
    readonly descriptors: number | null;
    readonly runtimeKiB: number | null;
    readonly frontsKiB: number | null;
    readonly stateKiB: number | null;
  };
}

interface Common {
  readonly users: number;
  readonly seconds: number;
  readonly isComplete: boolean;
  readonly connectS: number;
  readonly errors: Readonly<Record<string, number>>;
  /** Of the load: how long after its moment a position was sent. */
  readonly sendLateP99Ms: number | null;
  readonly server: ServerFigures;
  readonly log: string;
  /** What is not as it must be, in words; empty when all is well. */
  readonly failures: readonly string[];
  readonly machine: Machine;
}

export interface CrowdReport extends Common {
  readonly workload: "crowd";
  readonly everyS: number;
  readonly friends: number;
  readonly near: number;
  readonly positions: number;
  readonly positionsPerS: number;
  readonly deliveries: number;
  readonly deliveriesPerS: number;
  readonly lost: number;
  /** From the moment when a position was due until it was at a friend. */
  readonly latency: LatencyFigures;
  readonly p99TargetMs: number;
}

export interface Pings {
  readonly sent: number;
  readonly answered: number;
  /** Objects that were in memory at a look meanwhile, at most. */
  readonly awakeMost: number;
}

export interface IdleReport extends Common {
  readonly workload: "idle";
  readonly friends: number;
  readonly pings: Pings;
  readonly wakes: number;
  readonly wakesPerS: number;
  readonly lost: number;
  /** From the moment when a position was due until the answer to the question behind it. */
  readonly latency: LatencyFigures;
  /** Objects in memory, by the descriptors that were open. */
  readonly awake: { readonly median: number; readonly most: number };
}

interface Found {
  readonly taken: TurnsTaken;
  readonly connectS: number;
  readonly errors: Pick<Errors, "byKind" | "count">;
  readonly sampler: Pick<Sampler, "before" | "limit" | "peakOpen" | "peakFrontOpen">;
  /** At the beginning and at the end of the turns. */
  readonly start: Sample;
  readonly end: Sample;
  readonly log: string;
}

export function makeCrowdReport(
  found: Found & {
    options: { users: number; everyS: number; plan: Plan };
    arrivals: { expected: number; latencies: Latencies };
  },
): CrowdReport {
  const { options, taken, arrivals } = found;
  const latency = arrivals.latencies.figures();
  const lost = arrivals.expected - latency.count;
  return {
    workload: "crowd",
    ...commonOf(found, options),
    everyS: options.everyS,
    friends: CROWD_FRIENDS,
    near: CROWD_NEAR,
    positions: taken.turns,
    positionsPerS: round(taken.turns / taken.seconds, 1),
    deliveries: latency.count,
    deliveriesPerS: round(latency.count / taken.seconds, 1),
    lost,
    latency,
    p99TargetMs: P99_TARGET_MS,
    failures: crowdFailures({ errors: found.errors, expected: arrivals.expected, lost, p99Ms: latency.p99Ms }),
  };
}

export interface CrowdJudged {
  readonly errors: Pick<Errors, "byKind" | "count">;
  readonly expected: number;
  readonly lost: number;
  readonly p99Ms: number | null;
}

export function crowdFailures({ errors, expected, lost, p99Ms }: CrowdJudged): string[] {
  const checks: [isGood: boolean, problem: string][] = [
    [expected > 0, "nobody sent a position"],
    [errors.count === 0, errorsText(errors)],
    [lost === 0, `${lost} of ${expected} positions did not arrive at a friend`],
    [p99Ms === null || p99Ms <= P99_TARGET_MS, `p99 is ${p99Ms} ms, and must be at most ${P99_TARGET_MS} ms`],
  ];
  return checks.filter(([isGood]) => !isGood).map(([, problem]) => problem);
}

export function makeIdleReport(
  found: Found & {
    options: { users: number; plan: Plan };
    pings: Pings;
    wakes: { missing: number; latencies: Latencies };
    awake: { median: number; most: number };
  },
): IdleReport {
  const { options, taken, wakes, pings, awake, errors } = found;
  return {
    workload: "idle",
    ...commonOf(found, options),
    friends: SLEEPER_FRIENDS,
    pings,
    wakes: taken.turns,
    wakesPerS: round(taken.turns / taken.seconds, 1),
    lost: wakes.missing,
    latency: wakes.latencies.figures(),
    awake,
    failures: idleFailures({ users: options.users, turns: taken.turns, lost: wakes.missing, pings, awake, errors }),
  };
}

export interface IdleJudged {
  readonly users: number;
  readonly turns: number;
  readonly lost: number;
  readonly pings: Pings;
  readonly awake: { readonly median: number };
  readonly errors: Pick<Errors, "byKind" | "count">;
}

export function idleFailures({ users, turns, lost, pings, awake, errors }: IdleJudged): string[] {
  const checks: [isGood: boolean, problem: string][] = [
    [turns > 0, "nobody was woken"],
    [errors.count === 0, errorsText(errors)],
    [lost === 0, `${lost} of ${turns} who were woken did not answer`],
    [pings.answered === pings.sent, `${pings.answered} of ${pings.sent} pings were answered`],
    // Not a number without /proc: then there is nothing to judge.
    [
      !(pings.awakeMost > users * AWAKE_BY_PING_SHARE_MAX),
      `${pings.awakeMost} objects were awake while there were only pings`,
    ],
    [
      !(awake.median > users * AWAKE_SHARE_MAX),
      `${awake.median} of ${users} objects were awake: they do not hibernate`,
    ],
  ];
  return checks.filter(([isGood]) => !isGood).map(([, problem]) => problem);
}

function errorsText({ count, byKind }: Pick<Errors, "byKind" | "count">): string {
  const kinds = Object.entries(byKind).map(([kind, times]) => `${kind} (${times})`);
  return `${count} errors: ${kinds.join(", ")}`;
}

function commonOf(found: Found, { users, plan }: { users: number; plan: Plan }) {
  const { taken, connectS, errors, log } = found;
  return {
    users,
    seconds: round(taken.seconds, 1),
    isComplete: taken.isComplete,
    connectS,
    errors: errors.byKind,
    sendLateP99Ms: taken.late.percentileMs(99),
    server: serverOf(found, { users, fronts: plan.fronts }),
    log,
    machine: describeMachine(),
  };
}

function serverOf(
  { taken, sampler, start, end }: Found,
  { users, fronts }: { users: number; fronts: number },
): ServerFigures {
  const { before, limit, peakOpen, peakFrontOpen } = sampler;
  const grown = (read: (of: Sample) => number) => ((read(end) - read(before)) * KIB_PER_MIB) / users;
  const open = (of: Sample) => of.runtime.open + ofFronts(of, "open");
  return {
    fronts,
    descriptorsLimit: limit ?? null,
    runtimeDescriptors: known(peakOpen, 0),
    frontDescriptors: fronts === 0 ? 0 : known(peakFrontOpen, 0),
    runtimeMiB: known(end.runtime.residentMiB, 0),
    frontsMiB: known(ofFronts(end, "residentMiB"), 0),
    stateMiB: known(end.stateMiB, 0),
    runtimeCores: known((end.runtime.cpuS - start.runtime.cpuS) / taken.seconds, 2),
    frontsCores: known((ofFronts(end, "cpuS") - ofFronts(start, "cpuS")) / taken.seconds, 2),
    perPerson: {
      descriptors: known((open(end) - open(before)) / users, 2),
      runtimeKiB: known(
        grown((of) => of.runtime.residentMiB),
        0,
      ),
      frontsKiB: known(
        grown((of) => ofFronts(of, "residentMiB")),
        0,
      ),
      stateKiB: known(
        grown((of) => of.stateMiB),
        0,
      ),
    },
  };
}

function ofFronts({ fronts }: Sample, read: "open" | "residentMiB" | "cpuS"): number {
  return fronts.reduce((total, front) => total + front[read], 0);
}

function known(value: number, digits: number): number | null {
  return Number.isFinite(value) ? round(value, digits) : null;
}

export function formatCrowdReport(report: CrowdReport): string {
  const { users, seconds, everyS, friends, near, positionsPerS, deliveriesPerS, lost } = report;
  return [
    `${users} people on one server for ${seconds} s, each a position every ${everyS} s, ${friends} friends of whom ${near} are near` +
      ` (the others move as well, far away). ${formatMachine(report.machine)}.`,
    "",
    table(report, [
      ["positions/s", positionsPerS],
      ["deliveries/s", deliveriesPerS],
      ["lost", lost],
      ...latencyRows(report.latency),
    ]),
    ...endOf(report),
  ].join("\n");
}

export function formatIdleReport(report: IdleReport): string {
  const { users, seconds, friends, wakesPerS, lost, pings, awake } = report;
  return [
    `${users} people connected with hibernating objects on one server for ${seconds} s; 1 % of them wake each second by a` +
      ` position of their own, which their ${friends} friends are too far away to be told. ${formatMachine(report.machine)}.`,
    "",
    table(report, [
      ["wakes/s", wakesPerS],
      ["not answered", lost],
      ["objects in memory, middle of the looks", awake.median],
      ["objects in memory, most", awake.most],
      ["pings answered", pings.answered],
      ["objects in memory while everybody pings, most", pings.awakeMost],
      ...latencyRows(report.latency),
    ]),
    ...endOf(report),
  ].join("\n");
}

type Row = [what: string, value: number | string | null];

function latencyRows({ p50Ms, p95Ms, p99Ms, maxMs }: LatencyFigures): Row[] {
  return [
    ["p50, ms", p50Ms],
    ["p95, ms", p95Ms],
    ["p99, ms", p99Ms],
    ["longest, ms", maxMs],
  ];
}

function table(report: Common, rows: readonly Row[]): string {
  const { server, connectS, sendLateP99Ms, errors } = report;
  const { perPerson, descriptorsLimit } = server;
  const all: Row[] = [
    ...rows,
    ["errors", Object.values(errors).reduce((sum, count) => sum + count, 0)],
    ["connecting, s", connectS],
    ["the load's own lateness, p99, ms", sendLateP99Ms],
    ["fronts", server.fronts],
    [`descriptors of the runtime, of ${descriptorsLimit ?? "-"}, most`, server.runtimeDescriptors],
    ["descriptors of the fullest front, most", server.frontDescriptors],
    ["descriptors a person", perPerson.descriptors],
    ["memory of the runtime, MiB", server.runtimeMiB],
    ["of the fronts, MiB", server.frontsMiB],
    ["of the state, MiB", server.stateMiB],
    ["memory a person: runtime, KiB", perPerson.runtimeKiB],
    ["front, KiB", perPerson.frontsKiB],
    ["state, KiB", perPerson.stateKiB],
    ["cores: runtime", server.runtimeCores],
    ["fronts' cores", server.frontsCores],
  ];
  return markdownTable(
    ["", "measured"],
    all.map(([what, value]) => [what, value === null ? "-" : value.toLocaleString("en-US")]),
  );
}

function endOf({ failures, isComplete }: Common): string[] {
  return [
    ...(isComplete ? [] : ["", "Ended early: these are the figures until then."]),
    ...(failures.length === 0 ? [] : ["", `FAILED: ${failures.join("; ")}`]),
  ];
}
