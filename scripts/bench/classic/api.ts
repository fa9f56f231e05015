/** The calls over HTTP that clients of the live rules need: friends, profile, positions, who is near, and the import. */
import * as v from "valibot";
import type { Caller } from "../../../src/auth/token.ts";
import { isAvatarUrl, charCount, cleanName } from "../../../src/auth/profile.ts";
import { FixSchema, isTooFarAhead } from "../../../src/protocol/fix.ts";
import { IMPORT_LINES_MAX, NAME_MAX_CHARS, PAUSE_MAX_MS, POINTS_PER_FRAME_MAX } from "../../../src/protocol/limits.ts";
import { isUserId } from "../../../src/protocol/user-id.ts";
import { badFields, json, NO_CONTENT, problem, type Reply } from "./reply.ts";
import type { Sessions } from "./sessions.ts";
import { type Store, toProfile } from "./store.ts";
import { newestLive } from "./live.ts";

const FRIENDS_PAGE_MAX = 200;
const FRIENDS_PAGE = 100;

const FriendPatch = v.strictObject({
  visibility: v.exactOptional(v.nullable(v.picklist(["exact", "coarse", "hidden"]))),
  muted: v.exactOptional(v.nullable(v.boolean())),
});

const Name = v.pipe(
  v.string(),
  v.trim(),
  v.check((text) => cleanName(text) !== undefined && charCount(text) <= NAME_MAX_CHARS),
);

const ProfilePatch = v.strictObject({
  name: v.exactOptional(v.nullable(Name)),
  avatar: v.exactOptional(v.nullable(v.pipe(v.string(), v.check(isAvatarUrl)))),
  sharing: v.exactOptional(v.nullable(v.boolean())),
  pausedUntil: v.exactOptional(v.nullable(v.pipe(v.number(), v.safeInteger()))),
  discoverable: v.exactOptional(v.nullable(v.boolean())),
});

const UserId = v.pipe(v.string(), v.check(isUserId));
const ImportLine = v.strictObject({ a: UserId, b: UserId, remove: v.exactOptional(v.boolean(), false) });

const Points = v.object({ points: v.pipe(v.array(FixSchema), v.minLength(1), v.maxLength(POINTS_PER_FRAME_MAX)) });
const Location = v.union([
  Points,
  v.pipe(
    FixSchema,
    v.transform((fix) => ({ points: [fix] })),
  ),
]);

const State = v.picklist(["friend", "incoming", "outgoing"]);

export interface Call {
  readonly method: string;
  readonly url: URL;
  readonly caller: Caller;
  readonly body: string;
}

export class Api {
  readonly #store: Store;
  readonly #sessions: Sessions;
  readonly #inactiveAfterMs: number;

  constructor(store: Store, sessions: Sessions, inactiveAfterMs: number) {
    this.#store = store;
    this.#sessions = sessions;
    this.#inactiveAfterMs = inactiveAfterMs;
  }

  async answer(call: Call): Promise<Reply> {
    const { pathname } = call.url;
    const route = `${call.method} ${pathname}`;
    if (route === "GET /v1/me") return this.#profile(call.caller.user);
    if (route === "PATCH /v1/me") return this.#patchProfile(call);
    if (route === "GET /v1/friends") return this.#listFriends(call);
    if (route === "GET /v1/nearby") return this.#nearby(call.caller.user);
    if (route === "POST /v1/location") return this.#report(call);
    if (route === "POST /v1/admin/friendships") return this.#import(call);
    const friend = /^\/v1\/friends\/([^/]+)$/.exec(pathname)?.[1];
    if (friend !== undefined) return this.#friend(call, friend);
    return problem(404, "not_found", "There is no such resource here.");
  }

  #profile(user: string): Reply {
    return json(toProfile(user, this.#store.person(user), Date.now()));
  }

  async #patchProfile({ caller: { user }, body }: Call): Promise<Reply> {
    const parsed = v.safeParse(ProfilePatch, parseJson(body), { abortPipeEarly: true });
    if (!parsed.success) return badFields(parsed.issues);
    const { pausedUntil, sharing } = parsed.output;
    const nowMs = Date.now();
    const isEnd = typeof pausedUntil === "number";
    const isPlausible = isEnd && pausedUntil > nowMs && pausedUntil <= nowMs + PAUSE_MAX_MS;
    if (isEnd && (sharing === true || sharing === null || !isPlausible)) {
      const detail = "must be ms since 1970 within the year to come, and not beside `sharing: true`";
      return problem(400, "bad_request", "See `errors`.", [{ pointer: "#/pausedUntil", detail }]);
    }
    const row = this.#store.patchPerson(user, parsed.output, nowMs);
    await this.#sessions.tell(user, { kind: "profile" });
    return json(toProfile(user, row, nowMs));
  }

  #listFriends({ url, caller: { user } }: Call): Reply {
    const state = v.safeParse(v.optional(State), url.searchParams.get("state") ?? undefined);
    const limit = Number(url.searchParams.get("limit") ?? FRIENDS_PAGE);
    const after = url.searchParams.get("cursor") ?? "";
    if (!state.success) return problem(400, "bad_request", "`state` must be one of friend, incoming, outgoing.");
    if (!Number.isInteger(limit) || limit < 1 || limit > FRIENDS_PAGE_MAX) {
      return problem(400, "bad_request", `\`limit\` must be from 1 to ${FRIENDS_PAGE_MAX}.`);
    }
    const ofState = state.output === undefined ? {} : { state: state.output };
    const friends = this.#store.entries(user, { after, limit: limit + 1, ...ofState });
    const page = friends.slice(0, limit);
    const last = page.at(-1);
    return json({ friends: page, ...(friends.length > limit && last ? { next: last.id } : undefined) });
  }

  async #friend(call: Call, encoded: string): Promise<Reply> {
    const friend = decode(encoded);
    if (!isUserId(friend)) return problem(400, "bad_request", "The id in the path must be a user id.");
    if (call.method === "PUT") return this.#ask(call.caller.user, friend);
    if (call.method === "PATCH") return this.#patchFriend(call, friend);
    if (call.method === "DELETE") return this.#unfriend(call.caller.user, friend);
    return problem(405, "method_not_allowed", "Use PUT, PATCH or DELETE.");
  }

  async #ask(user: string, friend: string): Promise<Reply> {
    if (friend === user) return problem(400, "bad_request", "Nobody can be their own friend.");
    const asked = this.#store.ask(user, friend, Date.now());
    if (asked === "friend_limit") return problem(409, "friend_limit", "One of the two has too many friends.");
    if (asked === "asked") await this.#sessions.tell(friend, { kind: "edge", friend: user, state: "incoming" });
    if (asked === "accepted") await this.#tellBoth(user, friend, "friend");
    return json(this.#store.entry(user, friend), asked === "asked" ? 201 : 200);
  }

  async #patchFriend({ caller: { user }, body }: Call, friend: string): Promise<Reply> {
    const parsed = v.safeParse(FriendPatch, parseJson(body), { abortPipeEarly: true });
    if (!parsed.success) return badFields(parsed.issues);
    const entry = this.#store.patchFriend(user, friend, parsed.output);
    if (entry === null) return problem(404, "not_found", "Nobody of this id is a friend.");
    await this.#tellBoth(user, friend);
    return json(entry);
  }

  async #unfriend(user: string, friend: string): Promise<Reply> {
    if (this.#store.remove(user, friend)) await this.#tellBoth(user, friend, "removed");
    return NO_CONTENT;
  }

  async #nearby(user: string): Promise<Reply> {
    const session = await this.#sessions.enter(user);
    try {
      return json(session.nearby(Date.now()));
    } finally {
      this.#sessions.leave(user);
    }
  }

  async #report({ caller: { user }, body }: Call): Promise<Reply> {
    const parsed = v.safeParse(Location, parseJson(body), { abortPipeEarly: true });
    if (!parsed.success) return badFields(parsed.issues);
    const { points } = parsed.output;
    const nowMs = Date.now();
    if (points.some((point) => isTooFarAhead(point.ts, nowMs)))
      return problem(400, "bad_request", "`ts` is too far ahead.");
    const fix = newestLive(points, nowMs, this.#inactiveAfterMs);
    if (fix === undefined) return json({ live: false }, 202);
    const session = await this.#sessions.enter(user);
    try {
      return json({ live: typeof this.#sessions.report(session, fix) !== "string" }, 202);
    } finally {
      this.#sessions.leave(user);
    }
  }

  async #import({ caller, body }: Call): Promise<Reply> {
    if (caller.role !== "admin") return problem(403, "forbidden", 'The token needs "role": "admin".');
    const lines = body.split("\n");
    if (lines.at(-1) === "") lines.pop();
    if (lines.length > IMPORT_LINES_MAX) {
      return problem(
        413,
        "too_large",
        `An import may have at most ${IMPORT_LINES_MAX} lines. Nothing of it was applied.`,
      );
    }
    const refused: { line: number; code: string; reason: string }[] = [];
    const edges: { line: number; a: string; b: string; wanted: boolean }[] = [];
    for (const [at, content] of lines.entries()) {
      if (content.trim() === "") continue;
      const parsed = v.safeParse(ImportLine, parseJson(content));
      if (parsed.success && parsed.output.a !== parsed.output.b) {
        edges.push({ line: at + 1, a: parsed.output.a, b: parsed.output.b, wanted: !parsed.output.remove });
      } else {
        refused.push({ line: at + 1, code: "bad_line", reason: 'needs two different user ids as "a" and "b"' });
      }
    }
    const results = this.#store.applyEdges(edges, Date.now());
    let unchanged = 0;
    const told: Promise<void>[] = [];
    for (const [at, { line, a, b, wanted }] of edges.entries()) {
      const result = results[at];
      if (result === "friend_limit")
        refused.push({ line, code: result, reason: "one of the two has too many friends" });
      else if (result === "unchanged") unchanged += 1;
      else told.push(this.#tellBoth(a, b, wanted ? "friend" : "removed"));
    }
    await Promise.all(told);
    const accepted = edges.length - results.filter((result) => result === "friend_limit").length;
    return json({ accepted, unchanged, refused: refused.toSorted((one, other) => one.line - other.line) });
  }

  async #tellBoth(a: string, b: string, state?: "friend" | "removed"): Promise<void> {
    const more = state === undefined ? undefined : { state };
    await Promise.all([
      this.#sessions.tell(a, { kind: "edge", friend: b, ...more }),
      this.#sessions.tell(b, { kind: "edge", friend: a, ...more }),
    ]);
  }
}

/** Undefined for what is not JSON, which no schema here accepts. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What cannot be decoded stays as it is: `%` is in no id. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
