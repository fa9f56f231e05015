/** Every line that a town, some phones and many mistakes leave in the log. Against a server of its own, whose log it reads. */
import { randomBytes } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { beforeAll, describe, expect, test } from "vitest";

import { type Backend, startBackend } from "../../scripts/serve/backend.ts";
import { callApi } from "../../scripts/town/api.ts";
import { castTown, PEOPLE, STOPS, STRANGERS } from "../../scripts/town/cast.ts";
import { befriendAll, closeAll, connectAll, letBeSeen, type Member } from "../../scripts/town/members.ts";
import { seededRandom } from "../../scripts/town/random.ts";
import { startTown } from "../../scripts/town/town.ts";
import { signToken } from "./helpers.ts";
import { findingsIn, partsOf } from "./log-lines.ts";

const SECRET = randomBytes(32).toString("base64url");
const CLUSTER_PASSWORD = "a-password-of-a-cluster";
const INDEX_TOKEN = "a-token-of-an-index";
const RUN_MS = 5_000;
const RADIUS_M = 8_046.72;

/** Everything that the log must not know; filled as it is made. */
const secrets: string[] = [SECRET, CLUSTER_PASSWORD, INDEX_TOKEN];
let lines: string[] = [];

interface Password {
  readonly password: string;
  readonly user: string;
}

async function accountOf(url: string, id: string): Promise<{ id: string; token: string }> {
  const token = await signToken({ url, secret: SECRET }, id);
  secrets.push(...partsOf(token));
  return { id, token };
}

async function make(url: string, path: string, token: string, body: object): Promise<Record<string, unknown>> {
  const made = await callApi(url, { method: "POST", path, token, body });
  return typeof made === "object" && made !== null ? { ...made } : {};
}

/** Phones that report, and phones that get it wrong. */
async function phones(url: string, token: string): Promise<void> {
  const made: Password[] = [];
  for (const app of ["owntracks", "traccar"]) {
    const { password, user } = await make(url, "/v1/devices", token, { app });
    made.push({ password: String(password), user: String(user) });
    secrets.push(String(password));
  }
  const [own, traccar] = made;
  if (own === undefined || traccar === undefined) throw new Error("no devices");
  const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  secrets.push(basic(own.user, own.password).slice("Basic ".length));
  const place = { _type: "location", lat: 37.5512345, lon: 126.9882345, tst: Math.floor(Date.now() / 1000) };
  const send = (authorization: string, body: string) =>
    fetch(`${url}/owntracks`, { method: "POST", headers: { authorization, "content-type": "application/json" }, body });
  await send(basic(own.user, own.password), JSON.stringify(place));
  await send(basic(own.user, own.password), '{"_type":"location","lat":37.5512345,"lon"');
  await send(basic("somebody-else", own.password), JSON.stringify(place));
  await send(basic(own.user, "guessed.pass.word"), JSON.stringify(place));
  for (const id of [traccar.password, "guessed", token]) {
    await fetch(`${url}/osmand?id=${id}&lat=37.5512345&lon=126.9882345&timestamp=${Date.now()}`);
  }
}

/** What clients and strangers get wrong, and links, whose addresses are secrets. */
async function mistakes(url: string, token: string): Promise<void> {
  const forged = `${token.slice(0, -4)}AAAA`;
  secrets.push(...partsOf(forged));
  const bearer = { authorization: `Bearer ${forged}` };
  await fetch(`${url}/v1/me`, { headers: bearer });
  await fetch(`${url}/v1/me?token=${token}`);
  await fetch(`${url}/v1/${token}`, { headers: { authorization: `Bearer ${token}` } });
  await fetch(`${url}/v1/admin/friendships`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body: "{}",
  });
  const bad = { lat: 37.5512345, lng: 526.9882345, ts: 1 };
  await fetch(`${url}/v1/location`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(bad),
  });
  const invite = await make(url, "/v1/invites", token, {});
  const share = await make(url, "/v1/shares", token, { minutes: 5 });
  for (const [path, code] of [
    ["i", String(invite["code"])],
    ["s", String(share["code"])],
  ] as const) {
    secrets.push(code);
    await fetch(`${url}/${path}/${code}`);
    await fetch(`${url}/${path}/${code.slice(0, -3)}AAA`);
    await fetch(`${url}/v1/invites/${code}`, { method: "POST", headers: { authorization: `Bearer ${token}` } });
  }
  await fetch(`${url}/v1/history?from=0&to=${Date.now()}`, { headers: { authorization: `Bearer ${token}` } });
}

async function live(backend: Backend): Promise<void> {
  const { url } = backend;
  const accounts = await Promise.all(
    [...PEOPLE.slice(0, 12), ...STRANGERS.slice(0, 3)].map(({ id }) => accountOf(url, id)),
  );
  const step = { tick: () => {}, signal: AbortSignal.timeout(60_000) };
  const pairs = accounts.flatMap((one, i) => accounts.slice(i + 1, i + 4).map((two) => [one, two] as const));
  await befriendAll(url, pairs, step);
  await letBeSeen(url, accounts);
  let members: Member[] = [];
  try {
    members = await connectAll(url, accounts, step);
    const random = seededRandom(7);
    const startMs = Date.now();
    const stopTown = startTown({
      url,
      walkers: castTown(startMs, RADIUS_M, random),
      members: new Map(members.map((member) => [member.id, member])),
      stops: STOPS,
      random,
      nowMs: () => startMs + (Date.now() - startMs) * 8,
      onProblem: () => {},
    });
    const [first] = accounts;
    if (first === undefined) throw new Error("nobody lives there");
    for (const { client } of members) client.discover(true);
    await phones(url, first.token);
    await mistakes(url, first.token);
    await sleep(RUN_MS);
    stopTown();
  } finally {
    closeAll(members);
  }
}

beforeAll(async () => {
  const dir = mkdtempSync(join(tmpdir(), "nearby-log-"));
  const file = join(dir, "log");
  const logFd = openSync(file, "a");
  const nowhere = "127.0.0.1:1";
  const env = {
    AUTH_SECRET: SECRET,
    // As much of it as there can be: nearly everything that waits for anything is slow.
    SLOW_MS: "1",
    LOG_LEVEL: "debug",
    POSITION_BURST: "1000000",
    HISTORY_SINKS: "r2,cassandra",
    CASSANDRA_CONTACT_POINTS: nowhere,
    CASSANDRA_DATACENTER: "dc1",
    CASSANDRA_KEYSPACE: "nearby",
    CASSANDRA_USERNAME: "ann",
    CASSANDRA_PASSWORD: CLUSTER_PASSWORD,
    UPSTASH_REDIS_REST_URL: `http://${nowhere}`,
    UPSTASH_REDIS_REST_TOKEN: INDEX_TOKEN,
  };
  try {
    const backend = await startBackend({ port: 0, memory: true, env, logFd });
    try {
      await live(backend);
    } finally {
      await backend.stop();
    }
    lines = readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  } finally {
    closeSync(logFd);
    rmSync(dir, { recursive: true });
  }
}, 120_000);

describe("the log of a town", () => {
  test("[HTTP10] is made of entries, and holds no position, no token, no password and no code of a link", () => {
    expect(findingsIn(lines, secrets)).toEqual([]);
  });

  test("[HTTP10] has something of everything that was looked for in it", () => {
    const events = new Set(lines.flatMap((line) => /"event":"(\w+)"/.exec(line)?.[1] ?? []));
    expect([...events]).toEqual(expect.arrayContaining(["slow", "request", "index_unavailable"]));
    const text = lines.join("\n");
    for (const part of [
      "UserObject.meet",
      "UserObject.webSocketMessage",
      '"route":"/osmand"',
      '"route":"/i/:code"',
      '"object":"cell"',
    ]) {
      expect(text, part).toContain(part);
    }
    expect(secrets.length).toBeGreaterThan(20);
    process.stdout.write(`log: ${lines.length} lines of ${[...events].toSorted().join(", ")}\n`);
  });

  test("[HTTP10] is read by something that would find them", () => {
    const entry = (fields: object): string => JSON.stringify({ level: "info", event: "x", ...fields });
    const planted = [
      ["is neither an entry nor known", "TypeError: undefined is not a function"],
      ["is neither an entry nor known", '{"level":"loud","event":"x"}'],
      ["has a token", entry({ a: "eyJhbGciOiJIUzI1NiJ9.x" })],
      ["has decimals, as a position has", entry({ lat: 37.55 })],
      ["has decimals, as a position has", entry({ error: "at 37.5512345,126.9882345" })],
      [`has the secret ${INDEX_TOKEN.slice(0, 4)}…`, entry({ url: `http://x?t=${INDEX_TOKEN}` })],
    ] as const;
    for (const [why, line] of planted) expect(findingsIn([line], secrets)).toContainEqual({ line, why });
    expect(findingsIn([entry({ error: "127.0.0.1:1 refused", ms: 1 })], secrets)).toEqual([]);
  });
});
