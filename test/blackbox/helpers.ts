import { randomBytes } from "node:crypto";
import { SignJWT } from "jose";
import * as v from "valibot";
import { test as base, expect, inject } from "vitest";
import type { ConnectOptions } from "./connection.ts";
import { ANSWER_MS, Connection } from "./connection.ts";
import { is, shows } from "./frames.ts";
import type { Frame, FrameOf } from "./frames.ts";
import type { Place } from "./places.ts";
import type { Target } from "./setup.ts";

/** An HTTP answer, its JSON already parsed (undefined when there is none). */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: unknown;
}

export interface TokenOptions {
  /** Seconds from now; negative is expired. Default one hour. `null` leaves `exp` out. */
  readonly expiresInS?: number | null;
  readonly name?: string;
  readonly picture?: string;
  readonly secret?: string;
  readonly alg?: string;
  readonly sub?: string;
  readonly audience?: string;
}

const HOUR_S = 3600;

/** Each secret of a comma list of AUTH_SECRET; the first one signs. */
export function secretsOf(target: Target): string[] {
  return target.secret.split(",").map((secret) => secret.trim());
}

/** A JWT as a host app would sign it. */
export async function signToken(target: Target, sub: string | undefined, options: TokenOptions = {}): Promise<string> {
  const claims: Record<string, string> = {};
  for (const [key, value] of Object.entries({ name: options.name, picture: options.picture })) {
    if (value !== undefined) {
      claims[key] = value;
    }
  }
  const jwt = new SignJWT(claims).setProtectedHeader({ alg: options.alg ?? "HS256", typ: "JWT" });
  if (sub !== undefined) {
    jwt.setSubject(sub);
  }
  if (options.audience !== undefined) {
    jwt.setAudience(options.audience);
  }
  if (options.expiresInS !== null) {
    jwt.setExpirationTime(Math.floor(Date.now() / 1000) + (options.expiresInS ?? HOUR_S));
  }
  return jwt.sign(new TextEncoder().encode(options.secret ?? secretsOf(target)[0] ?? ""));
}

/** One HTTP request. `body` goes as JSON unless it is text already. */
export async function request(
  target: Target,
  method: string,
  path: string,
  options: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const headers = new Headers(options.headers);
  if (options.token !== undefined) {
    headers.set("authorization", `Bearer ${options.token}`);
  }
  const body =
    options.body === undefined || typeof options.body === "string" ? options.body : JSON.stringify(options.body);
  if (body !== undefined && !headers.has("content-type")) {
    headers.set("content-type", "application/json");
  }
  const response = await fetch(target.url + path, {
    method,
    headers,
    redirect: "manual",
    signal: AbortSignal.timeout(2 * ANSWER_MS),
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  if (response.status >= 500) {
    throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  }
  return { status: response.status, headers: response.headers, text, body: parseJson(text) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const problem = v.looseObject({
  title: v.pipe(v.string(), v.minLength(1)),
  status: v.number(),
  code: v.string(),
  errors: v.optional(v.array(v.looseObject({ pointer: v.string(), detail: v.pipe(v.string(), v.minLength(1)) }))),
});

export type Problem = v.InferOutput<typeof problem>;

/** Asserts that an answer is a problem of RFC 9457 with this status and code. @returns it */
export function expectProblem(answer: Answer, status: number, code: string): Problem {
  expect(answer.status, answer.text).toBe(status);
  expect(answer.headers.get("content-type"), answer.text).toMatch(/^application\/problem\+json\b/);
  const parsed = v.parse(problem, answer.body);
  expect(parsed.status, "`status` repeats the status line").toBe(status);
  expect(parsed.code, answer.text).toBe(code);
  return parsed;
}

const entry = v.looseObject({
  id: v.string(),
  name: v.optional(v.string()),
  avatar: v.optional(v.string()),
  state: v.picklist(["friend", "incoming", "outgoing"]),
  since: v.pipe(v.number(), v.safeInteger()),
  visibility: v.string(),
  muted: v.boolean(),
});
const friendPage = v.looseObject({ friends: v.array(entry), next: v.optional(v.string()) });

export type Entry = v.InferOutput<typeof entry>;

export function parseEntry(answer: Answer): Entry {
  return v.parse(entry, answer.body);
}

/** One person of a test, with an id that no other test has. */
export class User {
  readonly id: string;
  readonly target: Target;
  readonly #connections: Connection[];

  constructor(target: Target, id: string, connections: Connection[]) {
    this.target = target;
    this.id = id;
    this.#connections = connections;
  }

  token(options: TokenOptions = {}): Promise<string> {
    return signToken(this.target, options.sub ?? this.id, options);
  }

  /** A request with this user's token. */
  async api(method: string, path: string, body?: unknown): Promise<Answer> {
    return request(this.target, method, path, { token: await this.token(), body });
  }

  /** Opens a socket with a fresh token, unless the options say otherwise. Closed when the test ends. */
  async connect(options: ConnectOptions = {}): Promise<Connection> {
    const token = options.token ?? (await this.token());
    return this.connectBare({ ...options, token });
  }

  /** Opens a socket with exactly these options: no token unless one is given. */
  async connectBare(options: ConnectOptions): Promise<Connection> {
    const label = options.device === undefined ? this.id : `${this.id}/${options.device}`;
    const connection = await Connection.open(this.target.url, options, label);
    this.#connections.push(connection);
    return connection;
  }

  /** Connected, welcomed, active at `place`, and in possession of the snapshot. */
  async appear(place: Place, options: ConnectOptions = {}): Promise<Connection> {
    const connection = await this.connect(options);
    await connection.welcome();
    connection.move(place);
    await connection.nearby();
    return connection;
  }

  put(friend: User | string): Promise<Answer> {
    return this.api("PUT", friendPath(friend));
  }

  async unfriend(friend: User | string): Promise<void> {
    const answer = await this.api("DELETE", friendPath(friend));
    expect(answer.status, answer.text).toBe(204);
  }

  /** The whole friend list, page by page. */
  async friends(query = ""): Promise<Entry[]> {
    const all: Entry[] = [];
    for (let next: string | undefined = ""; next !== undefined;) {
      const cursor: string = next === "" ? "" : `&cursor=${encodeURIComponent(next)}`;
      const answer = await this.api("GET", `/v1/friends?${query}${cursor}`);
      expect(answer.status, answer.text).toBe(200);
      const page = v.parse(friendPage, answer.body);
      all.push(...page.friends);
      next = page.next;
    }
    return all;
  }

  async entry(friend: User): Promise<Entry | undefined> {
    return (await this.friends()).find((candidate) => candidate.id === friend.id);
  }

  async patchMe(patch: unknown): Promise<Answer> {
    return this.api("PATCH", "/v1/me", patch);
  }

  /** Changes what a friend may know, or whether they are received. @returns the entry as answered */
  async patchFriend(friend: User, patch: object): Promise<Entry> {
    const answer = await this.api("PATCH", friendPath(friend), patch);
    expect(answer.status, answer.text).toBe(200);
    return parseEntry(answer);
  }

  async block(other: User): Promise<void> {
    const answer = await this.api("PUT", blockPath(other));
    expect([answer.status, answer.text]).toEqual([204, ""]);
  }

  async unblock(other: User): Promise<void> {
    const answer = await this.api("DELETE", blockPath(other));
    expect([answer.status, answer.text]).toEqual([204, ""]);
  }
}

export function blockPath(other: User): string {
  return `/v1/blocks/${encodeURIComponent(other.id)}`;
}

/** A `friendship` frame about this person, of one state. */
export function befriends(
  other: User,
  state: "incoming" | "friend" | "removed",
): (frame: Frame) => frame is FrameOf<"friendship"> {
  return is("friendship", (frame) => frame.id === other.id && frame.state === state);
}

export function friendPath(friend: User | string): string {
  return `/v1/friends/${encodeURIComponent(typeof friend === "string" ? friend : friend.id)}`;
}

/** The people of one test. */
export class World {
  readonly target: Target;
  readonly #run = randomBytes(5).toString("hex");
  readonly #connections: Connection[] = [];

  constructor(target: Target) {
    this.target = target;
  }

  user(label: string): User {
    return new User(this.target, `${label}.${this.#run}`, this.#connections);
  }

  /** A user with exactly this id: make it unique yourself. */
  userWithId(id: string): User {
    return new User(this.target, id, this.#connections);
  }

  /** Digits that no other test has, to build ids of. */
  get unique(): string {
    return this.#run;
  }

  /** Makes two people friends, the usual way: one asks, the other accepts. */
  async befriend(a: User, b: User): Promise<void> {
    const asked = await a.put(b);
    expect(asked.status, asked.text).toBe(201);
    const accepted = await b.put(a);
    expect(accepted.status, accepted.text).toBe(200);
    expect(parseEntry(accepted).state, accepted.text).toBe("friend");
  }

  /** Two new friends. */
  async friends(): Promise<[User, User]> {
    const pair: [User, User] = [this.user("ana"), this.user("ben")];
    await this.befriend(...pair);
    return pair;
  }

  /** Two new friends, both connected and active, who see each other. */
  async pair(placeA: Place, placeB: Place): Promise<{ ana: User; ben: User; a: Connection; b: Connection }> {
    const [ana, ben] = await this.friends();
    const a = await ana.appear(placeA);
    const b = await ben.appear(placeB);
    await a.next(shows(ben.id), "the friend who just became active");
    await b.until((view) => view.has(ana.id), "the friend who was active before");
    a.skip();
    b.skip();
    return { ana, ben, a, b };
  }

  end(): void {
    for (const connection of this.#connections) {
      connection.cut();
    }
  }
}

/** `test` with people on the server with default settings (`world`) and on the one with a short deadline (`hasty`). */
export const test = base
  .extend("world", ({}, { onCleanup }) => {
    const world = new World(inject("nearby"));
    onCleanup(() => world.end());
    return world;
  })
  .extend("hasty", ({}, { onCleanup }) => {
    const world = new World(inject("nearbyShort"));
    onCleanup(() => world.end());
    return world;
  });
