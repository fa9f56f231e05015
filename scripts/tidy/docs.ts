/** What the documentation says against what is there: commands, settings, links, file names. */
import { posix } from "node:path";

import { type Finding, isMarkdown, lineAt, matches, type TextFile } from "./tree.ts";

/** `npm` words that are no script of ours. */
const NPM_OWN: ReadonlySet<string> = new Set(["ci", "exec", "install", "run", "pkg", "ls"]);

/** The scripts of package.json, name to command. */
export function scriptsOf(files: readonly TextFile[]): Map<string, string> {
  const manifest: unknown = JSON.parse(files.find((file) => file.path === "package.json")?.text ?? "{}");
  if (typeof manifest !== "object" || manifest === null || !("scripts" in manifest)) return new Map();
  return new Map(Object.entries(manifest.scripts ?? {}).map(([name, command]) => [name, String(command)]));
}

/** Every command that prose or a script tells somebody to run exists, with the options it shows. */
export function checkCommands(files: readonly TextFile[]): Finding[] {
  const scripts = scriptsOf(files);
  const paths = new Set(files.map((file) => file.path));
  const tools = files.filter((file) => file.path.startsWith("scripts/"));
  const findings: Finding[] = [];
  const readers = files.filter((file) => isMarkdown(file.path) || [".ci/run", "package.json"].includes(file.path));
  for (const file of readers) {
    for (const { what, line } of matches(file, /\bnpm ((?:run )?[a-z][\w:-]*)/g)) {
      const name = what.replace(/^run /, "");
      if (scripts.has(name) || (!what.startsWith("run ") && NPM_OWN.has(name))) continue;
      findings.push({
        path: file.path,
        line,
        message: `\`npm ${what}\` is no command: add it to package.json or drop it`,
      });
    }
    for (const { what, line } of matches(file, /\bnode (scripts\/[\w./-]+)/g)) {
      if (paths.has(what)) continue;
      findings.push({ path: file.path, line, message: `${what} does not exist` });
    }
    for (const { what, line } of matches(file, /\bnpm (?:run )?\w[\w:-]* -- ([^`\n|&;]*)/g)) {
      for (const [, option = ""] of what.matchAll(/(?<!\S)--([a-z][a-z-]*)/g)) {
        if (option === "reporter" || option === "project" || option === "outputFile") continue;
        if (tools.some((tool) => new RegExp(`["']?\\b${option}\\b["']?\\s*:|--${option}\\b`).test(tool.text))) continue;
        findings.push({ path: file.path, line, message: `--${option} is read by no script` });
      }
    }
  }
  return findings;
}

export interface Setting {
  readonly name: string;
  readonly default: string | undefined;
  readonly meaning: string;
}

const README = "README.md";

/** The row of the README's table for a setting. */
export function settingRow(setting: Setting): string {
  const value = setting.default === undefined ? "none" : `\`${setting.default}\``;
  return `| \`${setting.name}\` | ${value} | ${setting.meaning} |`;
}

/** The README's table of settings is the list in src/settings-list.ts, word for word and in its order. */
export function checkSettings(files: readonly TextFile[], settings: readonly Setting[]): Finding[] {
  const readme = files.find((file) => file.path === README);
  const rows = readme === undefined ? [] : matches(readme, /^(\| `[A-Z][A-Z0-9_]*` \|.*)$/gm);
  const findings: Finding[] = [];
  for (const [at, setting] of settings.entries()) {
    const expected = settingRow(setting);
    if (rows[at]?.what === expected) continue;
    const line = rows[at]?.line ?? rows.at(-1)?.line ?? 1;
    findings.push({
      path: README,
      line,
      message: `row ${at + 1} of the settings differs from src/settings-list.ts: ${expected}`,
    });
  }
  for (const { line, what } of rows.slice(settings.length)) {
    findings.push({ path: README, line, message: `is no setting of src/settings-list.ts: ${what}` });
  }
  return findings;
}

/** As GitHub makes anchors of headings. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+\s+(.*)$/gm)].map((match) => match[1] ?? "");
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replace(/\s/g, "-"),
    ),
  );
}

/** Links and pictures of the documentation point at files and headings that exist, and so do file names in `code`. */
export function checkLinks(files: readonly TextFile[]): Finding[] {
  const texts = new Map(files.map((file) => [file.path, file.text]));
  const folders = new Set(files.flatMap((file) => foldersOf(file.path)));
  const findings: Finding[] = [];
  for (const file of files) {
    if (!isMarkdown(file.path)) continue;
    for (const { what, line } of matches(file, /(?:\]\(|\b(?:src|href)=")([^)"\s]+)/g)) {
      if (/^[a-z][a-z0-9+.-]*:/.test(what)) continue;
      const [name = "", anchor] = what.split("#");
      const path = name === "" ? file.path : posix.join(posix.dirname(file.path), name).replace(/\/$/, "");
      const text = texts.get(path);
      if (text === undefined && !folders.has(path)) {
        findings.push({ path: file.path, line, message: `link to ${what}: there is no ${path}` });
      } else if (anchor !== undefined && text !== undefined && !anchorsOf(text).has(anchor)) {
        findings.push({ path: file.path, line, message: `link to ${what}: ${path} has no such heading` });
      }
    }
    for (const match of file.text.matchAll(/`((?:src|durable-objects|scripts|test|docs)\/[\w./-]*)`/g)) {
      const path = (match[1] ?? "").replace(/\/$/, "");
      if (texts.has(path) || folders.has(path)) continue;
      findings.push({ path: file.path, line: lineAt(file.text, match.index), message: `there is no ${path}` });
    }
  }
  return findings;
}

function foldersOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, at) => parts.slice(0, at + 1).join("/"));
}
