/** `npm run setup`: makes in a Cloudflare account what wrangler.toml names, and says which settings are missing. */
import { QUEUES_MAX } from "../src/settings.ts";
import { readInteger, readOptions } from "./options.ts";
import { PROJECT_DIR } from "./serve/bundle.ts";
import { setUp } from "./setup/run.ts";
import { readConfig, wrangler } from "./wrangler.ts";

const USAGE = "npm run setup -- [--queues N] [--dry-run]";

const { values } = readOptions(USAGE, {
  queues: { type: "string" },
  "dry-run": { type: "boolean", default: false },
});
const queues =
  values.queues === undefined
    ? undefined
    : readInteger(USAGE, { option: "--queues", text: values.queues, fallback: 1, max: QUEUES_MAX });

try {
  await setUp({
    projectDir: PROJECT_DIR,
    config: await readConfig(PROJECT_DIR),
    queues,
    dryRun: values["dry-run"],
    run: (args) => wrangler(args, { cwd: PROJECT_DIR }),
    say: (line) => process.stdout.write(`${line}\n`),
  });
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
