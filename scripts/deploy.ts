/** `npm run deploy`: `wrangler deploy`, unless it would ship a way in without a token, or name queues that are not bound. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { readOptions, USAGE_EXIT_CODE } from "./options.ts";
import { buildBundle, PROJECT_DIR, readBundle, type Bundle } from "./serve/bundle.ts";
import { publishPage } from "./serve/page.ts";
import { tooFewQueues } from "./serve/queues.ts";
import { wrangler } from "./wrangler.ts";

const USAGE = "npm run deploy -- [--dry-run]";
/** Lets anybody be anybody: fine on one's own machine, never on a public one. */
const FORBIDDEN = "DEV_LOGIN";

const { values } = readOptions(USAGE, { "dry-run": { type: "boolean", default: false } });

// What the upload itself would carry is asked of the built Worker.
const bundle = await readBundle(await buildBundle());
const place = findForbidden(bundle);
if (place !== undefined) {
  refuse(`${FORBIDDEN} is set in ${place}, and would let anybody log in as anybody`);
}
const tooFew = tooFewQueues(bundle.vars, bundle.queueProducers);
if (tooFew !== undefined) refuse(tooFew);
// The upload takes the web app from there.
await publishPage();
const args = ["deploy", ...(values["dry-run"] ? ["--dry-run"] : [])];
const { code } = await wrangler(args, { cwd: PROJECT_DIR, show: true });
process.exitCode = code;

function refuse(problem: string): never {
  process.stderr.write(`not deployed: ${problem}\n`);
  process.exit(USAGE_EXIT_CODE);
}

/** Where the forbidden setting is set. */
function findForbidden({ vars }: Bundle): string | undefined {
  if (process.env[FORBIDDEN]) return "the environment";
  for (const name of [".dev.vars", ".env"]) {
    if (readEnvFile(join(PROJECT_DIR, name))[FORBIDDEN]) return name;
  }
  return vars[FORBIDDEN] ? "wrangler.toml" : undefined;
}

function readEnvFile(path: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
    throw error;
  }
}
