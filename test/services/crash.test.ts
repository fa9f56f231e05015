/**
 * People who keep reporting while their objects, the queue and the bucket are reset and fail at random. Whatever was
 * acknowledged must be in the Parquet files afterwards, and nothing else.
 */
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as v from "valibot";
import { afterEach, beforeEach, expect, test } from "vitest";
import { exportHistory } from "../../scripts/history/export.ts";
import { type Backend, startBackend } from "../../scripts/serve/backend.ts";
import { readKept } from "../../scripts/serve/kept-messages.ts";
import { seededRandom } from "../../scripts/town/random.ts";
import { request, signToken } from "../blackbox/helpers.ts";
import { distinctPoints } from "./duckdb.ts";
import { firstMissing, HttpPhone, type Phone, type Point, SdkPhone } from "./phones.ts";

const SDK_PEOPLE = 180;
const HTTP_PEOPLE = 20;
const FAULTS_MS = 60_000;
const EVERY_MS = 500;
const RESETS_AT_ONCE = 5;
/** Of all reports the share that is followed by a rest, in which the user becomes inactive. */
const REST_SHARE = 0.01;
const REST_MS = 8_000;
const INACTIVE_AFTER_S = 5;
/** Points that reach an inactive user's object wait for ten minutes, or for more: one more position, and its inactivity. */
const NUDGE_AFTER_MS = 7_000;
/** A client that was reset often waits up to half a minute before it connects again. */
const HEAL_WITHIN_MS = 60_000;
const TIMEOUT_MS = 200_000;

const SECRET = "a-secret-that-only-tests-know-0123456789";
const ENTRY = join(import.meta.dirname, "crash-worker.ts");

const OBJECT_FAULTS = [
  "queueRefused",
  "queueTookAndFailed",
  "resetBeforeQueue",
  "resetBetweenQueueAndRow",
  "resetBeforeReport",
  "resetAfterReport",
];
const SINK_FAULTS = ["consumerThrew", "bucketRefused", "bucketTookAndFailed"];

const Counts = v.record(v.string(), v.number());

let dir: string;
/** The runtime tells of every reset; what it says is not what this is about. */
let logFd: number;
let backend: Backend | undefined;
let phones: Phone[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nearby-crash-"));
  logFd = openSync(join(dir, "log"), "w");
});

afterEach(async () => {
  for (const phone of phones) phone.close();
  await backend?.stop();
  closeSync(logFd);
  rmSync(dir, { recursive: true, force: true });
});

const stateDir = () => join(dir, "state");

async function start(): Promise<string> {
  backend = await startBackend({
    port: 0,
    env: {
      AUTH_SECRET: SECRET,
      INACTIVE_AFTER_S: String(INACTIVE_AFTER_S),
      POSITION_BURST: "1000000",
      POSITION_MIN_S: "0",
    },
    entry: ENTRY,
    stateDir: stateDir(),
    logFd,
  });
  return backend.url;
}

async function control(path: string, users: readonly string[] = []): Promise<unknown> {
  const answer = await fetch(`${backend?.url}/test/${path}`, { method: "POST", body: JSON.stringify(users) });
  expect(answer.status).toBe(200);
  return answer.json();
}

async function makePhones(url: string, random: () => number): Promise<{ sdk: SdkPhone[]; http: HttpPhone[] }> {
  const target = { url, secret: SECRET };
  const optionsOf = async (kind: string, count: number) =>
    Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const user = `${kind}-${index}`;
        return { url, user, token: await signToken(target, user), random };
      }),
    );
  const sdk = (await optionsOf("sdk", SDK_PEOPLE)).map((options) => new SdkPhone(options));
  const http = (await optionsOf("http", HTTP_PEOPLE)).map((options) => new HttpPhone(options));
  phones = [...sdk, ...http];
  return { sdk, http };
}

/** Everybody moves, and some of them are reset, until the time is over. */
async function liveThroughFaults(random: () => number): Promise<void> {
  const untilMs = performance.now() + FAULTS_MS;
  const resting = new Map<Phone, number>();
  while (performance.now() < untilMs) {
    const nowMs = performance.now();
    for (const phone of phones) {
      if ((resting.get(phone) ?? 0) > nowMs) continue;
      phone.move();
      if (random() < REST_SHARE) resting.set(phone, nowMs + REST_MS);
    }
    const drawn = Array.from({ length: RESETS_AT_ONCE }, () => phones[Math.floor(random() * phones.length)]);
    await control("reset", [...new Set(drawn.flatMap((phone) => (phone ? [phone.user] : [])))]);
    await sleep(Math.max(0, nowMs + EVERY_MS - performance.now()));
  }
}

/** Everybody rests, and only who has something left reports once more, until everything is saved. */
async function heal(): Promise<void> {
  const deadlineMs = performance.now() + HEAL_WITHIN_MS;
  for (;;) {
    const left = phones.filter(({ unsaved }) => unsaved > 0);
    if (left.length === 0) break;
    const worst = left.slice(0, 3).map(({ user, unsaved }) => `${user}: ${unsaved}`);
    if (performance.now() > deadlineMs) throw new Error(`${left.length} people are not saved (${worst.join(", ")})`);
    for (const phone of left) if (Date.now() - phone.lastMs > NUDGE_AFTER_MS) phone.move();
    await sleep(EVERY_MS);
  }
  const users = phones.map(({ user }) => user);
  await expect.poll(() => control("waiting", users), { timeout: HEAL_WITHIN_MS, interval: EVERY_MS }).toBe(0);
}

const Page = v.object({ points: v.array(v.object({ ts: v.number(), lat: v.number(), lng: v.number() })) });

/** What everybody is told of their own history: the rows of the objects. */
async function readObjects(url: string): Promise<Point[]> {
  const points: Point[] = [];
  for (const { user, token } of phones) {
    const { body } = await request({ url, secret: SECRET }, "GET", "/v1/history", { token });
    for (const point of v.parse(Page, body).points) points.push({ user, ...point });
  }
  return points;
}

test("nothing that was acknowledged is lost, and nothing invented", { timeout: TIMEOUT_MS }, async () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  process.stdout.write(`crash test, seed ${seed}\n`);
  const random = seededRandom(seed);
  const url = await start();
  const { sdk, http } = await makePhones(url, random);
  let reconnects = 0;
  for (const { client } of sdk) client.on("status", ({ state }) => (reconnects += state === "waiting" ? 1 : 0));

  await control(`faults?on=1&seed=${seed}`);
  await liveThroughFaults(random);
  const counts = v.parse(Counts, await control("faults?on=0"));
  await heal();
  const sent = phones.flatMap((phone) => phone.sent);
  const acknowledged = sent.length - phones.reduce((sum, { unsaved }) => sum + unsaved, 0);
  for (const phone of phones) phone.close();
  const inObjects = await readObjects(url);
  await backend?.stop();
  // An end hands over what it can in its time, and keeps the rest for the next start.
  if (readKept(stateDir()).length > 0) {
    await start();
    await backend?.stop();
  }
  expect(readKept(stateDir())).toEqual([]);

  const outDir = join(dir, "out");
  const { folders } = await exportHistory({ stateDir: stateDir(), outDir });
  const stored = await distinctPoints(outDir);
  const told = { sent: sent.length, acknowledged, stored: stored.length, reconnects, ...counts };
  process.stdout.write(`crash test: ${JSON.stringify(told)}\n`);

  expect(firstMissing(sent, inObjects), "lost by the objects").toEqual([]);
  expect(inObjects.length).toBe(sent.length);
  expect(firstMissing(sent, stored), "lost").toEqual([]);
  expect(firstMissing(stored, sent), "invented").toEqual([]);
  expect([acknowledged, stored.length]).toEqual([sent.length, sent.length]);
  expect(sdk.map(({ client }) => client.dropped).filter((dropped) => dropped > 0)).toEqual([]);
  expect(Object.keys(folders)).toEqual(["history"]);
  // A run in which nothing went wrong would prove nothing.
  expect(sent.length).toBeGreaterThan(10_000);
  expect(counts["resets"]).toBeGreaterThan(200);
  expect(reconnects).toBeGreaterThan(200);
  expect(http.reduce((sum, { failures }) => sum + failures, 0)).toBeGreaterThan(0);
  for (const fault of OBJECT_FAULTS) expect(counts[fault], fault).toBeGreaterThan(10);
  for (const fault of SINK_FAULTS) expect(counts[fault], fault).toBeGreaterThan(0);
});
