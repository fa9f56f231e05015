import { ask, hear, insist, type Pair, refuse, SILENT, standingOf } from "../../src/friendship/statement.ts";
import type { FriendNo } from "../../src/nearby/contact.ts";
import { logError } from "../../src/observe/log.ts";
import { encodeDown, type Friendship } from "../../src/protocol/down.ts";
import {
  ASKS_PER_DAY_MAX,
  BLOCKS_MAX,
  FRIENDS_MAX,
  PENDING_IN_MAX,
  PENDING_OUT_MAX,
} from "../../src/protocol/limits.ts";
import type { FriendEntry } from "../../src/protocol/resources.ts";
import type { Agenda } from "./agenda.ts";
import type { Blocks } from "./blocks.ts";
import type { Connections } from "./connections.ts";
import type { FriendRow, Friends } from "./friends.ts";
import type { Live } from "./live.ts";
import { orNull } from "./waiting.ts";
import { GIVE_UP_AFTER_MS, type Outbox } from "./outbox.ts";
import type { Stubs } from "./stubs.ts";
import { type Card, sameCard, type Word, type WordReply } from "./words.ts";

/** How long a "no" is remembered: an older "yes" that is still under way must find it. Far above every delivery in flight. */
export const TOMBSTONE_MS = 24 * 60 * 60_000;

/** Calls at once when an account ends: far below what pins an object for long. */
const WAVE = 200;

const STRANGERS: Pair = { mine: SILENT, theirs: SILENT };
const NO_CARD: Card = {};

export type LimitCode = "friend_limit" | "pending_limit" | "ask_limit";
export type Put = { readonly entry: FriendEntry; readonly asked: boolean } | { readonly refused: LimitCode };

export type Linked = "done" | "unchanged" | { readonly refused: "friend_limit" | "blocked" | "unreachable" };

export interface BondsParts {
  readonly user: string;
  readonly stubs: Stubs;
  readonly friends: Friends;
  readonly outbox: Outbox;
  readonly blocks: Blocks;
  readonly connections: Connections;
  readonly agenda: Agenda;
  readonly card: () => Card;
  readonly live: () => Live;
}

/** Friendships across two objects: this side's statements, those of the others, and their delivery. */
export class Bonds {
  readonly #parts: BondsParts;
  /** Which word is owed to each friend, so that a confirmation cannot cross out a newer one. Numbers are never used again. */
  readonly #owed = new Map<FriendNo, number>();
  #lastOwed = 0;

  constructor(parts: BondsParts) {
    this.#parts = parts;
  }

  /** Ask, or accept. The other side is told before this returns, if it answers in time; otherwise by the alarm. */
  async put(id: string, now: number): Promise<Put> {
    const { friends, live, blocks } = this.#parts;
    // Whoever asks somebody does not block them: in one step, or a block between the two would be asked and blocked.
    blocks.remove(id, now);
    const before = friends.byId(id);
    const pair = ask(before?.pair ?? STRANGERS, now);
    if (before !== undefined && pair === before.pair) return { entry: entryOf(before), asked: false };
    const refused = this.#limit(pair);
    if (refused !== null) return { refused };
    const row = before === undefined ? friends.add(id, pair, NO_CARD, now) : this.#turn(before, pair, now);
    this.#owe(row.no, now);
    const reply = await this.#deliver(row.no);
    const after = friends.byNo(row.no);
    if (reply?.kind === "refused" && reply.code !== "blocked" && after?.pair.mine.rev === pair.mine.rev) {
      this.#takeBack(after, before, now);
      return { refused: reply.code };
    }
    if (after?.standing === "friend") live().befriend(after, Date.now());
    return { entry: entryOf(after ?? row), asked: standingOf(pair) === "outgoing" };
  }

  /** Unfriend, decline or cancel. Nothing happens when there is nothing to end. */
  async delete(id: string, now: number): Promise<void> {
    const row = this.#parts.friends.byId(id);
    if (row === undefined) return;
    const pair = refuse(row.pair, now);
    if (pair === row.pair) return;
    this.#turn(row, pair, now);
    this.#owe(row.no, now);
    await this.#deliver(row.no);
  }

  /**
   * A friendship that somebody else vouches for: both sides want it, without being asked. `adopt` is its other half.
   *
   * @returns "unchanged" when they are friends already
   */
  async link(id: string, now: number): Promise<Linked> {
    const { friends, blocks, stubs, user, card } = this.#parts;
    const before = friends.byId(id);
    if (before?.standing === "friend") return "unchanged";
    if (blocks.mine(id)) return { refused: "blocked" };
    if (friends.count("friend") >= FRIENDS_MAX) return { refused: "friend_limit" };
    const pair = insist(before?.pair ?? STRANGERS, now);
    const row = before === undefined ? friends.add(id, pair, NO_CARD, now) : this.#turn(before, pair, now);
    const word: Word = { statement: pair.mine, card: card() };
    const reply = await orNull(stubs.call<WordReply>(id, "adopt", (stub, onward) => stub.adopt(user, word, onward)));
    const after = friends.byNo(row.no) ?? row;
    if (reply?.kind === "heard" && blocks.mine(id)) return { refused: "blocked" };
    if (reply?.kind === "heard") {
      this.#listen(after, hear(after.pair, reply.statement), reply.card, Date.now());
      return "done";
    }
    if (after.pair.mine.rev === pair.mine.rev) this.#takeBack(after, before, Date.now());
    const code = reply?.code ?? "unreachable";
    return { refused: code === "pending_limit" ? "unreachable" : code };
  }

  async unlink(id: string, now: number): Promise<Linked> {
    const before = this.#parts.friends.byId(id)?.standing ?? "none";
    if (before === "none") return "unchanged";
    await this.delete(id, now);
    return "done";
  }

  adopt(id: string, { statement, card }: Word, now: number): WordReply {
    const { friends, blocks } = this.#parts;
    if (blocks.mine(id)) return { kind: "refused", code: "blocked" };
    const before = friends.byId(id);
    if (before?.standing !== "friend" && friends.count("friend") >= FRIENDS_MAX) {
      return { kind: "refused", code: "friend_limit" };
    }
    const heard = hear(before?.pair ?? STRANGERS, statement);
    const pair = standingOf(heard) === "friend" ? heard : insist(heard, now);
    if (before !== undefined) return this.#heard(this.#listen(before, pair, card, now));
    const row = friends.add(id, pair, card, now);
    this.#tellClients(row);
    this.#parts.live().befriend(row, now);
    return this.#heard(row);
  }

  /** From now on nothing that they say arrives; they are not told so. A friendship ends. */
  async block(id: string, now: number): Promise<boolean> {
    const { friends, blocks } = this.#parts;
    if (blocks.mine(id)) return true;
    if (!blocks.add(id, now)) return false;
    const before = friends.byId(id);
    const row = before ?? friends.add(id, STRANGERS, NO_CARD, now);
    const pair = refuse(row.pair, now);
    if (pair !== row.pair) this.#turn(row, pair, now);
    // The mark on the other side is part of the word.
    this.#owe(row.no, now);
    await this.#deliver(row.no);
    return true;
  }

  async unblock(id: string, now: number): Promise<void> {
    const { friends, blocks } = this.#parts;
    if (!blocks.mine(id)) return;
    blocks.remove(id, now);
    const row = friends.byId(id) ?? friends.add(id, STRANGERS, NO_CARD, now);
    this.#owe(row.no, now);
    await this.#deliver(row.no);
  }

  /** Ends everything with everybody, a few hundred at a time; who cannot be reached hears it from the outbox. */
  async deleteAll(now: number): Promise<void> {
    // Those who were blocked may have asked meanwhile: they get their answer, too.
    const blocked = this.#parts.blocks.page({ after: "", limit: BLOCKS_MAX });
    await this.#inWaves(
      blocked.map(({ id }) => id),
      (id) => this.unblock(id, now),
    );
    await this.#inWaves(this.#parts.friends.everybody(), (id) => this.delete(id, Date.now()));
  }

  async #inWaves(ids: readonly string[], run: (id: string) => Promise<void>): Promise<void> {
    for (let start = 0; start < ids.length; start += WAVE) {
      await Promise.all(ids.slice(start, start + WAVE).map(run));
    }
  }

  /** Another object's newest word has arrived. */
  hear(id: string, { statement, card, away, told, block }: Word, now: number): WordReply {
    const { friends, live, blocks, agenda } = this.#parts;
    const before = friends.byId(id);
    if (block !== undefined) blocks.hear(id, block);
    // As if the question had been put aside: the one who asks must not be able to tell.
    if (blocks.mine(id)) {
      const mine = before?.pair.mine ?? SILENT;
      return { kind: "heard", statement: mine, card: this.#parts.card(), rev: 0 };
    }
    const pair = hear(before?.pair ?? STRANGERS, statement);
    if (before === undefined && !statement.wants) {
      // A "yes" of before may still be on its way: it has to find that it is over.
      if (statement.rev > 0) {
        friends.add(id, pair, NO_CARD, now);
        agenda.cover(now + TOMBSTONE_MS, now);
      }
      return { kind: "heard", statement: SILENT, card: NO_CARD, rev: 0 };
    }
    if (before === undefined) {
      if (friends.count("incoming") >= PENDING_IN_MAX) return { kind: "refused", code: "pending_limit" };
      const row = friends.add(id, pair, card, now);
      this.#tellClients(row);
      return this.#heard(row);
    }
    if (pair !== before.pair && before.standing !== standingOf(pair)) {
      if (standingOf(pair) === "friend" && friends.count("friend") >= FRIENDS_MAX) {
        return { kind: "refused", code: "friend_limit" };
      }
      if (standingOf(pair) === "incoming" && friends.count("incoming") >= PENDING_IN_MAX) {
        return { kind: "refused", code: "pending_limit" };
      }
    }
    const row = this.#listen(before, pair, card, now);
    if (row.standing === "friend") {
      if (away !== undefined) live().left(row.no, away.rev, away.reason);
      if (told !== undefined) live().placed(row, told.sighting, now);
    }
    return this.#heard(row);
  }

  /** This friend has to hear the newest word: at once if possible, and in any case. */
  owe(no: FriendNo, now: number): void {
    this.#owe(no, now);
    void this.#deliver(no);
  }

  /** Deliveries that are due. @returns when the alarm is needed next, ms, or null */
  async alarm(now: number): Promise<number | null> {
    const { outbox, friends } = this.#parts;
    const retries = outbox.due(now).map(async (entry) => {
      if (now - entry.since > GIVE_UP_AFTER_MS) {
        logError("word_given_up", {
          user: this.#parts.user,
          friend: friends.byNo(entry.no)?.id ?? "",
          attempts: entry.attempts,
        });
        outbox.confirm(entry.no);
        return;
      }
      outbox.postpone(entry, now);
      await this.#deliver(entry.no);
    });
    await Promise.all(retries);
    const oldest = friends.prune(now - TOMBSTONE_MS);
    const deadlines = [outbox.nextAt(), oldest === null ? null : oldest + TOMBSTONE_MS].filter((at) => at !== null);
    return deadlines.length === 0 ? null : Math.min(...deadlines);
  }

  #limit(pair: Pair): LimitCode | null {
    const { friends } = this.#parts;
    if (friends.count("friend") >= FRIENDS_MAX) return "friend_limit";
    const isRequest = standingOf(pair) === "outgoing";
    if (isRequest && friends.countAsked() >= ASKS_PER_DAY_MAX) return "ask_limit";
    return isRequest && friends.count("outgoing") >= PENDING_OUT_MAX ? "pending_limit" : null;
  }

  /** The other side could not take this word: as if it had not been said, because nobody has heard it. */
  #takeBack(row: FriendRow, before: FriendRow | undefined, now: number): void {
    const { friends, outbox } = this.#parts;
    outbox.confirm(row.no);
    if (before === undefined) friends.remove(row);
    else this.#turn(row, { mine: before.pair.mine, theirs: row.pair.theirs }, now);
  }

  #owe(no: FriendNo, now: number): void {
    this.#lastOwed += 1;
    this.#owed.set(no, this.#lastOwed);
    this.#parts.agenda.cover(this.#parts.outbox.put(no, now), now);
  }

  async #deliver(no: FriendNo): Promise<WordReply | null> {
    const { stubs, user, friends, outbox, card, live, blocks } = this.#parts;
    const row = friends.byNo(no);
    if (row === undefined) {
      outbox.confirm(no);
      return null;
    }
    const owed = this.#owed.get(no);
    const said = live().saidTo(row);
    const block = blocks.markFor(row.id);
    const word: Word = { statement: row.pair.mine, card: card(), ...(block === undefined ? {} : { block }), ...said };
    const reply = await orNull(stubs.call<WordReply>(row.id, "hear", (stub, onward) => stub.hear(user, word, onward)));
    if (reply?.kind !== "heard") return reply;
    // A restart has set this clock back: the friend took the word for an old one, so it is said again as a new one.
    const saidRev = said.away?.rev ?? said.told?.rev;
    if (saidRev !== undefined && reply.rev > saidRev) {
      live().stepOver(reply.rev, Date.now());
      this.owe(no, Date.now());
    }
    if (this.#owed.get(no) === owed) {
      outbox.confirm(no);
      this.#owed.delete(no);
    }
    const current = friends.byNo(no);
    // Whoever was blocked meanwhile is not listened to, answers included.
    if (current !== undefined && !blocks.mine(current.id)) {
      this.#listen(current, hear(current.pair, reply.statement), reply.card, Date.now());
    }
    return reply;
  }

  #heard(row: FriendRow): WordReply {
    const { card, live } = this.#parts;
    return { kind: "heard", statement: row.pair.mine, card: card(), rev: live().heardOf(row.no) };
  }

  /** Takes what the other side said: its statement and its card. */
  #listen(row: FriendRow, pair: Pair, card: Card, now: number): FriendRow {
    const { friends, live } = this.#parts;
    const named = sameCard(row.card, card) ? row : friends.setCard(row, card);
    if (pair === row.pair) return named;
    const turned = this.#turn(named, pair, now);
    if (turned.standing === "friend" && row.standing !== "friend") live().befriend(turned, now);
    return turned;
  }

  /** Stores the pair and plays what follows from it for the own clients. */
  #turn(row: FriendRow, pair: Pair, now: number): FriendRow {
    const { friends, agenda, live } = this.#parts;
    const turned = friends.setPair(row, pair, now);
    if (turned.standing === row.standing) return turned;
    if (row.standing === "friend") live().unfriend(row.no);
    if (turned.standing === "none") agenda.cover(now + TOMBSTONE_MS, now);
    this.#tellClients(turned);
    return turned;
  }

  #tellClients({ id, standing, card }: FriendRow): void {
    if (standing === "outgoing") return;
    const state = standing === "none" ? "removed" : standing;
    const named = card.name === undefined ? {} : { name: card.name };
    const message: Friendship = { type: "friendship", id, state, ...named };
    this.#parts.connections.announce(encodeDown(message));
  }
}

/** The row as `GET /v1/friends` shows it. */
export function entryOf({ id, card, standing, since, muted, visibility }: FriendRow): FriendEntry {
  // Rows without a standing are tombstones; only a request that was answered "no" in the same moment shows one here.
  const state = standing === "none" ? "outgoing" : standing;
  return { id, ...card, state, since, visibility, muted };
}
