/** What the checks read and what they answer. A check is a function over texts, so that a test can hand it a bad one. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface TextFile {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

export interface Finding {
  readonly path: string;
  /** From 1. */
  readonly line: number;
  /** What is wrong and what to do about it. */
  readonly message: string;
}

export interface Check {
  readonly name: string;
  run(files: readonly TextFile[]): Finding[];
}

/** Made by commands or by git; nothing in them is ours to check. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  "node_modules",
  ".git",
  "dist",
  ".nearby",
  ".wrangler",
  "coverage",
  "bench-results",
]);

/** Every file below `root` that belongs to the repository, sorted by path. */
export function readTree(root: string, below = ""): TextFile[] {
  const files: TextFile[] = [];
  for (const entry of readdirSync(join(root, below), { withFileTypes: true })) {
    if (LEFT_OUT.has(entry.name) || entry.name.endsWith(".log")) continue;
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) files.push(...readTree(root, path));
    else if (entry.isFile()) files.push({ path, text: readFileSync(join(root, path), "utf8") });
  }
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** The line (from 1) of the character at `index`. */
export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < index; at = text.indexOf("\n", at + 1)) line++;
  return line;
}

/** Every place where `pattern` (with the g flag) matches; the first group, or else the whole match, is `what`. */
export function matches(file: TextFile, pattern: RegExp): { what: string; line: number; index: number }[] {
  return [...file.text.matchAll(pattern)].map((match) => ({
    what: match[1] ?? match[0],
    line: lineAt(file.text, match.index),
    index: match.index,
  }));
}

// Strings, templates and regular expressions come before comments: `//` in a URL starts no comment.
const PARTS =
  /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`|(?<=[(,=:[!&|?;\s]\s?)\/(?![*/])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;

function blank(part: string): string {
  return part.replace(/[^\n]/g, " ");
}

/** The text with comments blanked out (same length, same lines), so that what prose says is not taken for code. */
export function withoutComments(text: string): string {
  return text.replace(PARTS, (part) => (/^\/[/*]/.test(part) ? blank(part) : part));
}

/**
 * Without templates and '...' too: code that is generated as text imports nothing here. Specifiers stand in "...", which
 * the formatter leaves for '...' only where the text holds quotes itself.
 */
export function withoutTexts(text: string): string {
  return text.replace(PARTS, (part) => (/^(?:\/[/*]|[`'])/.test(part) ? blank(part) : part));
}

export const isTest = (path: string): boolean => path.startsWith("test/") && path.endsWith(".test.ts");
export const isTypeScript = (path: string): boolean => /\.tsx?$/.test(path);
export const isMarkdown = (path: string): boolean => path.endsWith(".md");
