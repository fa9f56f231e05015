/** `npm run fanout`: recorded tracks through the real core, and how many calls to friends' objects they cost. */
import { SETTINGS, type SettingName } from "../src/settings-list.ts";
import { round } from "./bench/figures.ts";
import { drawEdges, edgeCount, EDGES_MAX, readGraph, type Graph } from "./fanout/edges.ts";
import { type Mode, MODES, replay } from "./fanout/replay.ts";
import { formatReport, makeReport } from "./fanout/report.ts";
import { readInteger, readOptions, refuseUsage, USAGE_EXIT_CODE } from "./options.ts";
import { progress, type Progress } from "./progress.ts";
import { FileError } from "./town/lines.ts";
import { seededRandom } from "./town/random.ts";
import { readTracks } from "./town/tracks.ts";

const USAGE =
  "npm run fanout -- --tracks FILE (--graph EDGES | --friends K) [--mode naive|exact|economy] [--step SECONDS]" +
  " [--seed N] [--json]";
const MS_PER_S = 1000;
const SEED_MAX = 2 ** 32 - 1;
/** The moments of updates must not depend on how many draws the friends took: the same for every graph. */
const MOMENTS = 0x9e3779b9;

const RADIUS_M = defaultOf("RADIUS_M");
const INACTIVE_AFTER_S = defaultOf("INACTIVE_AFTER_S");
const STEP_S = defaultOf("UPDATE_EVERY_S");

const { values } = readOptions(USAGE, {
  tracks: { type: "string" },
  graph: { type: "string" },
  friends: { type: "string" },
  mode: { type: "string", default: "exact" },
  step: { type: "string" },
  seed: { type: "string" },
  json: { type: "boolean", default: false },
});
const tracksFile = readFileName("--tracks", values.tracks) ?? refuseUsage(USAGE, "--tracks FILE is missing");
const graphFile = readFileName("--graph", values.graph);
if ((graphFile === undefined) === (values.friends === undefined)) {
  refuseUsage(USAGE, "one of --graph and --friends is needed, and not both");
}
const friends = readInteger(USAGE, { option: "--friends", text: values.friends, fallback: 0 });
const mode = readMode(values.mode);
// With a longer step everybody would be inactive between two updates.
const stepMax = INACTIVE_AFTER_S - 1;
const stepS = readInteger(USAGE, { option: "--step", text: values.step, fallback: STEP_S, max: stepMax });
const seed = readInteger(USAGE, { option: "--seed", text: values.seed, fallback: 1, min: 0, max: SEED_MAX });

const startMs = performance.now();
const tracks = await orEnd(tracksFile, readTracks(tracksFile));
const people = tracks.entities.length;
const { edges, leftOut, repeated } = await readFriends();
let bar: Progress | undefined;
const figures = replay({
  tracks,
  edges,
  mode,
  stepMs: stepS * MS_PER_S,
  radiusM: RADIUS_M,
  inactiveAfterMs: INACTIVE_AFTER_S * MS_PER_S,
  random: seededRandom(seed ^ MOMENTS),
  onStart: (steps) => (bar = progress("steps replayed", steps)),
  onStep: () => bar?.tick(),
});
bar?.done();
const setup = {
  mode,
  seed,
  stepS,
  people,
  friendsPerPerson: round((2 * edges.length) / people, 2),
  edgesUsed: edges.length,
  edgesLeftOut: leftOut,
  edgesRepeated: repeated,
  seconds: round((performance.now() - startMs) / MS_PER_S, 1),
};
const report = makeReport(setup, figures);
process.stdout.write(`${values.json ? JSON.stringify(report, null, 2) : formatReport(report)}\n`);

async function readFriends(): Promise<Graph> {
  if (graphFile !== undefined) return orEnd(graphFile, readGraph(graphFile, people));
  if (friends >= people) refuseUsage(USAGE, `--friends must be less than the people of the tracks (${people})`);
  if (edgeCount(people, friends) > EDGES_MAX) {
    refuseUsage(USAGE, `--friends ${friends} makes more than ${EDGES_MAX} friendships among ${people} people`);
  }
  return { edges: drawEdges(people, friends, seededRandom(seed)), leftOut: 0, repeated: 0 };
}

/** What the file gives, or the end of the command with the file, the line and the reason. */
async function orEnd<T>(file: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    process.stderr.write(`${file}${error.line > 0 ? `:${error.line}` : ""}: ${error.message}\n`);
    process.exit(USAGE_EXIT_CODE);
  }
}

function readMode(text: string): Mode {
  const found = MODES.find((one) => one === text);
  return found ?? refuseUsage(USAGE, `--mode must be one of ${MODES.join(", ")}, not: ${text}`);
}

function readFileName(option: string, text: string | undefined): string | undefined {
  return text === "" ? refuseUsage(USAGE, `${option} must name a file`) : text;
}

function defaultOf(name: SettingName): number {
  return Number(SETTINGS.find((row) => row.name === name)?.default);
}
