/** The server of a crowd: as `npm run serve -- --memory` starts it, with its settings as they are shipped. */
import { randomBytes } from "node:crypto";
import { openSync } from "node:fs";
import { relative } from "node:path";
import { signToken } from "../../../src/auth/token.ts";
import { readSettings } from "../../../src/settings.ts";
import { sendLines } from "../../import/send.ts";
import { progress } from "../../progress.ts";
import { startBackend, type Backend } from "../../serve/backend.ts";
import type { Door } from "../clients.ts";
import { linesOf } from "../friendships.ts";
import type { Person } from "../people.ts";
import { logFile } from "../record.ts";
import { authorize, socketUrl } from "../targets.ts";
import { atRate } from "./at-rate.ts";

const ADMIN_TOKEN_S = 3_600;
/** Lines of one request: an import wakes both sides of each, and what it wakes stays awake for ten seconds. */
const LINES_AT_ONCE = 2_000;

export interface CrowdServer {
  readonly backend: Backend;
  /** In the order of the people. */
  readonly doors: readonly Door[];
  /** Where its log goes. */
  readonly log: string;
  /** Makes the friendships of all people. */
  readonly befriend: () => Promise<void>;
}

export interface CrowdServerOptions {
  readonly name: string;
  readonly people: readonly Person[];
  readonly fronts: number;
  /** So many people may be given friends in a second: each is awake for a while. */
  readonly peoplePerS: number;
  readonly signal: AbortSignal;
}

export async function startCrowdServer(options: CrowdServerOptions): Promise<CrowdServer> {
  const { name, people, fronts, signal } = options;
  const env = { AUTH_SECRET: randomBytes(32).toString("hex") };
  const log = logFile(name);
  const backend = await startBackend({
    port: 0,
    memory: true,
    env,
    fronts,
    signal,
    onProgress: (step) => process.stderr.write(`${name}: ${step}\n`),
    logFd: openSync(log, "w"),
  });
  const url = socketUrl(backend);
  const doors = (await authorize(people, env)).map((headers) => ({ url, headers }));
  return { backend, doors, log: relative(process.cwd(), log), befriend: () => befriend(options, backend.url, env) };
}

async function befriend(
  { people, peoplePerS, signal }: CrowdServerOptions,
  url: string,
  env: { AUTH_SECRET: string },
): Promise<void> {
  const { auth } = readSettings(env);
  if (auth.kind !== "hs256") throw new Error("the bench signs with a secret");
  const admin = { user: "bench", role: "admin" as const };
  const token = async () => (await signToken(auth, admin, { nowMs: Date.now(), lifetimeS: ADMIN_TOKEN_S })).token;
  const lines = linesOf(people);
  const requests = Math.ceil(lines.length / LINES_AT_ONCE);
  const bar = progress("friendships", lines.length);
  const perS = (peoplePerS * requests) / people.length;
  await atRate(requests, { perS, atOnce: 1, signal }, async (index) => {
    const some = lines.slice(index * LINES_AT_ONCE, (index + 1) * LINES_AT_ONCE);
    const { accepted, refused } = await sendLines({ url, token, stop: signal, cut: signal }, some.join("\n"));
    if (accepted !== some.length) {
      throw new Error(`${accepted} of ${some.length} friendships were made; ${refused[0]?.reason ?? ""}`);
    }
    bar.tick(accepted);
  });
  bar.done();
}
