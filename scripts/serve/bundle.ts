/** Builds the Worker the way a deploy would, and keeps the result until a source changes. */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import * as v from "valibot";
import { readConfig, wrangler } from "../wrangler.ts";
import type { Consumer, Producers } from "./queues.ts";
import { hashFiles, removeOld } from "./sources.ts";

export const PROJECT_DIR = resolve(import.meta.dirname, "../..");

/** Everything that the bundle may depend on: the sources, and what fixes the dependencies and the build. */
const SOURCE_PATHS = [
  "src",
  "docs/openapi.json",
  "durable-objects",
  "wrangler.toml",
  "tsconfig.json",
  "package-lock.json",
];

/** The folder that wrangler.toml names for the files of the web app, made by `npm run build`. */
export const PAGE_DIR = "dist/web";

/** Results of older sources are removed after this: long enough that no other start still wants to read them. */
const KEEP_MS = 24 * 3_600_000;

/** Cloudflare's own (Queues, "Batching, retries and delays"); Miniflare has others. */
const CONSUMER_DEFAULTS = { maxBatchSize: 10, maxBatchTimeoutS: 5, maxRetries: 3, retryDelayS: 0 };

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
  /** Binding name to bucket name. */
  r2Buckets: Record<string, string>;
  /** Binding name to what Miniflare takes for it. */
  rateLimits: Record<string, { namespace_id: string; simple: v.InferOutput<typeof SimpleLimit> }>;
  queueProducers: Producers;
  queueConsumers: Consumer[];
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
  if ([file, consumersFile(file)].every((path) => statSync(path, { throwIfNoEntry: false }))) {
    onProgress("worker: up to date");
    return file;
  }
  onProgress("worker: building");
  mkdirSync(keepDir, { recursive: true });
  removeOld(keepDir, KEEP_MS);
  // Two starts may build at once: each in a directory of its own, and the rename replaces a whole file at once.
  const buildDir = mkdtempSync(join(keepDir, "build-"));
  try {
    const built = join(buildDir, "worker.form");
    // The page's folder may not be made yet, which a dry run refuses; the bundle is the same with and without it.
    mkdirSync(join(projectDir, PAGE_DIR), { recursive: true });
    // Without its name, wrangler looks for the configuration beside the entry.
    const from = [...(entry ? [entry] : []), "--config", join(projectDir, "wrangler.toml")];
    const args = ["deploy", ...from, "--dry-run", "--outdir", buildDir, "--outfile", built];
    const { code, output } = await wrangler(args, { cwd: projectDir, ...(signal ? { signal } : {}) });
    if (code !== 0 || !statSync(built, { throwIfNoEntry: false })) {
      throw new Error(`the Worker could not be built:\n${output}`);
    }
    const consumers = await readConsumers(projectDir);
    writeFileSync(consumersFile(built), JSON.stringify(consumers));
    renameSync(consumersFile(built), consumersFile(file));
    renameSync(built, file);
  } finally {
    rmSync(buildDir, { recursive: true, force: true });
  }
  return file;
}

/** Who consumes a queue is no part of an upload: a deploy tells the queue. So it lies beside the form. */
function consumersFile(formFile: string): string {
  return `${formFile}.consumers.json`;
}

async function readConsumers(projectDir: string): Promise<Consumer[]> {
  const { queues } = await readConfig(projectDir);
  return (queues.consumers ?? []).map((one) => ({
    queue: one.queue,
    maxBatchSize: one.max_batch_size ?? CONSUMER_DEFAULTS.maxBatchSize,
    maxBatchTimeoutS: one.max_batch_timeout ?? CONSUMER_DEFAULTS.maxBatchTimeoutS,
    maxRetries: one.max_retries ?? CONSUMER_DEFAULTS.maxRetries,
    retryDelayS: one.retry_delay ?? CONSUMER_DEFAULTS.retryDelayS,
    ...(one.dead_letter_queue === undefined ? {} : { deadLetterQueue: one.dead_letter_queue }),
  }));
}

function hashSources(projectDir: string, entry: string | undefined): string {
  const paths = SOURCE_PATHS.map((path) => join(projectDir, path));
  // The page is built on its own: the Worker imports nothing of it.
  return hashFiles(entry ? [...paths, dirname(entry), entry] : paths, projectDir, join(projectDir, "src/web/"));
}

/** Requests per period, in seconds. */
const SimpleLimit = v.object({ limit: v.number(), period: v.picklist([10, 60]) });

const Metadata = v.object({
  main_module: v.string(),
  compatibility_date: v.string(),
  compatibility_flags: v.optional(v.array(v.string()), []),
  // An unknown kind is refused: serving without a binding that the deployed Worker has would fail later, and far away.
  bindings: v.array(
    v.variant("type", [
      v.object({ type: v.literal("durable_object_namespace"), name: v.string(), class_name: v.string() }),
      v.object({ type: v.literal("plain_text"), name: v.string(), text: v.string() }),
      v.object({ type: v.literal("r2_bucket"), name: v.string(), bucket_name: v.string() }),
      v.object({
        type: v.literal("queue"),
        name: v.string(),
        queue_name: v.string(),
        delivery_delay: v.optional(v.number()),
      }),
      v.object({ type: v.literal("json"), name: v.string(), json: v.union([v.number(), v.boolean()]) }),
      // Locally nothing is kept of it, and the Worker works without it.
      v.object({ type: v.literal("analytics_engine"), name: v.string() }),
      v.object({ type: v.literal("ratelimit"), name: v.string(), namespace_id: v.string(), simple: SimpleLimit }),
    ]),
  ),
});

type Binding = v.InferOutput<typeof Metadata>["bindings"][number];

const Consumers = v.array(
  v.object({
    queue: v.string(),
    maxBatchSize: v.number(),
    maxBatchTimeoutS: v.number(),
    maxRetries: v.number(),
    retryDelayS: v.number(),
    deadLetterQueue: v.optional(v.string()),
  }),
);

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
    ...sortBindings(metadata.bindings),
    queueConsumers: v.parse(v.pipe(v.string(), v.parseJson(), Consumers), readFileSync(consumersFile(file), "utf8")),
    mainModule: metadata.main_module,
    modules: [],
  };
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

function sortBindings(
  bindings: readonly Binding[],
): Pick<Bundle, "vars" | "durableObjects" | "r2Buckets" | "rateLimits" | "queueProducers"> {
  const vars: Bundle["vars"] = {};
  const durableObjects: Bundle["durableObjects"] = {};
  const r2Buckets: Bundle["r2Buckets"] = {};
  const rateLimits: Bundle["rateLimits"] = {};
  const queueProducers: Record<string, Producers[string]> = {};
  for (const binding of bindings) {
    switch (binding.type) {
      case "plain_text":
        vars[binding.name] = binding.text;
        break;
      case "json":
        vars[binding.name] = binding.json;
        break;
      case "durable_object_namespace":
        durableObjects[binding.name] = binding.class_name;
        break;
      case "r2_bucket":
        r2Buckets[binding.name] = binding.bucket_name;
        break;
      case "analytics_engine":
        break;
      case "ratelimit":
        rateLimits[binding.name] = { namespace_id: binding.namespace_id, simple: binding.simple };
        break;
      case "queue":
        queueProducers[binding.name] = {
          queue: binding.queue_name,
          ...(binding.delivery_delay === undefined ? {} : { deliveryDelayS: binding.delivery_delay }),
        };
        break;
    }
  }
  return { vars, durableObjects, r2Buckets, rateLimits, queueProducers };
}
