/** Makes queues and buckets in an account, and looks at the settings. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { WranglerRun } from "../wrangler.ts";
import { missingSettings } from "./missing.ts";
import { growQueues, type Growth } from "./queues-section.ts";
import { resourcesOf, varsOf, type Config, type Resource } from "./resources.ts";

export interface SetupOptions {
  /** The folder of wrangler.toml. */
  projectDir: string;
  config: Config;
  /** How many queues there are to be; undefined: as many as there are. */
  queues?: number | undefined;
  /** Says what would be done, and does nothing. */
  dryRun: boolean;
  /** Runs a command of wrangler. */
  run: (args: string[]) => Promise<WranglerRun>;
  say: (line: string) => void;
}

const Secrets = v.pipe(v.string(), v.parseJson(), v.array(v.object({ name: v.string() })));
const SECRET_LIST = ["secret", "list"];

/** Throws with a message for people; what was made until then stays, and the next run finds it. */
export async function setUp(options: SetupOptions): Promise<void> {
  const { projectDir, config, queues, dryRun, say } = options;
  const tomlFile = join(projectDir, "wrangler.toml");
  const growth = queues === undefined ? undefined : growQueues(readFileSync(tomlFile, "utf8"), config, queues);
  const resources = resourcesOf(config, growth?.added);
  if (dryRun) {
    for (const { create } of resources) say(`would run: npx wrangler ${create.join(" ")}`);
    if (growth?.addition) say(`would add to wrangler.toml:\n${growth.addition}`);
    say(`would run: npx wrangler ${SECRET_LIST.join(" ")}`);
    sayQueues(options, growth);
    return;
  }
  await expectLogin(options);
  for (const [index, resource] of resources.entries()) {
    say(`${index + 1}/${resources.length} ${resource.label}: ${await make(resource, options)}`);
  }
  if (growth?.addition) {
    writeFileSync(tomlFile, growth.toml);
    say(`wrangler.toml: ${growth.added.length} more queues are bound and consumed`);
  }
  await saySettings(options);
  sayQueues(options, growth);
}

async function expectLogin({ run, say }: SetupOptions): Promise<void> {
  say("account: asking");
  const { code, output } = await run(["whoami", "--json"]);
  if (code === 0) return;
  if (/"loggedIn":\s*false/.test(output)) {
    throw new Error("not logged in to Cloudflare: run `npx wrangler login`, or set CLOUDFLARE_API_TOKEN");
  }
  throw new Error(`the account could not be asked:\n${output.trim()}`);
}

async function make({ label, create, look, isThere }: Resource, { run }: SetupOptions): Promise<string> {
  const made = await run(create);
  if (made.code === 0) return "made";
  // Not by the words of the refusal, which may change: a thing that can be looked at is there.
  const seen = await run(look);
  if (seen.code === 0 && isThere(seen.output)) return "there already";
  throw new Error(`${label} could not be made:\n${made.output.trim()}`);
}

async function saySettings({ config, run, say }: SetupOptions): Promise<void> {
  const { code, stdout, output } = await run(SECRET_LIST);
  // Before the first deploy there is no Worker whose secrets could be listed.
  const isNew = code !== 0 && /not found/.test(output);
  if (code !== 0 && !isNew) throw new Error(`the secrets could not be listed:\n${output.trim()}`);
  const secrets = isNew ? [] : v.parse(Secrets, stdout).map(({ name }) => name);
  const problems = missingSettings(config, secrets);
  for (const problem of problems) say(`setting: ${problem}`);
  if (problems.length === 0) say("settings: nothing is missing");
  if (isNew) say("the Worker is not there yet: `npm run deploy` first, then set its secrets");
}

function sayQueues({ config, queues, say }: SetupOptions, growth: Growth | undefined): void {
  if (queues === undefined || !growth) return;
  const now = varsOf(config).get("HISTORY_QUEUES") ?? "1";
  if (now === String(queues)) return;
  say(`now set HISTORY_QUEUES = "${queues}" (it is ${now}) under [vars] in wrangler.toml, then \`npm run deploy\``);
}
