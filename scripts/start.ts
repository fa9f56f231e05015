/** `npm start`: the backend, a town of simulated friends, and the view of a visitor among them. */
import { randomBytes } from "node:crypto";
import { closeSync, openSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createNearbyClient, type NearbyClient } from "../src/client/index.ts";
import { signToken } from "../src/auth/token.ts";
import { readSettings, type Settings } from "../src/settings.ts";
import { readInteger, readOptions, refuseUsage, USAGE_EXIT_CODE } from "./options.ts";
import { progress } from "./progress.ts";
import { startBackend, type Backend } from "./serve/backend.ts";
import { checkSettings, pickSettings, type SettingsEnv } from "./serve/settings.ts";
import { showClient, type Show } from "./terminal/show.ts";
import type { Account } from "./town/api.ts";
import { FileError } from "./town/lines.ts";
import { befriendAll, closeAll, connectAll, letBeSeen, type Member, type Step } from "./town/members.ts";
import { emptyScene, townScene, trackScene, type Scene } from "./town/scenes.ts";
import { readTracks } from "./town/tracks.ts";

const USAGE = "npm start [-- --port N] [--no-town | --tracks FILE]";
const PORT_DEFAULT = 8787;
const VISITOR = { id: "visitor", name: "Visitor" };
/** Has friends but no connection: for whoever joins from a second terminal. */
const GUEST = { id: "guest", name: "Guest" };
/** Longer than anybody watches a town. */
const TOKEN_LIFETIME_S = 7 * 24 * 3600;
const SECRET_BYTES = 32;
/** What a phone does; the visitor stands still and only has to stay active. */
const VISITOR_EVERY_MS = 30_000;
/** The town reports before the visitor comes: a first snapshot instead of fifty lines of arrivals. */
const SETTLE_MS = 1_000;
const STDERR_FD = 2;

/** Simulated time runs faster than ours: what limits real phones would hold these back. */
const LIVELY: SettingsEnv = { POSITION_BURST: "1000", POSITION_MIN_S: "0", SPEED_MAX_MPS: "0" };

// Before anything else: a signal may come while the Worker is still being built.
const stopped = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stopped.abort());
// `npm start | head`: nobody reads any more.
process.stdout.on("error", () => stopped.abort());

const { values } = readOptions(USAGE, {
  port: { type: "string" },
  "no-town": { type: "boolean", default: false },
  tracks: { type: "string" },
});
const port = readInteger(USAGE, { option: "--port", text: values.port, fallback: PORT_DEFAULT, min: 0, max: 65_535 });
if (values["no-town"] && values.tracks !== undefined) refuseUsage(USAGE, "--no-town and --tracks exclude each other");
const env = readEnv();
const settings = readSettings(env);
const scene = await readScene();
process.exitCode = await main();

/** The settings of the environment, with a secret that nobody else knows. */
function readEnv(): SettingsEnv {
  const secret = randomBytes(SECRET_BYTES).toString("base64url");
  const all: SettingsEnv = { ...LIVELY, ...pickSettings(process.env), AUTH_SECRET: secret, DEV_LOGIN: "1" };
  delete all.AUTH_JWKS_URL;
  const check = checkSettings(all);
  if (check.kind === "bad") end(`bad setting: ${check.problem}`);
  return all;
}

async function readScene(): Promise<Scene> {
  const file = values.tracks;
  if (file === undefined) return values["no-town"] ? emptyScene() : townScene();
  note(`reading ${file}`);
  try {
    return trackScene(await readTracks(file), file, settings.inactiveAfterMs / 1000);
  } catch (error) {
    if (error instanceof FileError) return end(`${file}${error.line > 0 ? `:${error.line}` : ""}: ${error.message}`);
    throw error;
  }
}

async function main(): Promise<number> {
  const log = openLog();
  let backend: Backend | undefined;
  try {
    const { signal } = stopped;
    backend = await startBackend({ port, memory: true, env, onProgress: note, signal, logFd: log.fd });
    await tellUrls(backend.url);
    await live(backend);
    return 0;
  } catch (error) {
    if (stopped.signal.aborted) return 0;
    note(error instanceof Error ? error.message : String(error));
    return 1;
  } finally {
    await backend?.stop();
    log.close();
  }
}

/** Fills the town, shows it, and cleans up; resolves after a signal. */
async function live(backend: Backend): Promise<void> {
  const { url } = backend;
  // A backend that dies takes the town with it; this also wakes whoever waits for an answer.
  const over = new AbortController();
  void backend.ended.then(() => over.abort(new Error("the backend has ended")));
  const signal = AbortSignal.any([stopped.signal, over.signal]);
  const [visitor, guest, ...accounts] = await Promise.all([VISITOR, GUEST, ...scene.people].map(signAccount));
  if (visitor === undefined || guest === undefined) return;
  const bonds = [[guest, visitor] as const, ...scene.bonds(accounts, visitor, guest)];
  await withProgress("making friends", bonds.length, signal, (step) => befriendAll(url, bonds, step));
  const strangers = accounts.slice(accounts.length - scene.strangers);
  // The visitor, too, where there are strangers to see; the page of the visitor asks for them by itself.
  await letBeSeen(url, scene.strangers === 0 ? [] : [visitor, ...strangers]);
  const members = await withProgress("connecting", accounts.length, signal, (step) => connectAll(url, accounts, step));
  try {
    await watch(url, visitor, members, signal);
  } finally {
    closeAll(members);
  }
  if (!stopped.signal.aborted) throw new Error("the backend has ended");
}

/** The visitor's view with the people in motion around it, until the signal. */
async function watch(url: string, visitor: Account, members: readonly Member[], signal: AbortSignal): Promise<void> {
  let show: Show | undefined;
  const { radiusM } = settings;
  for (const { client } of members.slice(members.length - scene.strangers)) client.discover(true);
  const stopScene = scene.start(members, { url, radiusM, note: (kind, text) => show?.note(kind, text) });
  let client: NearbyClient | undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    await sleep(SETTLE_MS, undefined, { signal });
    client = createNearbyClient({ url, token: () => Promise.resolve(visitor.token) });
    if (scene.strangers > 0) client.discover(true);
    show = showClient(client, { user: visitor.id, title: scene.title, hint: `${url} · Ctrl-C ends` });
    const send = () => void client?.send(scene.place);
    send();
    timer = setInterval(send, VISITOR_EVERY_MS);
    await untilAborted(signal);
  } finally {
    clearInterval(timer);
    stopScene();
    client?.close();
    show?.close();
  }
}

async function withProgress<T>(
  label: string,
  total: number,
  signal: AbortSignal,
  run: (step: Step) => Promise<T>,
): Promise<T> {
  const bar = progress(label, total);
  try {
    return await run({ tick: () => bar.tick(), signal });
  } finally {
    bar.done();
  }
}

async function signAccount({ id, name }: { id: string; name: string }): Promise<Account> {
  const auth = hs256(settings);
  const { token } = await signToken(auth, { user: id, name }, { nowMs: Date.now(), lifetimeS: TOKEN_LIFETIME_S });
  return { id, token };
}

function hs256({ auth }: Settings) {
  if (auth.kind !== "hs256") throw new Error("the settings of this command have a secret");
  return auth;
}

async function tellUrls(url: string): Promise<void> {
  const { lat, lng } = scene.place;
  const { token } = await signAccount(VISITOR);
  process.stdout.write(
    [
      `server   ${url}`,
      `page     ${url}/#token=${token}&at=${lat},${lng}`,
      `health   ${url}/healthz`,
      `join     npm run client -- --url ${url} --user ${GUEST.id} --at ${lat},${lng}   (in a second terminal)`,
      "",
    ].join("\n"),
  );
}

/** The runtime's log lines: on the terminal they would break the view, so there they go to a file. */
function openLog(): { fd: number; close(): void } {
  if (!process.stdout.isTTY || !process.stderr.isTTY) return { fd: STDERR_FD, close: () => {} };
  const file = join(tmpdir(), `nearby-friends-${process.pid}.log`);
  const fd = openSync(file, "a");
  return {
    fd,
    close() {
      closeSync(fd);
      if (statSync(file).size === 0) rmSync(file);
      else note(`the backend's log: ${file}`);
    },
  };
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
}

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

function end(message: string): never {
  note(message);
  process.exit(USAGE_EXIT_CODE);
}
