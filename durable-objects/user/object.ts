import { DurableObject } from "cloudflare:workers";
import { type Caller, CALLER_HEADER, DEVICE_HEADER, readCaller, SHARE_HEADER } from "../../src/auth/caller.ts";
import { SILENT } from "../../src/friendship/statement.ts";
import type { HistoryPage, HistoryQuery } from "../../src/history/page.ts";
import type { AwayReason } from "../../src/nearby/sighting.ts";
import type { Meter } from "../../src/observe/meter.ts";
import type { About } from "../../src/observe/steps.ts";
import { ABOUT, type Onward, type Traceable, traceAs, traced } from "../../src/observe/trace.ts";
import { encodeDown, type Nearby } from "../../src/protocol/down.ts";
import type { UserDetails } from "../../src/protocol/admin.ts";
import type { Fix } from "../../src/protocol/fix.ts";
import { PING, PONG } from "../../src/protocol/limits.ts";
import type { FriendEntry, FriendPatch, Profile, ProfilePatch } from "../../src/protocol/resources.ts";
import { readSettings } from "../../src/settings.ts";
import type { Linked, Put } from "./bonds.ts";
import { answerClose } from "./connections.ts";
import { receive } from "./frames.ts";
import { disconnect, inspect } from "./inspect.ts";
import type { InviteEntry } from "./invites.ts";
import { type Accepted, randomId, type Redeemed } from "./links.ts";
import { listBlocks, listFriends, patchFriend } from "./lists.ts";
import { birth, type Person, type Place, wake } from "./person.ts";
import { Phones } from "./phones.ts";
import { Reports } from "./reports.ts";
import type {
  BlocksPage,
  DeviceEntry,
  DeviceWish,
  Erasure,
  FriendsPage,
  FriendsQuery,
  PageQuery,
  PhoneAnswer,
  PhoneReport,
  PhoneSource,
  Report,
} from "./rpc-types.ts";
import type { ShareEntry } from "./shares.ts";
import { aboutUser } from "./about.ts";
import { welcome } from "./welcome.ts";
import { encodeAnswer } from "./wire.ts";
import type { Card, Word, WordReply } from "./words.ts";

const MINUTE_MS = 60_000;

/**
 * A user. Holds the user's sockets, latest position and friends, and talks to the objects of those friends directly.
 *
 * Every method is callable by every Worker and object of this deployment. The Worker has checked the token before it
 * calls a method of the first group, and the code of a link before one of the second; the third group checks the calling
 * friend itself. Friends' objects say last which trace a call belongs to, and are told of it when it took long.
 */
@traced({ carrying: ["meet", "left", "hear", "adopt", "redeemInvite"], brief: ["meet", "left"] })
export class UserObject extends DurableObject<Env> implements Traceable {
  readonly #place: Place;
  readonly #about: About;
  #person: Person | null = null;
  readonly #reports: Reports;
  readonly #phones: Phones;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const user = ctx.id.name;
    if (user === undefined) throw new Error("a user's object is addressed by name only");
    this.#place = { ctx, env, settings: readSettings(env), user };
    this.#reports = new Reports(this.#place.settings);
    this.#phones = new Phones(this.#reports);
    this.#about = aboutUser(this.#place, () => this.#person);
    wake(this.#place, (person) => {
      this.#person = person;
    });
  }

  get [ABOUT](): About {
    return this.#about;
  }

  // Runtime handlers

  /** The upgrade. The Worker has verified the caller, or the code of a share, and says so in headers that no client can set. */
  override fetch(request: Request): Response {
    const now = Date.now();
    this.ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
    const share = request.headers.get(SHARE_HEADER);
    if (share !== null) return this.#watch(share, now);
    const caller = readCaller(request.headers.get(CALLER_HEADER));
    const device = request.headers.get(DEVICE_HEADER);
    const { connections, live, agenda, strangers, feed } = this.#owner(caller);
    const { 0: client, 1: server } = new WebSocketPair();
    const connection = connections.accept(server, { device, tokenUntil: caller.expMs, now });
    // The one that made room may have been the one that asked for strangers.
    strangers.settle(now);
    agenda.cover(caller.expMs, now);
    connections.send(connection, encodeDown(welcome(this.#place, now)));
    live.connected(now);
    feed.connected(now);
    return new Response(null, { status: 101, webSocket: client });
  }

  override async webSocketMessage(ws: WebSocket, data: string | ArrayBuffer): Promise<void> {
    const person = this.#person;
    const connection = person?.connections.get(ws);
    if (person === null) return;
    if (connection === undefined) return person.shares.refuse(ws);
    person.meter.messagesIn += 1;
    await receive({ place: this.#place, person, connection, now: Date.now() }, data);
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
    const { agenda, bonds, connections, feed, history, live, profile, shares, strangers } = person;
    agenda.fired();
    const now = Date.now();
    if (profile.resumeIfDue(now)) live.share(true, now);
    const activityAt = live.alarm(now);
    for (const connection of [...connections.all]) {
      if (connection.tokenUntil <= now) connections.close(connection, "tokenExpired");
    }
    strangers.settle(now);
    const shareAt = shares.end(now);
    const [bondsAt, historyAt] = await Promise.all([bonds.alarm(now), history.alarm(now, !live.active)]);
    const all = [activityAt, connections.earliestTokenEnd, profile.pausedUntil, shareAt, bondsAt, historyAt];
    const deadlines = all.filter((at) => at !== null);
    // Only the earliest: each that comes before the one before it would be a row.
    if (deadlines.length > 0) agenda.cover(Math.min(...deadlines), Date.now());
    feed.alarm(now);
    live.keep();
  }

  // RPC from the Worker, for the owner

  getProfile(caller: Caller): Profile {
    return this.#owner(caller).profile.view(this.#place.user);
  }

  patchProfile(caller: Caller, patch: ProfilePatch): Profile {
    const { profile, live, agenda, strangers } = this.#owner(caller);
    const now = Date.now();
    profile.patch(patch);
    live.share(profile.sharing, now);
    strangers.settle(now);
    if (profile.pausedUntil !== null) agenda.cover(profile.pausedUntil, now);
    live.keep();
    return profile.view(this.#place.user);
  }

  /** Everything that was the user's goes; a later token of the same user finds an empty account. */
  async deleteAccount(caller: Caller): Promise<void> {
    const { bonds, connections, devices, history, invites, live, profile, shares, strangers } = this.#owner(caller);
    const now = Date.now();
    for (const connection of [...connections.all]) connections.close(connection, "deleted");
    strangers.settle(now);
    devices.clear();
    shares.clear();
    invites.clear();
    history.erase({ from: 0, to: Number.MAX_SAFE_INTEGER }, now);
    await bonds.deleteAll(now);
    profile.clear();
    live.retire(Date.now());
  }

  listFriends(caller: Caller, query: FriendsQuery): FriendsPage | { refused: "bad_cursor" } {
    return listFriends(this.#owner(caller), query);
  }

  putFriend(caller: Caller, friend: string): Promise<Put> {
    return this.#owner(caller).bonds.put(friend, Date.now());
  }

  /** Null for somebody who is no accepted friend. */
  patchFriend(caller: Caller, friend: string, patch: FriendPatch): FriendEntry | null {
    return patchFriend(this.#owner(caller), friend, patch, Date.now());
  }

  deleteFriend(caller: Caller, friend: string): Promise<void> {
    return this.#owner(caller).bonds.delete(friend, Date.now());
  }

  listBlocks(caller: Caller, query: PageQuery): BlocksPage {
    return listBlocks(this.#owner(caller), query);
  }

  async block(caller: Caller, id: string): Promise<{ blocked: true } | { refused: "block_limit" }> {
    const { bonds, strangers } = this.#owner(caller);
    const isBlocked = await bonds.block(id, Date.now());
    strangers.refresh(Date.now());
    return isBlocked ? { blocked: true } : { refused: "block_limit" };
  }

  unblock(caller: Caller, id: string): Promise<void> {
    return this.#owner(caller).bonds.unblock(id, Date.now());
  }

  nearby(caller: Caller): Promise<Nearby> {
    return this.#owner(caller).live.nearby(Date.now());
  }

  /** Points over HTTP: the newest is live if it is recent, like the newest of `locations`. */
  report(caller: Caller, points: readonly Fix[]): Promise<Report> {
    return this.#reports.take(this.#owner(caller), points, Date.now());
  }

  createDevice(caller: Caller, wish: DeviceWish): DeviceEntry | { refused: "device_limit" } {
    return this.#owner(caller).devices.add(wish, Date.now()) ?? { refused: "device_limit" };
  }

  listDevices(caller: Caller): DeviceEntry[] {
    return this.#owner(caller).devices.list();
  }

  revokeDevice(caller: Caller, id: string): boolean {
    return this.#owner(caller).devices.remove(id);
  }

  history(caller: Caller, query: HistoryQuery): HistoryPage {
    return this.#owner(caller).history.page(query, Date.now());
  }

  /** @param range ms, `from` inclusive, `to` exclusive */
  eraseHistory(caller: Caller, range: { from: number; to: number }): Erasure {
    const isErased = this.#owner(caller).history.erase(range, Date.now());
    return isErased ? { erased: true } : { refused: "too_many_erasures" };
  }

  createInvite(
    caller: Caller,
    wish: { uses: number; minutes: number },
  ): { id: string; expiresAt: number; uses: number } | { refused: "invite_limit" } {
    return this.#owner(caller).links.create(wish, Date.now());
  }

  listInvites(caller: Caller): InviteEntry[] {
    return this.#owner(caller).invites.list(Date.now());
  }

  revokeInvite(caller: Caller, id: string): boolean {
    return this.#owner(caller).invites.remove(id);
  }

  acceptInvite(caller: Caller, invite: { owner: string; id: string }): Promise<Accepted> {
    return this.#owner(caller).links.accept(invite);
  }

  createShare(
    caller: Caller,
    { minutes }: { minutes: number },
  ): { id: string; expiresAt: number } | { refused: "share_limit" } {
    const now = Date.now();
    const share = { id: randomId(), endsAt: now + minutes * MINUTE_MS };
    if (!this.#owner(caller).shares.add(share, now)) return { refused: "share_limit" };
    return { id: share.id, expiresAt: share.endsAt };
  }

  listShares(caller: Caller): ShareEntry[] {
    return this.#owner(caller).shares.list(Date.now());
  }

  revokeShare(caller: Caller, id: string): boolean {
    return this.#owner(caller).shares.remove(id);
  }

  /** For an operator who vouches for both sides. */
  link(friend: string, wanted: boolean): Promise<Linked> {
    this.#person ??= birth(this.#place);
    const { bonds } = this.#person;
    return wanted ? bonds.link(friend, Date.now()) : bonds.unlink(friend, Date.now());
  }

  /** What this object was billed for since it woke; null before its user exists. */
  meters(): Meter | null {
    return this.#person?.meter ?? null;
  }

  /** For operators; null for a name that nobody has, of which nothing is stored by asking. */
  inspect(): UserDetails | null {
    return this.#person === null ? null : inspect(this.#place.user, this.#person);
  }

  /** @returns how many sockets were closed; null before the user exists */
  disconnect(device: string | null): number | null {
    return this.#person === null ? null : disconnect(this.#person, device, Date.now());
  }

  /** A planned restart: clients come back after a random delay. */
  drain(): void {
    if (this.#person === null) return;
    const { connections, live, shares, strangers } = this.#person;
    for (const connection of [...connections.all]) connections.close(connection, "restart");
    strangers.settle(Date.now());
    shares.restart();
    live.keep();
  }

  // RPC from the Worker, for whoever holds the code of a link or the password of a device

  phone(source: PhoneSource, report: PhoneReport): Promise<PhoneAnswer> | PhoneAnswer {
    traceAs(source.requestId);
    const person = "caller" in source ? this.#owner(source.caller) : this.#person;
    const isKnown = "caller" in source || person?.devices.has(source.device) === true;
    if (person === null || !isKnown) return { refused: "unknown_device" };
    return this.#phones.take(person, report, Date.now());
  }

  viewInvite(id: string): (Card & { expiresAt: number }) | null {
    const person = this.#person;
    const invite = person?.invites.get(id, Date.now());
    if (person === null || invite === undefined) return null;
    return { ...person.profile.card, expiresAt: invite.expiresAt };
  }

  viewShare(id: string): { name?: string; endsAt: number } | null {
    const person = this.#person;
    const endsAt = person?.shares.endOf(id, Date.now());
    if (person === null || endsAt === undefined) return null;
    const { name } = person.profile.card;
    return { endsAt, ...(name === undefined ? {} : { name }) };
  }

  // RPC from friends' objects

  /**
   * The one verb between friends: `told` and the answer are encoded (wire.ts); `heard` is the caller's newest rev of me, and
   * `holds` says that it need not be told again what came with it.
   */
  meet(from: string, told: string, heard: number, holds: boolean | Onward, _onward?: Onward): string {
    const row = this.#person?.friends.byId(from);
    if (this.#person === null || row?.standing !== "friend") return encodeAnswer({ kind: "stranger" }, "");
    // An object of an earlier version has its trace in that place.
    return this.#person.live.meet(row, { told, heard, holds: holds === true }, Date.now());
  }

  left(from: string, rev: number, reason: AwayReason, _onward?: Onward): void {
    const row = this.#person?.friends.byId(from);
    if (row?.standing === "friend") this.#person?.live.left(row.no, rev, reason);
  }

  hear(from: string, word: Word, _onward?: Onward): WordReply {
    // Only a wish is worth storage; whoever takes one back here finds that it was never heard.
    if (this.#person === null && !word.statement.wants) return { kind: "heard", statement: SILENT, card: {}, rev: 0 };
    this.#person ??= birth(this.#place);
    return this.#person.bonds.hear(from, word, Date.now());
  }

  /** The other half of `link`. */
  adopt(from: string, word: Word, _onward?: Onward): WordReply {
    this.#person ??= birth(this.#place);
    return this.#person.bonds.adopt(from, word, Date.now());
  }

  redeemInvite(id: string, user: string, _onward?: Onward): Promise<Redeemed> | "not_found" {
    return this.#person?.links.redeem(id, user, Date.now()) ?? "not_found";
  }

  // Parts

  #owner(caller: Caller): Person {
    traceAs(caller.requestId);
    this.#person ??= birth(this.#place);
    this.#person.profile.introduce(caller);
    return this.#person;
  }

  #watch(share: string, now: number): Response {
    const person = this.#person;
    if (person?.shares.endOf(share, now) === undefined) return new Response(null, { status: 404 });
    const client = person.shares.watch(share, person.live.place);
    return client === null
      ? new Response(null, { status: 503 })
      : new Response(null, { status: 101, webSocket: client });
  }

  #gone(ws: WebSocket): void {
    const person = this.#person;
    const connection = person?.connections.get(ws);
    if (person === null) return;
    if (connection === undefined) {
      person.shares.left(ws);
      person.strangers.settle(Date.now());
      return;
    }
    person.connections.drop(connection);
    person.strangers.settle(Date.now());
    person.feed.left(Date.now());
    person.live.keep();
  }
}
