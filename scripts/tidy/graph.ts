/** Who imports whom, read from the text: TypeScript 7 has no API in JavaScript, and import lines are regular. */
import { posix } from "node:path";

import { isTypeScript, lineAt, type TextFile, withoutTexts } from "./tree.ts";

export interface Import {
  readonly from: string;
  readonly line: number;
  /** As written. */
  readonly specifier: string;
  /** The file it means, or undefined for a package, `node:` or `cloudflare:` module. */
  readonly to: string | undefined;
  /** `import type`: gone at run time. (`import { type A }` is not: under verbatimModuleSyntax the bare import stays.) */
  readonly typeOnly: boolean;
}

/** Imports at the start of a line (the formatter puts them there), and `import("x")` anywhere. */
const STATIC = /^(?:import|export)\s+(type\s+)?(?:[^"'`;=()]*?\bfrom\s+)?"([^"]+)"/gm;
const DYNAMIC = /\bimport\(\s*"([^"]+)"/g;

export function importsOf(file: TextFile): Import[] {
  const text = withoutTexts(file.text);
  const found: Import[] = [];
  for (const match of text.matchAll(STATIC)) {
    const [, type, specifier = ""] = match;
    found.push(toImport(file.path, lineAt(text, match.index), specifier, type !== undefined));
  }
  for (const match of text.matchAll(DYNAMIC)) {
    found.push(toImport(file.path, lineAt(text, match.index), match[1] ?? "", false));
  }
  return found;
}

function toImport(from: string, line: number, specifier: string, typeOnly: boolean): Import {
  return { from, line, specifier, to: resolve(from, specifier), typeOnly };
}

function resolve(from: string, specifier: string): string | undefined {
  // The package's own name, as an application would write it.
  if (specifier === "nearby-friends/client") return "src/client/index.ts";
  if (!specifier.startsWith(".")) return undefined;
  return posix.join(posix.dirname(from), specifier);
}

/** All imports of all TypeScript files but generated declarations. */
export function importGraph(files: readonly TextFile[]): Import[] {
  return files.filter(({ path }) => isTypeScript(path) && !path.endsWith(".d.ts")).flatMap(importsOf);
}

/**
 * Cycles of a graph, each as a path that ends where it began, each set of nodes once.
 * Depth-first: an edge back into the path that is being walked closes a cycle.
 */
export function cycles(edges: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const found = new Map<string, string[]>();
  const done = new Set<string>();
  const path: string[] = [];
  function walk(node: string): void {
    const start = path.indexOf(node);
    if (start !== -1) {
      const cycle = path.slice(start);
      found.set(cycle.toSorted().join("\n"), [...cycle, node]);
      return;
    }
    if (done.has(node)) return;
    path.push(node);
    for (const next of edges.get(node) ?? []) walk(next);
    path.pop();
    done.add(node);
  }
  for (const node of edges.keys()) walk(node);
  return [...found.values()];
}

/** Everything that can be reached from `entries`, the entries included. */
export function reachable(entries: Iterable<string>, edges: ReadonlyMap<string, ReadonlySet<string>>): Set<string> {
  const seen = new Set<string>(entries);
  // A Set that grows while it is walked: the new members are visited too.
  for (const node of seen) {
    for (const next of edges.get(node) ?? []) seen.add(next);
  }
  return seen;
}

/** The edges as a map from a node to those that it points at. */
export function toEdges(pairs: Iterable<readonly [string, string]>): Map<string, Set<string>> {
  const edges = new Map<string, Set<string>>();
  for (const [from, to] of pairs) {
    const known = edges.get(from);
    if (known === undefined) edges.set(from, new Set([to]));
    else known.add(to);
  }
  return edges;
}
