/** Builds the web app, and keeps the result until a source changes. */
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { PAGE_DIR, PROJECT_DIR } from "./bundle.ts";
import { filesUnder, hashFiles, removeOld } from "./sources.ts";

/** Where the sources of the page are; a project without it has no page. */
const SOURCE_DIR = "src/web";
/** Everything that the page may depend on. */
const SOURCE_PATHS = [
  SOURCE_DIR,
  "src/client",
  "src/protocol",
  "src/geo",
  "src/operate",
  "vite.config.ts",
  "tsconfig.json",
  "package-lock.json",
];
/** A server reads the files while it runs; those of one that runs for longer than this may be taken from under it. */
const KEEP_MS = 7 * 24 * 3_600_000;
/** Read by the platform, and served to nobody. */
const RULE_FILES: ReadonlySet<string> = new Set(["/_headers", "/_redirects"]);

export interface PageOptions {
  projectDir?: string;
  onProgress?: ((step: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** The folder with the built page, or undefined where there is no source of one. Needs no network. */
export async function buildPage(options: PageOptions = {}): Promise<string | undefined> {
  const { projectDir = PROJECT_DIR, onProgress = () => {}, signal } = options;
  if (!statSync(join(projectDir, SOURCE_DIR), { throwIfNoEntry: false })) return undefined;
  const keepDir = join(projectDir, "dist/pages");
  const paths = SOURCE_PATHS.map((path) => join(projectDir, path));
  const pageDir = join(keepDir, hashFiles(paths, projectDir));
  if (statSync(pageDir, { throwIfNoEntry: false })) {
    onProgress("page: up to date");
    return pageDir;
  }
  onProgress("page: building");
  mkdirSync(keepDir, { recursive: true });
  removeOld(keepDir, KEEP_MS);
  // Two starts may build at once: each in a folder of its own, and whoever comes second throws its own away.
  const buildDir = mkdtempSync(join(keepDir, "build-"));
  try {
    const outDir = join(buildDir, "web");
    const { code, output } = await vite(["build", "--outDir", outDir, "--emptyOutDir"], projectDir, signal);
    if (code !== 0) throw new Error(`the page could not be built:\n${output}`);
    renameOrKeep(outDir, pageDir);
  } finally {
    rmSync(buildDir, { recursive: true, force: true });
  }
  return pageDir;
}

/** Builds the page into the folder that wrangler.toml names. @returns that folder */
export async function publishPage(options: PageOptions = {}): Promise<string> {
  const { projectDir = PROJECT_DIR } = options;
  const built = await buildPage(options);
  if (built === undefined) throw new Error(`there is no ${SOURCE_DIR} in ${projectDir}`);
  const publicDir = join(projectDir, PAGE_DIR);
  // What an earlier build has left would be uploaded with it.
  rmSync(publicDir, { recursive: true, force: true });
  cpSync(built, publicDir, { recursive: true });
  return publicDir;
}

/** The paths that the files of a page are served at, such as `/`, `/admin` and `/assets/map-1a2b3c4d.js`. */
export function pagePaths(pageDir: string): string[] {
  const paths = filesUnder(pageDir).map((file) => `/${relative(pageDir, file).split(sep).join("/")}`);
  // The platform answers a page without its ending, and sends whoever asks with it there.
  const pages = paths.filter((path) => path.endsWith(".html")).map((path) => path.replace(/(?:index)?\.html$/, ""));
  return [...pages, ...paths.filter((path) => !RULE_FILES.has(path))];
}

function renameOrKeep(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!statSync(to, { throwIfNoEntry: false })) throw error;
  }
}

async function vite(
  args: readonly string[],
  cwd: string,
  signal: AbortSignal | undefined,
): Promise<{ code: number; output: string }> {
  const packageDir = dirname(createRequire(import.meta.url).resolve("vite/package.json"));
  const child = spawn(process.execPath, [join(packageDir, "bin/vite.js"), ...args], {
    cwd,
    // The runner of tests sets these for itself; a page built under them would be one for tests.
    env: { ...process.env, NODE_ENV: "production", VITEST: undefined, VITE_USER_NODE_ENV: undefined },
    stdio: ["ignore", "pipe", "pipe"],
    ...(signal ? { signal } : {}),
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number; output: string }>();
  child.on("error", reject);
  child.on("close", (code) => resolve({ code: code ?? 1, output: stripVTControlCharacters(output) }));
  return promise;
}
