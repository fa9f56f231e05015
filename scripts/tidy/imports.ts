/** Import direction (docs/architecture.md), cycles, and files that nobody needs. */
import { posix } from "node:path";

import { cycles, importGraph, type Import, reachable, toEdges } from "./graph.ts";
import {
  type Finding,
  isMarkdown,
  isTest,
  isTypeScript,
  lineAt,
  matches,
  type TextFile,
  withoutComments,
} from "./tree.ts";

interface Zone {
  /** A folder (ends with `/`) or a file. */
  readonly path: string;
  /** Zones it may import, beside itself. */
  readonly may: readonly string[];
  /** Zones of which it may import types only. */
  readonly mayTypes?: readonly string[];
  /** Packages and runtime modules it may import; default none. */
  readonly packages?: readonly string[];
  /** Of these zones only these files, when what is imported is more than a type. */
  readonly onlyFiles?: readonly string[];
}

const PURE = ["src/geo/", "src/protocol/"];

/** Top to bottom: who may import whom. What is not listed is refused. */
export const ZONES: readonly Zone[] = [
  {
    path: "src/worker.ts",
    may: [
      "src/api/",
      "src/auth/",
      "src/history/",
      "src/protocol/",
      "src/settings.ts",
      "src/observe/",
      "durable-objects/",
    ],
    packages: ["cloudflare:workers", "hono"],
  },
  {
    path: "src/api/",
    may: [
      "docs/openapi.json",
      "src/auth/",
      "src/history/",
      "src/ingest/",
      "src/pages/",
      "src/settings.ts",
      "src/observe/",
      ...PURE,
    ],
    // The Worker calls objects through their bindings; the classes themselves never run in it.
    mayTypes: ["durable-objects/", "src/worker-env.d.ts"],
    packages: ["cloudflare:workers", "hono", "uqr", "valibot"],
  },
  { path: "src/auth/", may: ["src/settings.ts", "src/observe/", "src/protocol/"], packages: ["jose"] },
  {
    path: "durable-objects/",
    may: [
      "src/nearby/",
      "src/friendship/",
      "src/strangers/",
      "src/history/",
      "src/ingest/",
      "src/presence/",
      "src/observe/",
      "src/auth/",
      "src/settings.ts",
      ...PURE,
    ],
    mayTypes: ["src/worker-env.d.ts"],
    packages: ["cloudflare:workers", "itty-durable"],
  },
  {
    path: "src/history/",
    may: ["src/settings.ts", "src/observe/", ...PURE],
    // The sink that runs in an object is called through its binding.
    mayTypes: ["durable-objects/", "src/worker-env.d.ts"],
    packages: ["cassandra-driver", "hyparquet-writer", "valibot"],
  },
  // What other apps send and expect: bytes in, values out.
  { path: "src/ingest/", may: PURE, packages: ["@noble/ciphers", "valibot"] },
  { path: "src/pages/", may: ["src/protocol/"], packages: ["hono"] },
  {
    path: "src/presence/",
    may: ["src/settings.ts", "src/index-settings.ts", "src/observe/", ...PURE],
    packages: ["@upstash/redis"],
  },
  {
    path: "src/observe/",
    may: ["src/settings.ts", ...PURE],
    packages: ["cloudflare:workers", "itty-durable", "node:async_hooks", "valibot"],
  },
  { path: "src/nearby/", may: PURE },
  { path: "src/friendship/", may: ["src/protocol/"] },
  { path: "src/strangers/", may: PURE },
  { path: "src/settings.ts", may: ["src/settings-list.ts", "src/index-settings.ts", "src/protocol/"] },
  { path: "src/settings-list.ts", may: [] },
  { path: "src/index-settings.ts", may: [] },
  { path: "src/protocol/", may: ["src/geo/"], packages: ["valibot"] },
  { path: "src/geo/", may: [] },
  // What operators read of the answers, in the console and in the terminal.
  { path: "src/operate/", may: PURE },
  { path: "src/client/react.ts", may: ["src/client/"], packages: ["react"] },
  {
    path: "src/client/",
    may: PURE,
    onlyFiles: ["src/protocol/errors.ts", "src/protocol/limits.ts", "src/protocol/pace.ts"],
  },
  { path: "src/web/build/", may: [], packages: ["node:crypto", "vite"] },
  {
    path: "src/web/",
    may: ["src/client/", "src/operate/", ...PURE],
    // What the Worker answers about itself, and the resources.
    mayTypes: ["src/api/"],
    packages: ["preact", "@preact/signals", "maplibre-gl", "eventsource-parser", "valibot"],
  },
  // Descriptions of the API are made from what validates.
  {
    path: "scripts/openapi/",
    may: ["src/api/", "src/auth/", "src/settings.ts", "src/history/", "src/ingest/", ...PURE],
    packages: ["*"],
  },
  // The real Worker, and questions about it.
  { path: "scripts/bench/history-worker.ts", may: ["src/worker.ts"] },
  { path: "scripts/bench/resize/reset-worker.ts", may: ["src/worker.ts"] },
  {
    path: "scripts/bench/monitor-worker.ts",
    may: ["src/worker.ts", "src/observe/"],
    packages: ["cloudflare:workers"],
  },
  { path: "scripts/bench/tracing-worker.ts", may: ["src/observe/"], packages: ["cloudflare:workers"] },
  // The simulator runs as tests, and by hand.
  { path: "scripts/sim.ts", may: ["scripts/", "test/"], packages: ["*"] },
  {
    path: "scripts/",
    // The core itself: tracks are replayed through it.
    may: [
      "src/nearby/",
      "src/strangers/",
      "src/history/",
      "src/client/",
      "src/operate/",
      "src/auth/",
      "src/settings.ts",
      "src/settings-list.ts",
      ...PURE,
    ],
    packages: ["*"],
  },
  { path: "test/", may: ["*"], packages: ["*"] },
];

/** Configuration files in the root belong to no zone: they may import what they configure. */
function zoneOf(path: string): Zone | undefined {
  return ZONES.find((zone) => (zone.path.endsWith("/") ? path.startsWith(zone.path) : path === zone.path));
}

/** `hono/cors` is of the package `hono`, `@a/b/c` of `@a/b`; `node:` and `cloudflare:` modules stand for themselves. */
function packageOf(specifier: string): string {
  if (specifier.includes(":")) return specifier;
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

export function checkDirection(files: readonly TextFile[]): Finding[] {
  const findings: Finding[] = [];
  for (const file of files) {
    if (!isTypeScript(file.path) || zoneOf(file.path) !== undefined) continue;
    if (!/^(src|durable-objects)\//.test(file.path) || file.path.endsWith(".d.ts")) continue;
    const message = "is in no zone of scripts/tidy/imports.ts: move it, or add its folder and what it may import";
    findings.push({ path: file.path, line: 1, message });
  }
  for (const one of importGraph(files)) {
    const message = complaint(one, files);
    if (message !== undefined) findings.push({ path: one.from, line: one.line, message });
  }
  return findings;
}

function complaint(one: Import, files: readonly TextFile[]): string | undefined {
  const from = zoneOf(one.from);
  if (one.to === undefined) {
    const name = packageOf(one.specifier);
    const allowed = from?.packages ?? [];
    if (from === undefined || one.typeOnly || allowed.includes("*") || allowed.includes(name)) return undefined;
    return `${from.path} may not import ${name}: take what it gives as an argument, or move the code`;
  }
  if (!files.some((file) => file.path === one.to)) return `imports ${one.to}, which does not exist`;
  // Generated declarations: types of bindings, of no folder.
  const to = zoneOf(one.to)?.path ?? one.to;
  if (from === undefined || from.path === to) return undefined;
  if (from.may.includes("*")) return undefined;
  if (one.typeOnly && [...from.may, ...(from.mayTypes ?? [])].includes(to)) return undefined;
  if (!from.may.includes(to)) {
    const how = from.mayTypes?.includes(to) === true ? "only types of" : "nothing of";
    return `${from.path} may import ${how} ${to}: turn the dependency round (see docs/architecture.md)`;
  }
  if (from.onlyFiles === undefined || to === "src/geo/" || from.onlyFiles.includes(one.to)) return undefined;
  return `${from.path} may import only types of ${one.to}: values come from ${from.onlyFiles.join(", ")}`;
}

/** The hook is an entry of its own, for apps that have React. */
const isClientPart = (path: string): boolean => path.startsWith("src/client/") && path !== "src/client/react.ts";

/** What the SDK runs must not reach a package through others either: a validator would be in every app's bundle. */
export function checkClientBundle(files: readonly TextFile[]): Finding[] {
  const values = importGraph(files).filter((one) => !one.typeOnly);
  const edges = toEdges(values.flatMap((one) => (one.to === undefined ? [] : [[one.from, one.to] as const])));
  const entries = files.map((file) => file.path).filter(isClientPart);
  const inside = reachable(entries, edges);
  return values
    .filter((one) => one.to === undefined && inside.has(one.from))
    .map(({ from, line, specifier }) => ({
      path: from,
      line,
      message: `${specifier} gets into the SDK's bundle through this file: import types only, or split the file`,
    }));
}

/** Cycles between files, and between folders (the zones), by what is left at run time. */
export function checkCycles(files: readonly TextFile[]): Finding[] {
  const values = importGraph(files).filter((one) => !one.typeOnly && one.to !== undefined);
  const between = toEdges(values.map((one) => [one.from, one.to ?? ""] as const));
  const folders = toEdges(
    values
      .map((one) => [zoneOf(one.from)?.path ?? one.from, zoneOf(one.to ?? "")?.path ?? one.to ?? ""] as const)
      .filter(([from, to]) => from !== to),
  );
  return [...cycles(between), ...cycles(folders)].map((cycle) => ({
    path: cycle[0] ?? "",
    line: 1,
    message: `import cycle ${cycle.join(" -> ")}: move what both need into a third file`,
  }));
}

/** Files that start something: the Worker, the SDK, what package.json and the documentation run, and configurations. */
function entriesOf(files: readonly TextFile[]): string[] {
  const told = files.filter(({ path }) => path === "package.json" || isMarkdown(path));
  const scripts = told.flatMap((file) => matches(file, /\bnode (scripts\/[\w/-]+\.ts)\b/g).map(({ what }) => what));
  const configs = files.map((file) => file.path).filter((path) => /^[\w.-]+\.config\.ts$/.test(path));
  const pages = ["src/web/main.tsx", "src/web/admin/main.tsx"];
  return ["src/worker.ts", "src/client/index.ts", "src/client/react.ts", ...pages, ...scripts, ...configs];
}

/** A file named in a string is needed too: workers and child processes are started by path. */
function mentions(file: TextFile, paths: ReadonlySet<string>): string[] {
  const named = [...withoutComments(file.text).matchAll(/["'`]([\w./-]+\.ts)["'`]/g)].map((match) => match[1] ?? "");
  return named.flatMap((name) =>
    [posix.join(posix.dirname(file.path), name), posix.normalize(name)].filter((path) => paths.has(path)),
  );
}

export function checkDeadFiles(files: readonly TextFile[]): Finding[] {
  const code = files.filter((file) => isTypeScript(file.path) && !file.path.endsWith(".d.ts"));
  const paths = new Set(code.map((file) => file.path));
  const edges = toEdges(
    code.flatMap((file) => [
      ...mentions(file, paths).map((path) => [file.path, path] as const),
      ...importGraph([file]).flatMap((one) => (one.to === undefined ? [] : [[file.path, one.to] as const])),
    ]),
  );
  const used = reachable(entriesOf(files), edges);
  const tested = reachable([...paths].filter(isTest), edges);
  return code
    .filter(({ path }) => !used.has(path) && !(path.startsWith("test/") && tested.has(path)))
    .map((file) => ({
      path: file.path,
      line: lineAt(file.text, 0),
      message: tested.has(file.path)
        ? "only tests use this file: use it where it was meant to be used, or delete it"
        : "no command, Worker or test reaches this file: use it or delete it",
    }));
}
