/** Builds the Worker the way a deploy would, and keeps the result until a source changes. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import * as v from "valibot";
import { wrangler } from "../wrangler.ts";

export const PROJECT_DIR = resolve(import.meta.dirname, "../..");

/** Everything that the bundle may depend on: the sources, and what fixes the dependencies and the build. */
const SOURCE_PATHS = ["src", "durable-objects", "wrangler.toml", "tsconfig.json", "package-lock.json"];

/** Results of older sources are removed after this: long enough that no other start still wants to read them. */
const KEEP_MS = 24 * 3_600_000;

export interface WorkerModule {
  type: "ESModule" | "Text" | "Data" | "CompiledWasm";
  name: string;
  contents: Uint8Array;
}

/** A Worker as an upload would carry it. */
export interface Bundle {
  compatibilityDate: string;
  compatibilityFlags: string[];
  /** The vars of wrangler.toml. */
  vars: Record<string, string | number | boolean>;
  /** Binding name to class name. */
  durableObjects: Record<string, string>;
  mainModule: string;
  modules: WorkerModule[];
}

export interface BuildOptions {
  /** Entry module, absolute; default: `main` of wrangler.toml. */
  entry?: string | undefined;
  projectDir?: string;
  onProgress?: ((step: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** The file that holds the built Worker; built now unless the sources are those of an earlier build. */
export async function buildBundle(options: BuildOptions = {}): Promise<string> {
  const { entry, projectDir = PROJECT_DIR, onProgress = () => {}, signal } = options;
  const keepDir = join(projectDir, "dist/serve");
  const file = join(keepDir, `${hashSources(projectDir, entry)}.form`);
  if (statSync(file, { throwIfNoEntry: false })) {
    onProgress("worker: up to date");
    return file;
  }
  onProgress("worker: building");
  mkdirSync(keepDir, { recursive: true });
  removeOld(keepDir);
  // Two starts may build at once: each in a directory of its own, and the rename replaces a whole file at once.
  const buildDir = mkdtempSync(join(keepDir, "build-"));
  try {
    const built = join(buildDir, "worker.form");
    const args = ["deploy", ...(entry ? [entry] : []), "--dry-run", "--outdir", buildDir, "--outfile", built];
    const { code, output } = await wrangler(args, { cwd: projectDir, ...(signal ? { signal } : {}) });
    if (code !== 0 || !statSync(built, { throwIfNoEntry: false })) {
      throw new Error(`the Worker could not be built:\n${output}`);
    }
    renameSync(built, file);
  } finally {
    rmSync(buildDir, { recursive: true, force: true });
  }
  return file;
}

function hashSources(projectDir: string, entry: string | undefined): string {
  const hash = createHash("sha256");
  const paths = SOURCE_PATHS.map((path) => join(projectDir, path));
  if (entry) paths.push(dirname(entry));
  for (const path of paths) {
    const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
    const files = isDirectory ? filesUnder(path) : [path];
    for (const file of files) {
      hash
        .update(`${relative(projectDir, file)}\0`)
        .update(readFileSync(file))
        .update("\0");
    }
  }
  return hash
    .update(entry ?? "")
    .digest("hex")
    .slice(0, 24);
}

function filesUnder(dir: string): string[] {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  return files.toSorted();
}

function removeOld(keepDir: string): void {
  const oldMs = Date.now() - KEEP_MS;
  for (const name of readdirSync(keepDir)) {
    const path = join(keepDir, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat && stat.mtimeMs < oldMs) rmSync(path, { recursive: true, force: true });
  }
}

const Metadata = v.object({
  main_module: v.string(),
  compatibility_date: v.string(),
  compatibility_flags: v.optional(v.array(v.string()), []),
  // An unknown kind is refused: serving without a binding that the deployed Worker has would fail later, and far away.
  bindings: v.array(
    v.variant("type", [
      v.object({ type: v.literal("durable_object_namespace"), name: v.string(), class_name: v.string() }),
      v.object({ type: v.literal("plain_text"), name: v.string(), text: v.string() }),
      v.object({ type: v.literal("json"), name: v.string(), json: v.union([v.number(), v.boolean()]) }),
    ]),
  ),
});

const MODULE_TYPES: Record<string, WorkerModule["type"]> = {
  "application/javascript+module": "ESModule",
  "text/plain": "Text",
  "application/octet-stream": "Data",
  "application/wasm": "CompiledWasm",
};

/** Reads what `buildBundle` left: the multipart form of an upload. Throws when it holds what `serve` does not know. */
export async function readBundle(file: string): Promise<Bundle> {
  const bytes = readFileSync(file);
  const boundary = bytes.subarray(2, bytes.indexOf("\r\n")).toString("latin1");
  const headers = { "content-type": `multipart/form-data; boundary=${boundary}` };
  const form = await new Response(bytes, { headers }).formData();
  const metadata = v.parse(v.pipe(v.string(), v.parseJson(), Metadata), form.get("metadata"));
  const bundle: Bundle = {
    compatibilityDate: metadata.compatibility_date,
    compatibilityFlags: metadata.compatibility_flags,
    vars: {},
    durableObjects: {},
    mainModule: metadata.main_module,
    modules: [],
  };
  for (const binding of metadata.bindings) {
    if (binding.type === "plain_text") bundle.vars[binding.name] = binding.text;
    else if (binding.type === "json") bundle.vars[binding.name] = binding.json;
    else bundle.durableObjects[binding.name] = binding.class_name;
  }
  for (const [name, part] of form) {
    if (typeof part === "string") continue;
    const type = MODULE_TYPES[part.type];
    // Source maps travel beside the modules and are not modules themselves.
    if (part.type === "application/source-map") continue;
    if (!type) throw new Error(`module ${name} has a type that serve does not know: ${part.type}`);
    bundle.modules.push({ type, name, contents: new Uint8Array(await part.arrayBuffer()) });
  }
  return bundle;
}
