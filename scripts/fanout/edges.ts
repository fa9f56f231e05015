/** Who is whose friend: read from a file, or drawn. */
import { eachLine, FileError } from "../town/lines.ts";

/** Each edge is two contacts of the core and what two screens show, about 1 KB: beyond this a laptop's memory ends. */
export const EDGES_MAX = 1_000_000;

/** Node numbers in graphs that people share have at most ten digits. */
const EDGE = /^(\d{1,15})[ \t](\d{1,15})$/;

/** Both are indexes of people, the smaller one first. */
export type Edge = readonly [number, number];

export interface Graph {
  /** Distinct. */
  readonly edges: readonly Edge[];
  /** Lines that name a person whom the tracks do not have. */
  readonly leftOut: number;
  /** Lines that say nothing new: an edge that was there already, in either direction, or one from a node to itself. */
  readonly repeated: number;
}

/**
 * Reads a list of edges, plain or gzip: two node numbers a line, node n being person n, from 0.
 *
 * @throws FileError with the line and the reason; also when no edge is left
 */
export async function readGraph(path: string, people: number): Promise<Graph> {
  const seen = new Set<number>();
  const edges: Edge[] = [];
  let leftOut = 0;
  let repeated = 0;
  await eachLine(path, (text, line) => {
    const [, first = "", second = ""] = EDGE.exec(text) ?? [];
    if (first === "") {
      const shown = JSON.stringify(text.slice(0, 40));
      throw new FileError(line, `a line must be two node numbers with a space between, not ${shown}`);
    }
    const [a, b] = [Math.min(Number(first), Number(second)), Math.max(Number(first), Number(second))];
    if (b >= people) {
      leftOut += 1;
    } else if (a === b || seen.has(a * people + b)) {
      repeated += 1;
    } else {
      if (edges.length === EDGES_MAX) throw new FileError(line, `more than ${EDGES_MAX} edges`);
      seen.add(a * people + b);
      edges.push([a, b]);
    }
  });
  if (edges.length === 0) throw new FileError(0, `no edge joins two of the ${people} people of the tracks`);
  return { edges, leftOut, repeated };
}

/** Edges of a graph in which everybody has `friends` friends on average. */
export function edgeCount(people: number, friends: number): number {
  return Math.round((people * friends) / 2);
}

/**
 * Draws `edgeCount` of all possible edges, each set of them as likely as any other: some people get a few friends more,
 * some a few less. Floyd's sampling (Bentley and Floyd, 1987), which needs one draw per edge also when nearly all are taken.
 */
export function drawEdges(people: number, friends: number, random: () => number): Edge[] {
  const all = (people * (people - 1)) / 2;
  const drawn = new Set<number>();
  for (let last = all - edgeCount(people, friends); last < all; last++) {
    const pick = Math.floor(random() * (last + 1));
    drawn.add(drawn.has(pick) ? last : pick);
  }
  return Array.from(drawn, edgeAt);
}

/** Numbers the edges 0-1, 0-2, 1-2, 0-3, 1-3, ...: those up to b come before b(b+1)/2. */
function edgeAt(index: number): Edge {
  let b = Math.floor((1 + Math.sqrt(1 + 8 * index)) / 2);
  // The root is rounded: it may be off by one where the index is the first or last of its row.
  if ((b * (b - 1)) / 2 > index) b -= 1;
  else if ((b * (b + 1)) / 2 <= index) b += 1;
  return [index - (b * (b - 1)) / 2, b];
}
