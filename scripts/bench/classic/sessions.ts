/** The users of this server process, and what comes over their channels. */
import { encodeDown } from "../../../src/protocol/down.ts";
import type { Fix } from "../../../src/protocol/fix.ts";
import type { Settings } from "../../../src/settings.ts";
import type { Bus } from "./bus.ts";
import type { ConnectionNews } from "./connections.ts";
import { decodeNotice, encodeNotice, encodePosition, type EdgeState, type Notice, type Position } from "./notice.ts";
import { cardOf, isPaused, type Known, type Link, People } from "./people.ts";
import { Session, type SessionRules } from "./session.ts";
import type { LinkRow, Store } from "./store.ts";

/** How late the end of activity, or of a pause, may show: one timer for everybody. */
const SWEEP_MS = 100;

export interface SessionsOptions {
  /** Names this process on the channels. */
  origin: string;
  store: Store;
  settings: Settings;
  /** Reads the friends of a user: here, or where it holds nobody up. */
  linksOf: (user: string) => LinkRow[] | Promise<LinkRow[]>;
  /** Another server speaks of a user's connections. */
  onConnections: (user: string, news: ConnectionNews) => void;
}

type News = Notice extends infer N ? (N extends { kind: "position" } ? never : Omit<N, "origin">) : never;

export class Sessions {
  readonly #origin: string;
  readonly #store: Store;
  readonly #inactiveAfterMs: number;
  readonly #rules: SessionRules;
  readonly #linksOf: SessionsOptions["linksOf"];
  readonly #onConnections: SessionsOptions["onConnections"];
  readonly #people: People;
  readonly #sessions = new Map<string, { session: Session; ready: Promise<void>; uses: number }>();
  /** Who has a position. */
  readonly #active = new Set<Known>();
  /** Whose pause ends by itself. */
  readonly #pausing = new Set<Known>();
  readonly #sweep: NodeJS.Timeout;
  #bus: Bus | null = null;

  constructor({ origin, store, settings, linksOf, onConnections }: SessionsOptions) {
    this.#origin = origin;
    this.#store = store;
    this.#linksOf = linksOf;
    this.#onConnections = onConnections;
    const { inactiveAfterMs, updateEveryMs, speedMaxMps } = settings;
    this.#inactiveAfterMs = inactiveAfterMs;
    this.#rules = {
      radiusM: settings.radiusM,
      inactiveAfterMs,
      positionBurst: settings.positionBurst,
      positionMinMs: settings.positionMinMs,
      jumps: { speedMaxMps, betterForMs: Math.max(0, inactiveAfterMs - updateEveryMs) },
    };
    this.#people = new People({
      join: async (ids) => this.#join(ids),
      leave: (ids) => this.#onBus.unsubscribe(ids),
    });
    this.#sweep = setInterval(() => this.#endWhatIsOver(), SWEEP_MS);
  }

  /** The bus delivers to `hear`, so it comes second. */
  connect(bus: Bus): void {
    this.#bus = bus;
  }

  close(): void {
    clearInterval(this.#sweep);
  }

  /** The session of a user, loaded; `leave` it as often. */
  async enter(user: string): Promise<Session> {
    let entry = this.#sessions.get(user);
    if (entry === undefined) {
      const me = this.#people.hold([{ id: user, ...this.#store.person(user) }]);
      const known = this.#people.get(user);
      if (known === undefined) throw new Error("who is held is known");
      const session = new Session(known, this.#rules);
      known.session = session;
      entry = { session, ready: this.#load(session, me), uses: 0 };
      this.#sessions.set(user, entry);
    }
    entry.uses += 1;
    try {
      await entry.ready;
    } catch (error) {
      this.leave(user);
      throw error;
    }
    return entry.session;
  }

  leave(user: string): void {
    const entry = this.#sessions.get(user);
    if (entry === undefined) return;
    entry.uses -= 1;
    if (entry.uses > 0) return;
    this.#sessions.delete(user);
    const { session } = entry;
    session.me.session = null;
    for (const link of session.links.values()) link.friend.watchers.delete(link);
    this.#people.release([user, ...session.links.keys()]);
    this.#forgetIfUnknown([session.me, ...[...session.links.values()].map((link) => link.friend)]);
  }

  /** A live position of a user with a session here. */
  report(session: Session, fix: Fix): ReturnType<Session["report"]> {
    const result = session.report(fix, Date.now());
    if (typeof result === "string") return result;
    const { id } = session.me;
    const text = encodePosition(this.#origin, result);
    this.#onBus.remember(id, text);
    this.#onBus.publish(id, text);
    // After both have left: what a client knows of its own move must not be ahead of what others can find.
    setImmediate(() => session.lookAround(Date.now()));
    return result;
  }

  /** The same in steps, each waited for: the cache, then the channel. */
  async reportInSteps(session: Session, fix: Fix): Promise<ReturnType<Session["report"]>> {
    const result = session.report(fix, Date.now());
    if (typeof result === "string") return result;
    const { id } = session.me;
    const text = encodePosition(this.#origin, result);
    await this.#onBus.rememberNow(id, text);
    await this.#onBus.publishNow(id, text);
    session.lookAround(Date.now());
    return result;
  }

  /** Acts on news of a user here, and tells the other processes. */
  async tell(user: string, news: News): Promise<void> {
    const notice = { ...news, origin: this.#origin };
    this.#apply(user, notice);
    await this.#onBus.publishNow(user, encodeNotice(notice));
  }

  /** What a channel has said. */
  hear(user: string, text: string): void {
    const notice = decodeNotice(text);
    if (notice === undefined) return;
    // Friends get a position by the channel, whichever process it comes from; the rest has been acted on.
    if (notice.kind === "position") this.#moved(user, notice.position, notice.origin === this.#origin);
    else if (notice.origin !== this.#origin) this.#apply(user, notice);
  }

  /** Positions that the channel may have said while it went to another server; most of them it has said. */
  catchUp(found: readonly [user: string, text: string][]): void {
    for (const [user, text] of found) {
      const notice = decodeNotice(text);
      const known = this.#people.get(user)?.position ?? null;
      if (notice?.kind !== "position") continue;
      // An older one of the same `ts` must not come back.
      if (known === null || notice.position.atMs > known.atMs) this.hear(user, text);
    }
  }

  get #onBus(): Bus {
    if (this.#bus === null) throw new Error("not connected to a bus");
    return this.#bus;
  }

  async #join(ids: readonly string[]): Promise<void> {
    await this.#onBus.subscribe(ids);
    for (const [user, text] of await this.#onBus.recall(ids)) this.hear(user, text);
  }

  async #load(session: Session, held: Promise<void>): Promise<void> {
    await held;
    // The own channel is heard: what changes from here on is told.
    const rows = await this.#linksOf(session.me.id);
    const loaded = this.#people.hold(rows);
    for (const row of rows) this.#addLink(session, row);
    const { missed } = session;
    session.missed = null;
    await loaded;
    for (const friend of missed ?? []) this.#edgeChanged(session.me.id, friend, undefined);
    const { position } = session.me;
    if (position !== null && session.isNews(position)) session.moveTo(position, Date.now());
  }

  #addLink(session: Session, row: LinkRow): Link {
    const friend = this.#people.get(row.id);
    if (friend === undefined) throw new Error("who is held is known");
    this.#setProfile(friend, row);
    const { muted } = row;
    const link: Link = { viewer: session, friend, ...sightOf(row), muted, shown: false, told: null };
    session.links.set(row.id, link);
    friend.watchers.add(link);
    return link;
  }

  /** @param mine said by this process, where the user is there already */
  #moved(user: string, position: Position, mine: boolean): void {
    const known = this.#people.get(user);
    const nowMs = Date.now();
    // Out of a cache, and over by now.
    if (known === undefined || position.atMs + this.#inactiveAfterMs <= nowMs) return;
    const { session } = known;
    if (session !== null && !mine) {
      if (session.isNews(position)) session.moveTo(position, nowMs);
      else this.#contradict(session);
    }
    if (known.position !== null && (position.ts < known.position.ts || isSame(position, known.position))) return;
    known.position = position;
    this.#active.add(known);
    for (const link of known.watchers) link.viewer.friendMoved(link, nowMs);
  }

  /** Another process has taken an older position than this one has: the cache must not keep it. */
  #contradict({ me, position }: Session): void {
    if (position !== null) this.#onBus.remember(me.id, encodePosition(this.#origin, position));
  }

  #apply(user: string, notice: Exclude<Notice, { kind: "position" }>): void {
    const known = this.#people.get(user);
    if (known === undefined) return;
    switch (notice.kind) {
      case "profile":
        this.#setProfile(known, this.#store.person(user));
        this.#lookFromBothSides(known);
        break;
      case "edge":
        this.#edgeChanged(user, notice.friend, notice.state);
        break;
      case "opened":
      case "open":
        if (notice.origin !== this.#origin) this.#onConnections(user, notice);
        break;
    }
  }

  #setProfile(known: Known, row: Pick<LinkRow, "name" | "avatar" | "sharing" | "paused_until">): void {
    const card = cardOf(row);
    if (card.name !== known.card.name || card.avatar !== known.card.avatar) known.card = card;
    known.profile = row;
    if (!row.sharing && row.paused_until !== null) this.#pausing.add(known);
    else this.#pausing.delete(known);
  }

  #lookFromBothSides(known: Known): void {
    const nowMs = Date.now();
    known.session?.lookAtAll(nowMs);
    for (const link of known.watchers) link.viewer.look(link, nowMs);
  }

  #edgeChanged(user: string, friendId: string, state: EdgeState | undefined): void {
    const entry = this.#sessions.get(user);
    if (entry === undefined) return;
    const { session } = entry;
    if (session.missed !== null) {
      session.missed.add(friendId);
      return;
    }
    const row = this.#store.link(user, friendId);
    const link = session.links.get(friendId);
    const name = state === "removed" ? null : this.#store.person(friendId).name;
    const told = (): void => {
      if (state === undefined) return;
      session.tell(encodeDown({ type: "friendship", id: friendId, state, ...(name === null ? undefined : { name }) }));
    };
    if (row === undefined) {
      if (link !== undefined) this.#endLink(session, link);
      told();
    } else if (link === undefined) {
      told();
      void this.#makeLink(session, row);
    } else {
      told();
      this.#changeLink(link, row);
    }
  }

  #endLink(session: Session, link: Link): void {
    session.unfriended(link);
    this.#people.release([link.friend.id]);
    this.#forgetIfUnknown([link.friend]);
  }

  async #makeLink(session: Session, row: LinkRow): Promise<void> {
    const loaded = this.#people.hold([row]);
    const link = this.#addLink(session, row);
    await loaded.catch(() => {});
    if (session.links.get(row.id) === link) session.look(link, Date.now());
  }

  #changeLink(link: Link, row: LinkRow): void {
    const wasCoarse = link.coarse;
    Object.assign(link, sightOf(row));
    const nowMs = Date.now();
    if (link.muted !== row.muted) {
      link.muted = row.muted;
      link.viewer.look(link, nowMs);
    } else if (link.coarse !== wasCoarse && link.shown) {
      link.viewer.friendMoved(link, nowMs);
    } else {
      link.viewer.look(link, nowMs);
    }
  }

  #endWhatIsOver(): void {
    const nowMs = Date.now();
    for (const known of this.#active) {
      if (known.position !== null && known.position.atMs + this.#inactiveAfterMs > nowMs) continue;
      this.#active.delete(known);
      known.position = null;
      known.session?.fallSilent(nowMs);
      for (const link of known.watchers) link.viewer.look(link, nowMs);
    }
    for (const known of this.#pausing) {
      if (isPaused(known, nowMs)) continue;
      this.#pausing.delete(known);
      this.#lookFromBothSides(known);
    }
  }

  #forgetIfUnknown(all: readonly Known[]): void {
    for (const known of all) {
      if (known.holds > 0) continue;
      this.#active.delete(known);
      this.#pausing.delete(known);
    }
  }
}

/** Whether the cache and the channel have said the same: what one has told, the other need not. */
function isSame(a: Position, b: Position): boolean {
  return a.ts === b.ts && a.atMs === b.atMs && a.lat === b.lat && a.lng === b.lng;
}

function sightOf({ mine, theirs }: LinkRow): Pick<Link, "coarse" | "hidden"> {
  return { coarse: theirs === "coarse", hidden: mine === "hidden" || theirs === "hidden" };
}
