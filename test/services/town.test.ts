/** The town of `npm start`, its history read by DuckDB with the query that docs/history.md gives to people. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { exportHistory } from "../../scripts/history/export.ts";
import { type Backend, startBackend } from "../../scripts/serve/backend.ts";
import { readKept } from "../../scripts/serve/kept-messages.ts";
import { castTown, PEOPLE, STOPS } from "../../scripts/town/cast.ts";
import { befriendAll, closeAll, connectAll, type Member, type Step } from "../../scripts/town/members.ts";
import { seededRandom } from "../../scripts/town/random.ts";
import { startTown } from "../../scripts/town/town.ts";
import { signToken } from "../blackbox/helpers.ts";
import { distinctPoints } from "./duckdb.ts";
import { firstMissing, type Point } from "./phones.ts";

const SEED = 20_261_107;
const SECRET = "a-secret-that-only-tests-know-0123456789";
const RADIUS_M = 8_046.72;
const RUN_MS = 25_000;
/** Of the town's clock: who moves then reports four times a second, and fills chunks. */
const HASTE = 8;
/** What is left in the buffers is stored so long after the last report. */
const INACTIVE_AFTER_S = 5;
/** Whoever has something left by then was already inactive when it arrived: such points wait for ten minutes, or for more. */
const NUDGE_AFTER_MS = 7_000;
const SAVED_WITHIN_MS = 40_000;
const POLL_MS = 250;
const TIMEOUT_MS = 120_000;

const dir = mkdtempSync(join(tmpdir(), "nearby-town-"));
const stateDir = join(dir, "state");
let backend: Backend | undefined;
let members: Member[] = [];

afterEach(async () => {
  closeAll(members);
  await backend?.stop();
  rmSync(dir, { recursive: true });
});

async function populate(url: string): Promise<Member[]> {
  const step: Step = { tick: () => {}, signal: AbortSignal.timeout(TIMEOUT_MS) };
  const target = { url, secret: SECRET };
  const accounts = await Promise.all(PEOPLE.map(async ({ id }) => ({ id, token: await signToken(target, id) })));
  const pairs = accounts.flatMap((one, index) =>
    accounts.slice(index + 1, index + 3).map((two) => [one, two] as const),
  );
  await befriendAll(url, pairs, step);
  return connectAll(url, accounts, step);
}

/** Every position from now on, as the client has made it. */
function noteSent(): Point[] {
  const sent: Point[] = [];
  for (const { id, client } of members) {
    const send = client.send.bind(client);
    vi.spyOn(client, "send").mockImplementation((position) => {
      const isSent = send(position);
      if (client.position)
        sent.push({ user: id, ts: client.position.ts, lat: client.position.lat, lng: client.position.lng });
      return isSent;
    });
  }
  return sent;
}

/** Everybody rests until all is saved; who reported faster than a client sends at once has to report once more. */
async function untilSaved(): Promise<void> {
  const deadlineMs = Date.now() + SAVED_WITHIN_MS;
  for (;;) {
    const left = members.filter(({ client }) => client.unsaved > 0);
    if (left.length === 0) return;
    const names = left.map(({ id, client }) => `${id}: ${client.unsaved}`).join(", ");
    if (Date.now() > deadlineMs) throw new Error(`not saved in time (${names})`);
    for (const { client } of left) {
      const { position } = client;
      const isQuiet = position !== undefined && Date.now() - position.ts > NUDGE_AFTER_MS;
      if (isQuiet) client.send({ lat: position.lat, lng: position.lng });
    }
    await sleep(POLL_MS);
  }
}

test("a town's points: DuckDB finds exactly those that were acknowledged", { timeout: TIMEOUT_MS }, async () => {
  const env = {
    AUTH_SECRET: SECRET,
    INACTIVE_AFTER_S: String(INACTIVE_AFTER_S),
    POSITION_BURST: "1000000",
    POSITION_MIN_S: "0",
  };
  backend = await startBackend({ port: 0, env, stateDir });
  members = await populate(backend.url);
  const sent = noteSent();
  const random = seededRandom(SEED);
  const startMs = Date.now();
  const problems: string[] = [];
  const stopTown = startTown({
    url: backend.url,
    walkers: castTown(startMs, RADIUS_M, random),
    members: new Map(members.map((member) => [member.id, member])),
    stops: STOPS,
    random,
    nowMs: () => startMs + (Date.now() - startMs) * HASTE,
    onProblem: (text) => problems.push(text),
  });
  await sleep(RUN_MS);
  stopTown();
  await untilSaved();
  closeAll(members);
  await backend.stop();
  expect([problems, readKept(stateDir)]).toEqual([[], []]);

  const outDir = join(dir, "out");
  const { folders } = await exportHistory({ stateDir, outDir });
  const stored = await distinctPoints(outDir);
  process.stdout.write(`town: ${sent.length} points sent, ${stored.length} stored in ${folders["history"]} objects\n`);
  // Two reports of one person in the same millisecond are one point.
  const distinct = new Map(sent.map((point) => [`${point.user} ${point.ts}`, point]));
  expect(distinct.size).toBeGreaterThan(2_000);
  expect(firstMissing(stored, sent), "invented").toEqual([]);
  expect(firstMissing([...distinct.values()], stored), "lost").toEqual([]);
  expect(stored.length).toBe(distinct.size);
});
