/**
 * `npm run bench`: how much of what the platform can deliver is left once the rules have been applied; with `--history`,
 * what a position costs on its way into the history, and whether all of them arrive there; with `--owntracks`, how many
 * reports of phones it takes; with `--activation`, what it takes somebody to become active; with `--strangers`, what nearby
 * people who are not friends cost in calls, and how busy the objects of their cells are; with `--tracing`, what it costs to
 * know what was slow.
 */
import { benchActivation } from "./bench/activation/bench.ts";
import { formatActivationReport } from "./bench/activation/report.ts";
import { openFloor, openReal, type Target } from "./bench/targets.ts";
import { round } from "./bench/figures.ts";
import { benchHistory } from "./bench/history/bench.ts";
import { formatHistoryReport } from "./bench/history/report.ts";
import { benchOwnTracks } from "./bench/owntracks/bench.ts";
import { formatOwnTracksReport, RATE_TARGET } from "./bench/owntracks/report.ts";
import { Load } from "./bench/load.ts";
import { makePeople, type Person } from "./bench/people.ts";
import { formatReport, makeReport, type Round, type RoundFigures } from "./bench/report.ts";
import { benchStrangers } from "./bench/strangers/bench.ts";
import { formatStrangersReport } from "./bench/strangers/report.ts";
import { benchTracing } from "./bench/tracing/bench.ts";
import { formatTracingReport } from "./bench/tracing/report.ts";
import { cpuSeconds, peakMiB } from "./bench/usage.ts";
import { readInteger, readOptions, refuseUsage } from "./options.ts";
import { progress } from "./progress.ts";

const USAGE =
  "npm run bench -- [--users N] [--friends N] [--seconds N] [--rounds N] [--json], or" +
  " npm run bench -- --history [--users N] [--seconds N] [--json], or" +
  " npm run bench -- --owntracks [--users N] [--friends N] [--seconds N] [--rate N] [--json], or" +
  " npm run bench -- --activation [--friends N] [--active N] [--rounds N] [--json], or" +
  " npm run bench -- --strangers [--users N] [--json], or" +
  " npm run bench -- --tracing [--users N] [--friends N] [--seconds N] [--rounds N] [--json]";
/** With its socket a live object takes about 5 descriptors, and two servers run: more do not fit into 20,000. */
const USERS_MAX = 3_000;
const FRIENDS_MAX = 1_000;
const SECONDS_MAX = 600;
/** In less, the rows of connecting and of becoming active would be most of the rows that are counted. */
const HISTORY_SECONDS_MIN = 40;
const ROUNDS_MAX = 50;
/** Far above what one server does. */
const RATE_MAX = 10_000;
/**
 * Enough that the server's one thread never waits (its CPU seconds equal the measured ones). More would only make the
 * queues longer, and the runtime slower: the bare object does 15,000 deliveries/s with 4 under way and 6,600 with 40.
 */
const POSITIONS_UNDER_WAY = 4;
/** Wakes the objects that hibernated while the other server had its turn, and lets the compiler settle. */
const WARM_UP_MS = 2_000;

const { values } = readOptions(USAGE, {
  users: { type: "string" },
  friends: { type: "string" },
  seconds: { type: "string" },
  rounds: { type: "string" },
  rate: { type: "string" },
  active: { type: "string" },
  history: { type: "boolean", default: false },
  owntracks: { type: "boolean", default: false },
  activation: { type: "boolean", default: false },
  strangers: { type: "boolean", default: false },
  tracing: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
});
/** What each bench takes beside `--json`, and what it takes when nothing is said. */
const BENCHES = {
  deliveries: { takes: ["users", "friends", "seconds", "rounds"], users: 400, friends: 40, seconds: 10, rounds: 5 },
  history: { takes: ["users", "seconds"], users: 1_000, friends: 40, seconds: HISTORY_SECONDS_MIN, rounds: 5 },
  // A phone each 2 s at the rate of the target: a position has the time in seconds.
  owntracks: {
    takes: ["users", "friends", "seconds", "rate"],
    users: 2 * RATE_TARGET,
    friends: 10,
    seconds: 20,
    rounds: 5,
  },
  // The standard case: one friend in ten is online.
  activation: { takes: ["friends", "active", "rounds"], users: 400, friends: 400, seconds: 10, rounds: 3 },
  strangers: { takes: ["users"], users: 1_000, friends: 40, seconds: 10, rounds: 5 },
  tracing: { takes: ["users", "friends", "seconds", "rounds"], users: 100, friends: 40, seconds: 6, rounds: 5 },
} as const;
const ACTIVE = 40;
const kind = readKind();
const defaults = BENCHES[kind];
const users = readInteger(USAGE, {
  option: "--users",
  text: values.users,
  fallback: defaults.users,
  min: 2,
  max: USERS_MAX,
});
const friends = readInteger(USAGE, {
  option: "--friends",
  text: values.friends,
  fallback: defaults.friends,
  max: FRIENDS_MAX,
});
const active = readInteger(USAGE, {
  option: "--active",
  text: values.active,
  fallback: Math.min(ACTIVE, friends),
  max: friends,
});
const seconds = readInteger(USAGE, {
  option: "--seconds",
  text: values.seconds,
  fallback: defaults.seconds,
  min: values.history ? HISTORY_SECONDS_MIN : 1,
  max: SECONDS_MAX,
});
const roundCount = readInteger(USAGE, {
  option: "--rounds",
  text: values.rounds,
  fallback: defaults.rounds,
  max: ROUNDS_MAX,
});
const rate = readInteger(USAGE, { option: "--rate", text: values.rate, fallback: RATE_TARGET, max: RATE_MAX });
if (kind === "deliveries" || kind === "owntracks" || kind === "tracing") checkFriends();

const failed = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => failed.abort(new Error(`ended by ${signal}`)));
}
try {
  await { deliveries: bench, history, owntracks: ownTracks, activation, strangers, tracing }[kind]();
} catch (error) {
  // An abort shows up as an AbortError wherever the bench happened to wait; its reason is what went wrong.
  const cause: unknown = failed.signal.aborted ? failed.signal.reason : error;
  process.stderr.write(`bench: ${cause instanceof Error ? cause.message : String(cause)}\n`);
  process.exitCode = 1;
}

function readKind(): keyof typeof BENCHES {
  const [asked = "deliveries", other] = (
    ["history", "owntracks", "activation", "strangers", "tracing"] as const
  ).filter((name) => values[name]);
  if (other !== undefined) refuseUsage(USAGE, `--${asked} and --${other} are two benches`);
  const takes: readonly string[] = BENCHES[asked].takes;
  for (const name of ["users", "friends", "seconds", "rounds", "rate", "active"] as const) {
    if (values[name] === undefined || takes.includes(name)) continue;
    const of = asked === "deliveries" ? "the bench without an option" : `--${asked}`;
    refuseUsage(USAGE, `--${name} is not for ${of}`);
  }
  return asked;
}

function checkFriends(): void {
  if (friends >= users) refuseUsage(USAGE, `--friends must be less than --users (${users})`);
  const isOdd = (users * friends) % 2 === 1;
  if (isOdd) refuseUsage(USAGE, "one of --users and --friends must be even: friends come in pairs");
}

async function history(): Promise<void> {
  const onFailure = (error: Error) => failed.abort(error);
  const report = await benchHistory({ users, seconds, onFailure, signal: failed.signal });
  process.stdout.write(`${values.json ? JSON.stringify(report, null, 2) : formatHistoryReport(report)}\n`);
  if (report.failures.length > 0) process.exitCode = 1;
}

async function ownTracks(): Promise<void> {
  const report = await benchOwnTracks({ users, friends, seconds, rate, signal: failed.signal });
  process.stdout.write(`${values.json ? JSON.stringify(report, null, 2) : formatOwnTracksReport(report)}\n`);
  if (report.failures.length > 0) process.exitCode = 1;
}

async function activation(): Promise<void> {
  const report = await benchActivation({
    friends,
    active,
    rounds: roundCount,
    onFailure: abort,
    signal: failed.signal,
  });
  process.stdout.write(`${values.json ? JSON.stringify(report, null, 2) : formatActivationReport(report)}\n`);
  if (report.failures.length > 0) process.exitCode = 1;
}

async function strangers(): Promise<void> {
  const report = await benchStrangers({ people: users, onFailure: abort, signal: failed.signal });
  process.stdout.write(`${values.json ? JSON.stringify(report, null, 2) : formatStrangersReport(report)}\n`);
  if (report.failures.length > 0) process.exitCode = 1;
}

async function tracing(): Promise<void> {
  const window = Math.min(users, POSITIONS_UNDER_WAY);
  const load = { window, warmUpMs: WARM_UP_MS, measureMs: seconds * 1000 };
  const people = makePeople(users, friends);
  const report = await benchTracing({
    people,
    friends,
    load,
    rounds: roundCount,
    onFailure: abort,
    signal: failed.signal,
  });
  process.stdout.write(`${values.json ? JSON.stringify(report, null, 2) : formatTracingReport(report)}\n`);
  if (report.failures.length > 0) process.exitCode = 1;
}

function abort(error: Error): void {
  failed.abort(error);
}

async function bench(): Promise<void> {
  const people = makePeople(users, friends);
  const window = Math.min(users, POSITIONS_UNDER_WAY);
  const options = { people, onFailure: abort, signal: failed.signal };
  const targets: Target[] = [];
  try {
    const floor = await openFloor(options);
    targets.push(floor);
    const real = await openReal(options);
    targets.push(real);
    const rounds = await alternate(people, window, floor, real);
    const memory = {
      floorMiB: roundOrNull(peakMiB(floor.backend.runtimePid), 1),
      realMiB: roundOrNull(peakMiB(real.backend.runtimePid), 1),
      loadMiB: round(process.resourceUsage().maxRSS / 1024, 1),
    };
    const report = makeReport({ users, friends, seconds, window }, rounds, memory);
    process.stdout.write(`${values.json ? JSON.stringify(report, null, 2) : formatReport(report)}\n`);
  } finally {
    await Promise.all(targets.map((target) => target.close()));
  }
}

async function alternate(people: Person[], window: number, floor: Target, real: Target): Promise<Round[]> {
  const bar = progress("rounds", roundCount * 2);
  const rounds: Round[] = [];
  while (rounds.length < roundCount) {
    const floorFigures = await measure(people, window, floor);
    bar.tick();
    const realFigures = await measure(people, window, real);
    bar.tick();
    const ratio = round(realFigures.deliveriesPerS / floorFigures.deliveriesPerS, 3);
    rounds.push({ floor: floorFigures, real: realFigures, ratio });
  }
  bar.done();
  return rounds;
}

async function measure(people: Person[], window: number, { backend, clients }: Target): Promise<RoundFigures> {
  const edges: { server: number | undefined; load: number }[] = [];
  const onEdge = () => {
    const { user, system } = process.cpuUsage();
    edges.push({ server: cpuSeconds(backend.runtimePid), load: (user + system) / 1e6 });
  };
  const load = new Load({
    people,
    clients,
    window,
    warmUpMs: WARM_UP_MS,
    measureMs: seconds * 1000,
    onEdge,
    signal: failed.signal,
  });
  const figures = await load.run();
  const [start, end] = edges;
  const used = (of: "server" | "load") => (end?.[of] ?? Number.NaN) - (start?.[of] ?? Number.NaN);
  return {
    updatesPerS: round(figures.updatesPerS, 1),
    deliveriesPerS: round(figures.deliveriesPerS, 1),
    p50Ms: round(figures.p50Ms, 2),
    p95Ms: round(figures.p95Ms, 2),
    p99Ms: round(figures.p99Ms, 2),
    lost: figures.lost,
    paceBound: figures.paceBound,
    serverCpuS: roundOrNull(used("server"), 2),
    cpuPerDeliveryUs: roundOrNull((used("server") * 1e6) / (figures.deliveriesPerS * seconds), 1),
    loadCpuS: round(used("load"), 2),
  };
}

function roundOrNull(value: number | undefined, digits: number): number | null {
  return value === undefined || Number.isNaN(value) ? null : round(value, digits);
}
