/** Words that mean unfinished, hidden, unchecked or leaked. */
import { type Finding, isTest, isTypeScript, matches, type TextFile, withoutComments } from "./tree.ts";

interface Word {
  readonly pattern: RegExp;
  readonly where: (path: string) => boolean;
  readonly message: string;
  /** Comments count too; default: code only. */
  readonly inComments?: boolean;
}

/** These name the words in order to find them. */
const ABOUT_WORDS: ReadonlySet<string> = new Set([
  "scripts/tidy/words.ts",
  "scripts/tidy/packages.ts",
  "test/unit/tidy.test.ts",
]);

const everywhere = (path: string): boolean => !ABOUT_WORDS.has(path);
const inCode = (path: string): boolean => everywhere(path) && isTypeScript(path);
const inServer = (path: string): boolean => /^(src|durable-objects)\//.test(path) && isTypeScript(path);
const inPure = (path: string): boolean =>
  /^src\/(geo|nearby|friendship|ingest|protocol)\//.test(path) && isTypeScript(path);
const inTests = (path: string): boolean => everywhere(path) && path.startsWith("test/") && isTypeScript(path);

const WORDS: readonly Word[] = [
  {
    pattern: /\b(TODO|FIXME|XXX|HACK)\b/g,
    where: everywhere,
    message: "is a promise to nobody: do it, or say what is not served in README.md",
    inComments: true,
  },
  {
    pattern: /\bconsole\.(?:log|info|debug|trace)\b/g,
    where: (path) => inServer(path) && !path.startsWith("src/observe/"),
    message: "logs per event cost money: log through src/observe, or warn of a failure with console.warn or .error",
  },
  {
    // A constructor that only a static method may call has no other form.
    pattern: /^\s+(private|protected)\s(?!constructor\b)/gm,
    where: inCode,
    message: "is callable over RPC and gone at run time: use #name",
  },
  { pattern: /\bas any\b/g, where: inCode, message: "switches the types off: parse or narrow instead" },
  { pattern: /@ts-(?:ignore|nocheck)/g, where: inCode, message: "hides an error: fix the type", inComments: true },
  {
    pattern: /\b(?:test|it|describe|suite)(?:\.\w+)*\.(?:only|skip|todo|fails|skipIf|runIf)\b/g,
    where: inTests,
    message: "leaves tests out: run it, or delete it",
  },
  {
    pattern: /\bretry:\s*[1-9]/g,
    where: (path) => inTests(path) || /^vitest.*\.config\.ts$/.test(path),
    message: "hides a test that fails sometimes: make it certain",
  },
  {
    pattern: /\bnew Date\(\)/g,
    where: inPure,
    message: "reads the clock: take nowMs as an argument",
  },
  {
    pattern: /(?:\/(?:home|Users)\/[a-z]\w*|\/root|\/work)\/\S*|\b[A-Z]:\\\\?Users\b/g,
    where: everywhere,
    message: "is a path of one machine: use a relative path, a setting or a temporary folder",
    inComments: true,
  },
  {
    pattern: /https?:\/\/[\w.-]*(?:registry|npm|artifactory|nexus|pypi|mirror)[\w.-]*(?::\d+)?/g,
    where: (path) => everywhere(path) && path !== "package-lock.json",
    message: "names a package registry: each machine has its own in its npm settings",
    inComments: true,
  },
];

export function checkWords(files: readonly TextFile[]): Finding[] {
  const findings: Finding[] = [];
  for (const file of files) {
    const code = isTypeScript(file.path) ? { path: file.path, text: withoutComments(file.text) } : file;
    for (const word of WORDS) {
      if (!word.where(file.path)) continue;
      for (const { what, line } of matches(word.inComments === true ? file : code, word.pattern)) {
        findings.push({ path: file.path, line, message: `${what} ${word.message}` });
      }
    }
  }
  return findings;
}

/** `-- reason` behind each directive that switches a lint rule off. */
export function checkDisables(files: readonly TextFile[]): Finding[] {
  return files
    .filter(({ path }) => inCode(path) && !path.endsWith(".d.ts"))
    .flatMap((file) =>
      matches(file, /((?:oxlint|eslint)-disable(?:-next-line|-line)?\b[^\n]*)/g)
        .filter(({ what }) => !/ -- \S.{9,}/.test(what))
        .map(({ line }) => ({
          path: file.path,
          line,
          message: "a lint rule is switched off without a reason: add ` -- why it does not hold here`",
        })),
    );
}

/** Lint asks each test for an assertion; this holds also where all tests of a file come out of a loop or a helper. */
export function checkAsserting(files: readonly TextFile[]): Finding[] {
  return files
    .filter((file) => isTest(file.path) && !/\b(?:expect|assert)\w*[(.<]/.test(withoutComments(file.text)))
    .map((file) => ({ path: file.path, line: 1, message: "asserts nothing: expect something, or delete it" }));
}
