import { DurableObject } from "cloudflare:workers";
import { type Caller, CALLER_HEADER, DEVICE_HEADER, readCaller } from "../../src/auth/caller.ts";
import { verifyToken } from "../../src/auth/token.ts";
import { SILENT } from "../../src/friendship/statement.ts";
import type { AwayReason } from "../../src/nearby/sighting.ts";
import { logError } from "../../src/observe/log.ts";
import type { Meter } from "../../src/observe/meter.ts";
import { encodeDown, type Nearby, type Welcome } from "../../src/protocol/down.ts";
import { type CloseKind, type ErrorCode, errorDown } from "../../src/protocol/errors.ts";
import type { Fix } from "../../src/protocol/fix.ts";
import { isOversized } from "../../src/protocol/frame-size.ts";
import { PING, PONG, PROTOCOL_VERSION } from "../../src/protocol/limits.ts";
import { frameArrived, frameDecoded } from "../../src/protocol/pace.ts";
import type { FriendEntry, FriendState, Profile, ProfilePatch } from "../../src/protocol/resources.ts";
import { decodeUp, type TokenUp, type Up } from "../../src/protocol/up.ts";
import { readSettings, type Settings } from "../../src/settings.ts";
import { answerClose, type Connection } from "./connections.ts";
import { entryOf, type Put } from "./bonds.ts";
import { birth, type Person, type Place, wake } from "./person.ts";
import { encodeAnswer } from "./wire.ts";
import type { Word, WordReply } from "./words.ts";

export interface FriendsQuery {
  readonly state?: FriendState;
  readonly limit: number;
  /** `next` of the page before. */
  readonly cursor?: string;
}

export interface FriendsPage {
  readonly friends: FriendEntry[];
  readonly next?: string;
}

/** What `report` answers: whether a point became the live position, or after how many seconds one may. */
export type Report = { readonly live: boolean } | { readonly refused: "too_fast"; readonly retryAfterS: number };

/**
 * A user. Holds the user's sockets, latest position and friends, and talks to the objects of those friends directly.
 *
 * Every method is callable by every Worker and object of this deployment. The Worker has checked the token before it
 * calls a method of the first group; the second group checks the calling friend itself.
 */
export class UserObject extends DurableObject<Env> {
  readonly #place: Place;
  #person: Person | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const user = ctx.id.name;
    if (user === undefined) throw new Error("a user's object is addressed by name only");
    this.#place = { ctx, env, settings: readSettings(env), user };
    wake(this.#place, (person) => {
      this.#person = person;
    });
  }

  // Runtime handlers

  /** The upgrade. The Worker has verified the caller and passes it in headers that no client can set. */
  override fetch(request: Request): Response {
    const caller = readCaller(request.headers.get(CALLER_HEADER));
    const device = request.headers.get(DEVICE_HEADER);
    const { ctx } = this;
    const now = Date.now();
    const { connections, live, agenda } = this.#owner(caller);
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
    const { 0: client, 1: server } = new WebSocketPair();
    const connection = connections.accept(server, { device, tokenUntil: caller.expMs, now });
    agenda.cover(caller.expMs, now);
    connections.send(connection, encodeDown(this.#welcome(now)));
    live.connected(now);
    return new Response(null, { status: 101, webSocket: client });
  }

  override async webSocketMessage(ws: WebSocket, data: string | ArrayBuffer): Promise<void> {
    const person = this.#person;
    const connection = person?.connections.get(ws);
    if (person === null || connection === undefined) return;
    person.meter.messagesIn += 1;
    const now = Date.now();
    const kind = closeKindFor(data, connection, now);
    if (kind !== null) this.#close(person, connection, kind);
    else if (typeof data === "string") await this.#frame(person, connection, data, now);
  }

  override webSocketClose(ws: WebSocket, code: number, reason: string): void {
    answerClose(ws, code, reason);
    this.#gone(ws);
  }

  override webSocketError(ws: WebSocket): void {
    this.#gone(ws);
  }

  override async alarm(): Promise<void> {
    const person = this.#person;
    if (person === null) return;
    const { agenda, bonds, connections, live } = person;
    agenda.fired();
    const now = Date.now();
    const activityAt = live.alarm(now);
    for (const connection of [...connections.all]) {
      if (connection.tokenUntil <= now) connections.close(connection, "tokenExpired");
    }
    const bondsAt = await bonds.alarm(now);
    for (const at of [activityAt, connections.earliestTokenEnd, bondsAt]) if (at !== null) agenda.cover(at, Date.now());
    live.keep();
  }

  // RPC from the Worker, for the owner

  getProfile(caller: Caller): Profile {
    return this.#owner(caller).profile.view(this.#place.user);
  }

  patchProfile(caller: Caller, patch: ProfilePatch): Profile {
    const { profile, live } = this.#owner(caller);
    profile.patch(patch);
    live.share(profile.sharing, Date.now());
    live.keep();
    return profile.view(this.#place.user);
  }

  listFriends(caller: Caller, query: FriendsQuery): FriendsPage | { refused: "bad_cursor" } {
    const { friends } = this.#owner(caller);
    const after = query.cursor === undefined ? 0 : Number(query.cursor);
    if (!Number.isSafeInteger(after) || after < 0) return { refused: "bad_cursor" };
    const rows = friends.page({ state: query.state, after, limit: query.limit });
    const last = rows.at(-1);
    const isFull = rows.length === query.limit && last !== undefined;
    return { friends: rows.map(entryOf), ...(isFull ? { next: String(last.no) } : {}) };
  }

  putFriend(caller: Caller, friend: string): Promise<Put> {
    return this.#owner(caller).bonds.put(friend, Date.now());
  }

  deleteFriend(caller: Caller, friend: string): Promise<void> {
    return this.#owner(caller).bonds.delete(friend, Date.now());
  }

  nearby(caller: Caller): Promise<Nearby> {
    return this.#owner(caller).live.nearby(Date.now());
  }

  /** Points over HTTP: the newest is live if it is recent, like the newest of `locations`. */
  report(caller: Caller, points: readonly Fix[]): Report {
    const { live } = this.#owner(caller);
    const now = Date.now();
    const fix = newestLive(points, now, this.#place.settings);
    if (fix === null) return { live: false };
    const reported = live.report(fix, now);
    if ("retryAfterMs" in reported) {
      return { refused: "too_fast", retryAfterS: Math.ceil(reported.retryAfterMs / 1000) };
    }
    live.keep();
    return reported;
  }

  /** What this object was billed for since it woke; null before its user exists. */
  meters(): Meter | null {
    return this.#person?.meter ?? null;
  }

  /** A planned restart: clients come back after a random delay. */
  drain(): void {
    if (this.#person === null) return;
    const { connections, live } = this.#person;
    for (const connection of [...connections.all]) connections.close(connection, "restart");
    live.keep();
  }

  // RPC from friends' objects

  /** The one verb between friends: `told` and the answer are encoded (wire.ts); `heard` is the caller's newest rev of me. */
  meet(from: string, told: string, heard: number): string {
    const row = this.#person?.friends.byId(from);
    if (this.#person === null || row?.standing !== "friend") return encodeAnswer({ kind: "stranger" }, "");
    return this.#person.live.meet(row, told, heard, Date.now());
  }

  left(from: string, rev: number, reason: AwayReason): void {
    const row = this.#person?.friends.byId(from);
    if (row?.standing === "friend") this.#person?.live.left(row.no, rev, reason);
  }

  hear(from: string, word: Word): WordReply {
    // Only a wish is worth storage; whoever takes one back here finds that it was never heard.
    if (this.#person === null && !word.statement.wants) return { kind: "heard", statement: SILENT, card: {}, rev: 0 };
    this.#person ??= birth(this.#place);
    return this.#person.bonds.hear(from, word, Date.now());
  }

  // Parts

  #owner(caller: Caller): Person {
    this.#person ??= birth(this.#place);
    this.#person.profile.introduce(caller);
    return this.#person;
  }

  #welcome(now: number): Welcome {
    const { user, settings } = this.#place;
    const { radiusM, inactiveAfterMs, updateEveryS } = settings;
    return {
      type: "welcome",
      user,
      radiusM,
      inactiveAfterS: inactiveAfterMs / 1000,
      updateEveryS,
      now,
      protocol: PROTOCOL_VERSION,
    };
  }

  #close({ connections, live }: Person, connection: Connection, kind: CloseKind): void {
    connections.close(connection, kind);
    live.keep();
  }

  #gone(ws: WebSocket): void {
    const connection = this.#person?.connections.get(ws);
    if (this.#person === null || connection === undefined) return;
    this.#person.connections.drop(connection);
    this.#person.live.keep();
  }

  async #frame(person: Person, connection: Connection, text: string, now: number): Promise<void> {
    const { connections, live } = person;
    const arrived = frameArrived(connection.pace, now);
    if (arrived.verdict !== "admitted") {
      connections.heard(connection, arrived.pace, now);
      connections.send(connection, encodeDown(errorDown("too_fast")));
      if (arrived.verdict === "close") this.#close(person, connection, "policy");
      else live.mirror();
      return;
    }
    const decoded = decodeUp(text, now);
    const paced = frameDecoded(arrived.pace, decoded.ok);
    connections.heard(connection, paced.pace, now);
    if (!decoded.ok) {
      connections.send(connection, encodeDown(decoded.error));
      if (paced.verdict === "close") this.#close(person, connection, "policy");
      else live.mirror();
      return;
    }
    const { message } = decoded;
    try {
      await this.#message(person, connection, message, now);
    } catch (error) {
      logError("message_failed", { user: this.#place.user, type: message.type, reason: String(error) });
      connections.send(connection, encodeDown(errorDown("internal", { ref: message.ref })));
    }
    live.mirror();
  }

  #message(person: Person, connection: Connection, message: Up, now: number): Promise<void> | void {
    const { connections, friends, live } = person;
    const refuse = (code: ErrorCode): void =>
      connections.send(connection, encodeDown(errorDown(code, { ref: message.ref })));
    switch (message.type) {
      case "location":
      case "locations": {
        const points = message.type === "location" ? [message] : message.points;
        const fix = message.type === "location" ? message : newestLive(points, now, this.#place.settings);
        if (fix !== null && "retryAfterMs" in live.report(fix, now)) refuse("too_fast");
        return;
      }
      case "subscribe":
      case "unsubscribe": {
        const row = friends.byId(message.friend);
        if (row?.standing !== "friend") return refuse("not_friends");
        const muted = message.type === "unsubscribe";
        const stored = row.muted === muted ? row : friends.setMuted(row, muted);
        const asker = { connection, ref: message.ref };
        if (!muted) return live.subscribe(stored, asker, now);
        live.unsubscribe(row.no, asker, now);
        return;
      }
      case "discover":
        // People who are not friends are not served: who asks for them must not wait for an answer.
        if (message.on) refuse("not_discoverable");
        return;
      case "token":
        return this.#renew(person, connection, message, now);
    }
  }

  async #renew(person: Person, connection: Connection, { token, ref }: TokenUp, now: number): Promise<void> {
    const verdict = await verifyToken(token, this.#place.settings.auth, now);
    // The keys cannot be had: nobody's fault, and the old deadline still stands.
    if (!verdict.ok && verdict.kind === "unavailable") {
      person.connections.send(connection, encodeDown(errorDown("internal", { ref })));
      return;
    }
    if (!verdict.ok || verdict.caller.user !== this.#place.user || verdict.caller.expMs < connection.tokenUntil) {
      person.connections.send(connection, encodeDown(errorDown("bad_token", { ref })));
      this.#close(person, connection, "tokenExpired");
      return;
    }
    connection.tokenUntil = verdict.caller.expMs;
    person.profile.introduce(verdict.caller);
    person.agenda.cover(connection.tokenUntil, now);
    person.connections.note(connection);
    person.live.mirror();
  }
}

/** Why a frame ends its connection before it is read, or null. */
function closeKindFor(data: string | ArrayBuffer, connection: Connection, now: number): CloseKind | null {
  if (connection.tokenUntil <= now) return "tokenExpired";
  if (typeof data !== "string") return "binary";
  return isOversized(data) ? "tooBig" : null;
}

/** The newest of some points, if it may be shown as the present. */
function newestLive(points: readonly Fix[], now: number, { inactiveAfterMs }: Settings): Fix | null {
  let newest: Fix | null = null;
  for (const point of points) if (newest === null || point.ts >= newest.ts) newest = point;
  return newest !== null && newest.ts >= now - inactiveAfterMs ? newest : null;
}
