/** The command line of `npm run cost`, as a workload. */
import { FRIENDS_MAX } from "../../src/protocol/limits.ts";
import { round } from "../bench/figures.ts";
import { readInteger, refuseUsage } from "../options.ts";
import type { ClassicInputs } from "./classic-inputs.ts";
import { readClassicInputs } from "./classic-options.ts";
import { readNumber, readSwitch, readValues, USAGE, type Values } from "./command-line.ts";
import { type FanoutDocument, FanoutFileError, readFanoutFile } from "./fanout-file.ts";
import { ANSWER_MS } from "./measured.ts";
import {
  answerMsOf,
  meetingsOf,
  type Mode,
  MODES,
  POSITIONS_PER_DAY_MIN,
  SECONDS_PER_DAY,
  type Workload,
} from "./workload.ts";

/** The standard case: 10 million connected at once, 400 friends each, one in ten online, a position every 30 s. */
const ONLINE = 10_000_000;
const USERS_PER_ONLINE = 10;
const FRIENDS = 400;
const POSITIONS_PER_DAY = 2_880;
const SESSIONS_PER_DAY = 1;

const PEOPLE_MAX = 100_000_000_000;
/** After that a call has timed out, and is not waited for. */
const ANSWER_MS_MAX = 2_000;
const SESSIONS_PER_DAY_MAX = 1_000;

export interface CostOptions {
  readonly workload: Workload;
  /** Deliveries per second of one server of another design. */
  readonly serverDeliveriesPerS: number;
  readonly classic: ClassicInputs;
  /** Tables that are printed instead of the bill; the document has everything. */
  readonly shown: { readonly classic: boolean; readonly limits: boolean };
  readonly json: boolean;
}

function integer(option: string, text: string | undefined, fallback: number, min: number, max: number): number {
  return readInteger(USAGE, { option, text, fallback, min, max });
}

/** Reads the options (default: of this process); a bad one exits with 2 and a message that names it. */
export function readCostOptions(args?: string[]): CostOptions {
  const values = readValues(args);
  const given = values.fanout === undefined ? undefined : readGiven(values.fanout, values);
  const mode = given?.mode ?? readMode(values.mode ?? "exact");
  const usersGiven = values.users === undefined ? undefined : integer("--users", values.users, 0, 1, PEOPLE_MAX);
  const onlineFallback = usersGiven === undefined ? ONLINE : Math.max(1, Math.round(usersGiven / USERS_PER_ONLINE));
  const online = integer("--online", values.online, onlineFallback, 1, PEOPLE_MAX / USERS_PER_ONLINE);
  const users = usersGiven ?? online * USERS_PER_ONLINE;
  if (online > users) {
    refuseUsage(USAGE, `--online, the people connected at once, must not be above --users (${users}), not: ${online}`);
  }
  const classic = readClassicInputs(values);
  const around = given === undefined ? readAround(values, mode, online / users) : aroundOf(given);
  return {
    workload: {
      mode,
      users,
      online,
      ...around,
      positionsPerDay: integer(
        "--positions-per-day",
        values["positions-per-day"],
        POSITIONS_PER_DAY,
        POSITIONS_PER_DAY_MIN,
        SECONDS_PER_DAY,
      ),
      sessionsPerDay: readNumber("--sessions-per-day", values["sessions-per-day"], {
        fallback: SESSIONS_PER_DAY,
        max: SESSIONS_PER_DAY_MAX,
      }),
      answerMs: readAnswerMs(values, around.meetings),
      history: readSwitch("--history", values.history ?? "on"),
      index: readSwitch("--index", values.index ?? "off"),
      strangersShare: readNumber("--strangers", values.strangers, { fallback: 0, max: 1 }),
      loggedShare: readNumber("--logged-share", values["logged-share"], { fallback: 0, max: 1 }),
    },
    serverDeliveriesPerS: integer(
      "--server-deliveries",
      values["server-deliveries"],
      Math.max(1, Math.round(classic.serverCores * classic.coreDeliveries)),
      1,
      PEOPLE_MAX,
    ),
    classic,
    shown: { classic: values.classic, limits: values.limits },
    json: values.json,
  };
}

type Texts = { readonly [option in "friends" | "active" | "near" | "meetings" | "mode"]?: string | undefined };
type Around = Pick<Workload, "friends" | "active" | "near" | "meetings" | "wakingPerPosition">;

/** Given, or by the share of friends whose objects are in another region. */
function readAnswerMs(values: Values, calls: number): number {
  const remote = values["remote-share"];
  if (remote === undefined) {
    return readNumber("--answer-ms", values["answer-ms"], { fallback: ANSWER_MS, max: ANSWER_MS_MAX });
  }
  if (values["answer-ms"] !== undefined) {
    refuseUsage(USAGE, "--remote-share says how long answers take, and so does --answer-ms: give one of them");
  }
  return answerMsOf(readNumber("--remote-share", remote, { fallback: 0, max: 1 }), calls);
}

/** The friends of one person, from the options. */
function readAround(values: Texts, mode: Mode, onlineShare: number): Around {
  const friends = readInteger(USAGE, {
    option: "--friends",
    text: values.friends,
    fallback: FRIENDS,
    min: 0,
    max: FRIENDS_MAX,
  });
  const active = readNumber("--active", values.active, { fallback: friends * onlineShare, max: friends });
  const near = readNumber("--near", values.near, { fallback: active, max: Number.MAX_SAFE_INTEGER });
  if (near > active) {
    const why =
      values.active === undefined ? "--friends x --online / --users, the people connected / all people" : "--active";
    refuseUsage(
      USAGE,
      `--near must not be above a person's active friends (${round(active, 4)}: ${why}), not: ${near}`,
    );
  }
  if (mode === "naive" && values.meetings !== undefined) {
    refuseUsage(USAGE, "--meetings is what another design than the naive one makes: not with --mode naive");
  }
  const meetings = readNumber("--meetings", values.meetings, {
    fallback: meetingsOf(mode, { active, near }),
    max: friends,
  });
  return { friends, active, near, meetings, wakingPerPosition: null };
}

/** The same from a measurement. */
function aroundOf(fanout: FanoutDocument): Around {
  return {
    friends: fanout.friendsPerPerson,
    active: fanout.activePerUpdate,
    near: fanout.nearbyPerUpdate,
    meetings: fanout.meetingsPerUpdate,
    wakingPerPosition: fanout.activationCallsPerUpdate,
  };
}

function readGiven(path: string, values: Texts): FanoutDocument {
  for (const name of ["friends", "active", "near", "meetings"] as const) {
    if (values[name] !== undefined) refuseUsage(USAGE, `--${name} is in the file of --fanout: give one of them`);
  }
  const mode = values.mode === undefined ? undefined : readMode(values.mode);
  try {
    const given = readFanoutFile(path);
    if (mode === undefined || mode === given.mode) return given;
    return refuseUsage(USAGE, `--mode ${mode}: the file of --fanout was made in mode ${given.mode}`);
  } catch (error) {
    if (!(error instanceof FanoutFileError)) throw error;
    return refuseUsage(USAGE, `--fanout ${error.message}`);
  }
}

function readMode(text: string): Mode {
  const found = MODES.find((one) => one === text);
  return found ?? refuseUsage(USAGE, `--mode must be one of ${MODES.join(", ")}, not: ${text}`);
}
