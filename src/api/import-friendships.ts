import * as v from "valibot";

import type { Linked } from "../../durable-objects/user/bonds.ts";
import { logError } from "../observe/log.ts";
import { IMPORT_LINES_MAX, USER_ID_MAX_CHARS } from "../protocol/limits.ts";
import { isUserId } from "../protocol/user-id.ts";

/** Friendships that are made at the same moment: enough to hide the way to far objects, few for the memory of a Worker. */
const AT_ONCE = 64;

/** How long an import works without a rest, and for how long it rests: a few percent of its time. */
const SLICE_MS = 20;
const REST_MS = 1;

const ID_RULE = `1 to ${USER_ID_MAX_CHARS} of A-Z a-z 0-9 . _ : @ -, not . or ..`;

/** Why a line was refused: for programs, and in words. */
const REFUSALS = {
  bad_json: "is not a JSON object",
  bad_line: `needs user ids (${ID_RULE}) as "a" and "b", and may have "remove": true, nothing else`,
  same_user: "names the same user twice",
  friend_limit: "one of the two has as many friends as a user may have",
  blocked: "one of the two has blocked the other",
  unreachable: "one of the two could not be reached: send it again",
} as const;

export type RefusalCode = keyof typeof REFUSALS;

/** A friendship that is to be (`wanted`) or to end. `line` counts from 1, empty lines included. */
export interface Edge {
  readonly line: number;
  readonly a: string;
  readonly b: string;
  readonly wanted: boolean;
}

export interface RefusedLine {
  readonly line: number;
  readonly code: RefusalCode;
  readonly reason: string;
}

export interface ImportReport {
  /** Lines that hold now. */
  readonly accepted: number;
  /** Of those, the lines that held before. */
  readonly unchanged: number;
  /** In the order of their lines. */
  readonly refused: readonly RefusedLine[];
}

export interface ImportLines {
  readonly edges: readonly Edge[];
  readonly refused: readonly RefusedLine[];
}

const UserId = v.pipe(v.string(), v.check(isUserId));
// Strict: a friendship that was to end must not be made because the field was misspelt.
const LineSchema = v.strictObject({ a: UserId, b: UserId, remove: v.exactOptional(v.boolean(), false) });

/** Reads NDJSON. @returns null if there are more lines than an import may have */
export function readLines(text: string): ImportLines | null {
  const lines = text.split("\n", IMPORT_LINES_MAX + 2);
  // What ends the last line begins no other.
  if (lines.at(-1) === "") lines.pop();
  if (lines.length > IMPORT_LINES_MAX) return null;
  const edges: Edge[] = [];
  const refused: RefusedLine[] = [];
  for (const [at, content] of lines.entries()) {
    if (content.trim() === "") continue;
    const line = at + 1;
    const read = readLine(content);
    if (typeof read === "string") refused.push(refusal(line, read));
    else edges.push({ line, a: read.a, b: read.b, wanted: !read.remove });
  }
  return { edges, refused };
}

function readLine(content: string): v.InferOutput<typeof LineSchema> | RefusalCode {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    return "bad_json";
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "bad_json";
  const parsed = v.safeParse(LineSchema, value, { abortEarly: true });
  if (!parsed.success) return "bad_line";
  return parsed.output.a === parsed.output.b ? "same_user" : parsed.output;
}

function refusal(line: number, code: RefusalCode): RefusedLine {
  return { line, code, reason: REFUSALS[code] };
}

/**
 * Makes and ends the friendships, many at once; lines about the same two people one after the other, as they were sent.
 *
 * @param link asks the object of `a`
 */
export async function applyLines(
  { edges, refused: unread }: ImportLines,
  link: (edge: Edge) => Promise<Linked>,
): Promise<ImportReport> {
  const refused = [...unread];
  let accepted = 0;
  let unchanged = 0;
  let failures = 0;
  let failure: unknown;

  async function apply(edge: Edge): Promise<void> {
    let linked: Linked;
    try {
      linked = await link(edge);
    } catch (error) {
      // An object that fails is no reason to leave the others out.
      failures += 1;
      failure ??= error;
      linked = { refused: "unreachable" };
    }
    if (typeof linked !== "string") {
      refused.push(refusal(edge.line, linked.refused));
      return;
    }
    accepted += 1;
    if (linked === "unchanged") unchanged += 1;
  }

  const rest = restsBetween();
  const pairs = byPair(edges).values();
  const hands = Array.from({ length: AT_ONCE }, async () => {
    // One iterator for all hands: each takes the next pair that nobody has.
    for (const pair of pairs) {
      for (const edge of pair) {
        await rest();
        await apply(edge);
      }
    }
  });
  await Promise.all(hands);
  if (failures > 0) logError("import_lines_failed", { lines: failures, first: String(failure) });
  return { accepted, unchanged, refused: refused.toSorted((one, other) => one.line - other.line) };
}

/**
 * What all hands await before their next call: after each slice of work they stop together for a moment. Outside the
 * platform, Worker and objects share one event loop, which looks at its sockets only when it has nothing else to do: without
 * this, everybody else would wait until the import is through.
 */
function restsBetween(): () => Promise<unknown> {
  let resting = Promise.resolve();
  let sliceStartMs = Date.now();
  return () => {
    if (Date.now() - sliceStartMs < SLICE_MS) return resting;
    resting = scheduler.wait(REST_MS).then(() => {
      sliceStartMs = Date.now();
    });
    sliceStartMs = Number.POSITIVE_INFINITY;
    return resting;
  };
}

function byPair(edges: readonly Edge[]): Map<string, Edge[]> {
  const pairs = new Map<string, Edge[]>();
  for (const edge of edges) {
    // No id has a space in it.
    const key = edge.a < edge.b ? `${edge.a} ${edge.b}` : `${edge.b} ${edge.a}`;
    const same = pairs.get(key);
    if (same === undefined) pairs.set(key, [edge]);
    else same.push(edge);
  }
  return pairs;
}
