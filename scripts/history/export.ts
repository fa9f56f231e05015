/** Copies what a local server has written to R2 into a plain folder. */
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, resolve, sep } from "node:path";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { PROJECT_DIR } from "../serve/bundle.ts";
import { lockState } from "../serve/lock.ts";
import { stateOptions } from "../serve/runtime.ts";
import { readConfig } from "../wrangler.ts";

const BINDING = "HISTORY";
/** R2 answers at most so many keys at once. */
const LIST_MAX = 1_000;

export interface ExportOptions {
  /** Of `npm run serve`; no server may be using it. */
  stateDir: string;
  /** Made when it is not there. Files of the same names are replaced, others stay. */
  outDir: string;
  /** Default: that of wrangler.toml. */
  bucket?: string;
  /** Told how many there are to copy. */
  onStart?: (objects: number) => void;
  /** Told after each. */
  onObject?: () => void;
}

export interface ExportCounts {
  objects: number;
  bytes: number;
  /** Objects by their first folder: `history`, `erased`, `dead`. */
  folders: Record<string, number>;
}

/** The names of the objects become paths in `outDir`. Throws with a message for people when there is no such state. */
export async function exportHistory(options: ExportOptions): Promise<ExportCounts> {
  const stateDir = resolve(options.stateDir);
  const outDir = resolve(options.outDir);
  if (!statSync(stateDir, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(`there is no state in ${options.stateDir}: \`npm run serve\` makes one`);
  }
  const bucketName = options.bucket ?? (await readBucketName());
  const lock = lockState(stateDir);
  let miniflare: Miniflare | undefined;
  try {
    miniflare = new Miniflare(
      convertV4MiniflareOptions({
        ...stateOptions(stateDir),
        workers: [{ name: "export", modules: true, script: "export default {}", r2Buckets: { [BINDING]: bucketName } }],
      }),
    );
    return await copy(await miniflare.getR2Bucket(BINDING), { ...options, outDir });
  } finally {
    await miniflare?.dispose();
    lock.release();
  }
}

async function readBucketName(): Promise<string> {
  const { r2_buckets: buckets } = await readConfig(PROJECT_DIR);
  const name = buckets.find(({ binding }) => binding === BINDING)?.bucket_name;
  if (name === undefined) throw new Error(`wrangler.toml binds no bucket as ${BINDING}`);
  return name;
}

type Bucket = Awaited<ReturnType<Miniflare["getR2Bucket"]>>;
type CopyOptions = Pick<ExportOptions, "outDir" | "onStart" | "onObject">;

async function copy(bucket: Bucket, { outDir, onStart, onObject }: CopyOptions): Promise<ExportCounts> {
  const counts: ExportCounts = { objects: 0, bytes: 0, folders: {} };
  const keys = await listKeys(bucket);
  onStart?.(keys.length);
  mkdirSync(outDir, { recursive: true });
  for (const key of keys) {
    const file = resolve(outDir, key);
    // A name such as `../x` is a fine one in R2.
    if (!file.startsWith(outDir + sep)) throw new Error(`an object's name leads out of the folder: ${key}`);
    const object = await bucket.get(key);
    if (!object) throw new Error(`${key} went away while it was copied`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, new Uint8Array(await object.arrayBuffer()));
    counts.objects++;
    counts.bytes += object.size;
    const folder = key.split("/")[0] ?? "";
    counts.folders[folder] = (counts.folders[folder] ?? 0) + 1;
    onObject?.();
  }
  return counts;
}

async function listKeys(bucket: Bucket): Promise<string[]> {
  const keys: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await bucket.list({ limit: LIST_MAX, ...(cursor === undefined ? {} : { cursor }) });
    for (const { key } of page.objects) keys.push(key);
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
  return keys;
}
