/** Rules of the documentation against the tests that cite them, and messages against their unions. */
import { type Finding, isTest, matches, type TextFile } from "./tree.ts";

/** Where rules are written: the WebSocket and HTTP. */
export const RULE_BOOKS = ["src/protocol/SPEC.md", "docs/http.md"] as const;
const BOTH = RULE_BOOKS.join(" or ");

/** Rules below this heading describe messages that the server does not serve: nothing to test yet. */
const NOT_SERVED = /^#+ Defined, not yet served *$/m;

interface Rule {
  readonly id: string;
  readonly path: string;
  readonly line: number;
  readonly served: boolean;
}

function rulesOf(spec: TextFile): Rule[] {
  const heading = NOT_SERVED.exec(spec.text);
  const from = heading === null ? spec.text.length : heading.index + heading[0].length;
  const depth = heading?.[0].indexOf(" ") ?? 1;
  // The section ends at the next heading of the same depth or above.
  const rest = spec.text.slice(from).search(new RegExp(`^#{1,${depth}} `, "m"));
  const to = rest === -1 ? spec.text.length : from + rest;
  return matches(spec, /^\s*- \*\*\[([A-Z][A-Z0-9]*)\]\*\*/gm).map(({ what, line, index }) => ({
    id: what,
    path: spec.path,
    line,
    served: index < from || index >= to,
  }));
}

/** Cites rules of samples in order to miss them. */
const ABOUT_RULES = "test/unit/tidy.test.ts";

/** Titles may cite several rules: `[VIS3][GONE1] ...`. */
function citedIn(file: TextFile): { id: string; line: number }[] {
  return matches(file, /["'`]((?:\[[A-Z][A-Z0-9]*\d\] ?)+)/g).flatMap(({ what, line }) =>
    [...what.matchAll(/\[(\w+)\]/g)].map((match) => ({ id: match[1] ?? "", line })),
  );
}

export function checkRules(files: readonly TextFile[]): Finding[] {
  const books = files.filter(({ path }) => RULE_BOOKS.some((book) => book === path));
  const rules = books.flatMap(rulesOf);
  const known = new Set(rules.map((rule) => rule.id));
  const tests = files.filter(({ path }) => isTest(path) && path !== ABOUT_RULES);
  const cited = tests.flatMap((file) => citedIn(file).map((cite) => ({ ...cite, path: file.path })));
  const tested = new Set(cited.map((cite) => cite.id));
  const pointers = books.flatMap((book) =>
    matches(book, /\[([A-Z][A-Z0-9]*\d)\]/g).map(({ what, line }) => ({ id: what, line, path: book.path })),
  );
  return [
    ...RULE_BOOKS.filter((book) => !books.some(({ path }) => path === book)).map((path) => ({
      path,
      line: 1,
      message: "is missing: tests are named by its rules",
    })),
    ...rules
      .filter(({ id }, at) => rules.findIndex((rule) => rule.id === id) !== at)
      .map(({ id, path, line }) => ({ path, line, message: `[${id}] is there twice: give it a new id` })),
    ...[...pointers, ...cited]
      .filter(({ id }) => !known.has(id))
      .map(({ id, path, line }) => ({
        path,
        line,
        message: `cites [${id}], which is no rule of ${BOTH}: cite the one that is meant, or write it`,
      })),
    ...rules
      .filter(({ id, served }) => served && !tested.has(id))
      .map(({ id, path, line }) => ({
        path,
        line,
        message: `[${id}] has no test: write one titled "[${id}] ...", or move it below "Defined, not yet served"`,
      })),
  ];
}

/** The black-box suite is the rules as a program: a test that checks no rule of it belongs somewhere else. */
export function checkTitles(files: readonly TextFile[]): Finding[] {
  const start = /^\s*(?:test|it)(?:\.\w+)*\s*\(\s*(["'`][^\n]*)/gm;
  return files
    .filter((file) => isTest(file.path) && file.path.startsWith("test/blackbox/"))
    .flatMap((file) =>
      matches(file, start)
        .filter(({ what }) => !/^["'`]\[[A-Z][A-Z0-9]*\d\]/.test(what))
        .map(({ line }) => ({
          path: file.path,
          line,
          message: `test title cites no rule: begin it with the [ID] of ${BOTH} that it checks`,
        })),
    );
}

/** Every message is part of one of the two unions, or nothing decodes it and nothing may send it. */
export function checkMessages(files: readonly TextFile[]): Finding[] {
  const unions = files.filter((file) => /^src\/protocol\/(up|down)\.ts$/.test(file.path));
  return files
    .filter((file) => file.path.startsWith("src/protocol/messages/") && file.path.endsWith(".ts"))
    .filter((file) => {
      const name = file.path.slice("src/protocol/".length);
      return !unions.some((union) => union.text.includes(`"./${name}"`));
    })
    .map((file) => ({
      path: file.path,
      line: 1,
      message: "is united in neither up.ts nor down.ts: add it to its union",
    }));
}

/** A test file outside the folders that the runner's configurations name would never run, and nobody would notice. */
export function checkTestsRun(files: readonly TextFile[]): Finding[] {
  const folders = files
    .filter((file) => /^vitest[\w.]*\.config\.ts$/.test(file.path))
    .flatMap((file) => matches(file, /"(test\/\w+\/)\*\*\/\*\.test\.ts"/g).map(({ what }) => what));
  return files
    .filter(({ path }) => path.endsWith(".test.ts") && !folders.some((folder) => path.startsWith(folder)))
    .map(({ path }) => ({
      path,
      line: 1,
      message: "no vitest configuration includes this file: it never runs; move it",
    }));
}
