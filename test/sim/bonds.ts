import { CALL_TIMEOUT_MS } from "../../durable-objects/user/waiting.ts";
import {
  ask,
  hear,
  type Pair,
  refuse,
  SILENT,
  type Standing,
  type Statement,
  standingOf,
} from "../../src/friendship/statement.ts";
import type { AwayReason, Sighting } from "../../src/nearby/sighting.ts";
import type { RosterEntry } from "../../src/nearby/state.ts";
import type { Visibility } from "../../src/protocol/resources.ts";
import type { PersonId } from "./scenario.ts";

/** As durable-objects/user/outbox.ts. */
const RETRY_FIRST_MS = 2_000;
const RETRY_MAX_MS = 60 * 60_000;

export interface FriendRow {
  readonly pair: Pair;
  readonly standing: Standing;
  readonly muted: boolean;
  readonly visibility: Visibility;
}

/** What a word says of the sender's position (durable-objects/user/words.ts). */
export interface Said {
  readonly away?: { readonly rev: number; readonly reason: AwayReason };
  readonly told?: Sighting;
}

export interface Word extends Said {
  readonly statement: Statement;
  readonly blocks: boolean;
  readonly blocksRev?: number;
}

export interface WordReply {
  readonly statement: Statement;
  /** The newest rev that the receiver has heard of the sender's position; 0 for none. */
  readonly rev: number;
}

interface Owed {
  retryAt: number;
  attempts: number;
}

/** The friend table and the outbox: what survives everything. */
export class FriendTable {
  readonly rows = new Map<PersonId, FriendRow>();
  readonly outbox = new Map<PersonId, Owed>();
  readonly blocked = new Set<PersonId>();
  readonly heardBlock = new Map<PersonId, number>();
  readonly blockRev = new Map<PersonId, number>();
  /** Who has blocked this user. */
  readonly blockedBy = new Set<PersonId>();

  standing(id: PersonId): Standing {
    return this.rows.get(id)?.standing ?? "none";
  }

  *roster(): Generator<RosterEntry> {
    for (const [no, { standing, muted, visibility }] of this.rows) {
      if (standing === "friend") yield { no, muted, visibility };
    }
  }

  nextAt(): number | null {
    let next: number | null = null;
    for (const { retryAt } of this.outbox.values()) next = Math.min(next ?? retryAt, retryAt);
    return next;
  }
}

/** What bonds need of the object around them. */
export interface BondsHost {
  readonly id: PersonId;
  readonly table: FriendTable;
  now(): number;
  cover(deadline: number): void;
  said(row: FriendRow): Said;
  befriend(friend: PersonId): void;
  unfriend(friend: PersonId): void;
  left(friend: PersonId, rev: number, reason: AwayReason): void;
  /** The word names a place. */
  placed(friend: PersonId, told: Sighting): void;
  heardOf(friend: PersonId): number;
  stepOver(told: number): void;
  /** Calls `hear` of the friend's object; null for a call that broke. `ended` may never come. */
  tell(friend: PersonId, word: Word, ended: (reply: WordReply | null) => void): void;
  plan(afterMs: number, run: () => void): void;
}

/** Statements and their delivery, as durable-objects/user/bonds.ts has them, without cards and limits. */
export class Bonds {
  readonly #host: BondsHost;
  /** Friends who are asked at this moment: a friendship that comes of it begins with a meeting. */
  readonly putting = new Set<PersonId>();
  #count = 0;
  readonly #owed = new Map<PersonId, number>();

  constructor(host: BondsHost) {
    this.#host = host;
  }

  put(friend: PersonId): void {
    const { table } = this.#host;
    const before = table.rows.get(friend)?.pair ?? STRANGERS;
    const pair = ask(before, this.#host.now());
    if (pair === before) return;
    this.#turn(friend, pair);
    this.#owe(friend);
    this.putting.add(friend);
    this.#deliver(friend, () => {
      this.putting.delete(friend);
      if (table.standing(friend) === "friend") this.#host.befriend(friend);
    });
  }

  delete(friend: PersonId): void {
    const row = this.#host.table.rows.get(friend);
    if (row === undefined) return;
    const pair = refuse(row.pair, this.#host.now());
    if (pair === row.pair) return;
    this.#turn(friend, pair);
    this.owe(friend);
  }

  block(friend: PersonId): void {
    const { table } = this.#host;
    if (table.blocked.has(friend)) return;
    table.blocked.add(friend);
    table.blockRev.set(friend, Math.max(this.#host.now(), (table.blockRev.get(friend) ?? 0) + 1));
    const before = table.rows.get(friend)?.pair ?? STRANGERS;
    this.#turn(friend, refuse(before, this.#host.now()));
    this.owe(friend);
  }

  /** `ended` follows once the other side has been told, or did not answer in time. */
  unblock(friend: PersonId, ended: () => void): void {
    if (!this.#host.table.blocked.delete(friend)) {
      ended();
      return;
    }
    const { table } = this.#host;
    table.blockRev.set(friend, Math.max(this.#host.now(), (table.blockRev.get(friend) ?? 0) + 1));
    this.#owe(friend);
    this.#deliver(friend, ended);
  }

  hear(from: PersonId, { statement, away, told, blocks, blocksRev = 0 }: Word): WordReply {
    const { table } = this.#host;
    const before = table.rows.get(from);
    if (blocksRev > (this.#host.table.heardBlock.get(from) ?? 0)) {
      this.#host.table.heardBlock.set(from, blocksRev);
      if (blocks) table.blockedBy.add(from);
      else table.blockedBy.delete(from);
    }
    if (table.blocked.has(from)) return { statement: before?.pair.mine ?? SILENT, rev: 0 };
    if (before === undefined && !statement.wants && statement.rev === 0) return { statement: SILENT, rev: 0 };
    this.#listen(from, hear(before?.pair ?? STRANGERS, statement));
    if (table.standing(from) === "friend") {
      if (away !== undefined) this.#host.left(from, away.rev, away.reason);
      if (told !== undefined) this.#host.placed(from, told);
    }
    return { statement: this.#host.table.rows.get(from)?.pair.mine ?? SILENT, rev: this.#host.heardOf(from) };
  }

  owe(friend: PersonId): void {
    this.#owe(friend);
    this.#deliver(friend, () => {});
  }

  /** Deliveries that are due. @returns when the alarm is needed next, ms, or null */
  alarm(now: number): number | null {
    const { outbox } = this.#host.table;
    for (const [friend, owed] of outbox) {
      if (owed.retryAt > now) continue;
      owed.retryAt = now + Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** (owed.attempts + 1));
      owed.attempts += 1;
      this.#deliver(friend, () => {});
    }
    return this.#host.table.nextAt();
  }

  #owe(friend: PersonId): void {
    this.#owed.set(friend, ++this.#count);
    const retryAt = this.#host.now() + RETRY_FIRST_MS;
    this.#host.table.outbox.set(friend, { retryAt, attempts: 0 });
    this.#host.cover(retryAt);
  }

  /** `ended` runs once: after the reply, or when none came in time. */
  #deliver(friend: PersonId, ended: () => void): void {
    const { table } = this.#host;
    const row = table.rows.get(friend);
    if (row === undefined) {
      table.outbox.delete(friend);
      ended();
      return;
    }
    const owed = this.#owed.get(friend);
    const said = this.#host.said(row);
    let isOver = false;
    const end = (reply: WordReply | null): void => {
      if (isOver) return;
      isOver = true;
      if (reply !== null) this.#replied(friend, { owed, said }, reply);
      ended();
    };
    this.#host.tell(
      friend,
      {
        statement: row.pair.mine,
        blocks: table.blocked.has(friend),
        blocksRev: table.blockRev.get(friend) ?? 0,
        ...said,
      },
      end,
    );
    this.#host.plan(CALL_TIMEOUT_MS, () => end(null));
  }

  #replied(
    friend: PersonId,
    { owed, said }: { owed: number | undefined; said: Said },
    { statement, rev }: WordReply,
  ): void {
    const { table } = this.#host;
    const saidRev = said.away?.rev ?? said.told?.rev;
    if (saidRev !== undefined && rev > saidRev) {
      this.#host.stepOver(rev);
      this.owe(friend);
    }
    if (this.#owed.get(friend) === owed) {
      table.outbox.delete(friend);
      this.#owed.delete(friend);
    }
    const current = table.rows.get(friend);
    if (current !== undefined && !table.blocked.has(friend)) this.#listen(friend, hear(current.pair, statement));
  }

  #listen(friend: PersonId, pair: Pair): void {
    const row = this.#host.table.rows.get(friend);
    if (pair === row?.pair) return;
    const before = row?.standing;
    this.#turn(friend, pair);
    if (standingOf(pair) === "friend" && before !== "friend") this.#host.befriend(friend);
  }

  #turn(friend: PersonId, pair: Pair): void {
    const { table } = this.#host;
    const row = table.rows.get(friend);
    const standing = standingOf(pair);
    const isFriend = standing === "friend";
    table.rows.set(friend, {
      pair,
      standing,
      muted: isFriend && row?.muted === true,
      visibility: isFriend ? (row?.visibility ?? "exact") : "exact",
    });
    if (row?.standing === "friend" && standing !== "friend") this.#host.unfriend(friend);
  }
}

const STRANGERS: Pair = { mine: SILENT, theirs: SILENT };
