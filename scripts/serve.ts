/** `npm run serve`: the backend alone. Settings are read from the environment. */
import { readInteger, readOptions, refuseUsage, USAGE_EXIT_CODE } from "./options.ts";
import { startBackend, type Backend } from "./serve/backend.ts";
import { FRONTS_MAX, roomFor } from "./serve/descriptors.ts";
import { childLimit } from "./serve/proc.ts";
import { checkSettings, pickSettings } from "./serve/settings.ts";

const USAGE = "npm run serve -- [--port N] [--host H] [--memory | --state DIR] [--fronts N]";
const PORT_DEFAULT = 8787;
const STATE_DEFAULT = ".nearby";
/** Below this limit not even a thousand people fit, who take 5 each while their objects are in memory. */
const DESCRIPTORS_ADVISED = 5_120;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

// Before anything else: a signal may come while the Worker is still being built.
const stopped = new AbortController();
for (const signal of SIGNALS) process.on(signal, () => stopped.abort());

const { values } = readOptions(USAGE, {
  port: { type: "string" },
  host: { type: "string", default: "127.0.0.1" },
  state: { type: "string" },
  memory: { type: "boolean", default: false },
  fronts: { type: "string" },
});
const port = readInteger(USAGE, { option: "--port", text: values.port, fallback: PORT_DEFAULT, min: 0, max: 65_535 });
const fronts = readInteger(USAGE, { option: "--fronts", text: values.fronts, fallback: 0, min: 0, max: FRONTS_MAX });
if (values.memory && values.state !== undefined) refuseUsage(USAGE, "--memory and --state exclude each other");
if (values.state === "") refuseUsage(USAGE, "--state needs a directory");
if (values.host === "") refuseUsage(USAGE, "--host needs a name or an address");

const env = pickSettings(process.env);
const check = checkSettings(env);
if (check.kind === "bad") {
  note(`bad setting: ${check.problem}`);
  process.exit(USAGE_EXIT_CODE);
}
if (check.kind === "no_auth") note("neither AUTH_SECRET nor AUTH_JWKS_URL is set: only /healthz will be served");
hintAtDescriptors();

process.exitCode = await serve();

async function serve(): Promise<number> {
  let backend: Backend;
  try {
    const state = values.memory ? { memory: true as const } : { stateDir: values.state ?? STATE_DEFAULT };
    const around = { onProgress: note, signal: stopped.signal };
    backend = await startBackend({ port, host: values.host, env, fronts, ...around, ...state });
  } catch (error) {
    if (stopped.signal.aborted) return 0;
    note(error instanceof Error ? error.message : String(error));
    return 1;
  }
  process.stdout.write(`listening on ${backend.url}\n`);
  stopped.signal.addEventListener("abort", () => void backend.stop());
  if (stopped.signal.aborted) await backend.stop();
  const asAsked = await backend.ended;
  if (stopped.signal.aborted) return 0;
  note(asAsked ? "the runtime's process was ended from outside" : "the runtime's process has failed");
  return 1;
}

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Told before anybody connects; while it runs, open-files.ts tells. */
function hintAtDescriptors(): void {
  const limit = childLimit();
  if (limit === undefined || limit >= DESCRIPTORS_ADVISED) return;
  const { live, sleeping } = roomFor({ limit, fronts });
  note(
    `only ${limit} open files are allowed: about ${live} people who move, or ${sleeping} who are silent; raise it with ulimit -n`,
  );
}
