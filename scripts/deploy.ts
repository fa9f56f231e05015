/** `npm run deploy`: `wrangler deploy`, unless it would ship a way in without a token. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { readOptions, USAGE_EXIT_CODE } from "./options.ts";
import { buildBundle, PROJECT_DIR, readBundle } from "./serve/bundle.ts";
import { wrangler } from "./wrangler.ts";

const USAGE = "npm run deploy -- [--dry-run]";
/** Lets anybody be anybody: fine on one's own machine, never on a public one. */
const FORBIDDEN = "DEV_LOGIN";

const { values } = readOptions(USAGE, { "dry-run": { type: "boolean", default: false } });

const place = await findForbidden();
if (place !== undefined) {
  process.stderr.write(`not deployed: ${FORBIDDEN} is set in ${place}, and would let anybody log in as anybody\n`);
  process.exit(USAGE_EXIT_CODE);
}
const args = ["deploy", ...(values["dry-run"] ? ["--dry-run"] : [])];
const { code } = await wrangler(args, { cwd: PROJECT_DIR, show: true });
process.exitCode = code;

/** Where the forbidden setting is set. What the upload itself would carry is asked of the built Worker. */
async function findForbidden(): Promise<string | undefined> {
  if (process.env[FORBIDDEN]) return "the environment";
  for (const name of [".dev.vars", ".env"]) {
    if (readEnvFile(join(PROJECT_DIR, name))[FORBIDDEN]) return name;
  }
  const { vars } = await readBundle(await buildBundle());
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
