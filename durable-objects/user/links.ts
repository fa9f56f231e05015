import { INVITE_MINUTES_MAX } from "../../src/protocol/limits.ts";
import type { FriendEntry } from "../../src/protocol/resources.ts";
import type { Bonds, LimitCode } from "./bonds.ts";
import type { Blocks } from "./blocks.ts";
import type { Friends } from "./friends.ts";
import type { Invites } from "./invites.ts";
import type { Stubs } from "./stubs.ts";

export type Redeemed = "taken" | "not_found" | "friend_limit";
export type Accepted = { readonly entry: FriendEntry } | { readonly refused: "not_found" | "own" | LimitCode };

export interface LinksParts {
  readonly user: string;
  readonly stubs: Stubs;
  readonly friends: Friends;
  readonly bonds: Bonds;
  readonly blocks: Blocks;
  readonly invites: Invites;
}

const MINUTE_MS = 60_000;
const ID_BYTES = 16;

/** A name that nobody guesses: 128 random bits as base64url. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(ID_BYTES));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** Invites across two objects: the one who invited wants the friendship, and the one who taps accepts it. */
export class Links {
  readonly #parts: LinksParts;

  constructor(parts: LinksParts) {
    this.#parts = parts;
  }

  create(
    { uses, minutes }: { uses: number; minutes: number },
    now: number,
  ): { id: string; expiresAt: number; uses: number } | { refused: "invite_limit" } {
    const expiresAt = now + Math.min(minutes, INVITE_MINUTES_MAX) * MINUTE_MS;
    const invite = { id: randomId(), expiresAt, uses };
    return this.#parts.invites.add(invite, now) ? invite : { refused: "invite_limit" };
  }

  /** On the object of whoever taps. */
  async accept({ owner, id }: { owner: string; id: string }): Promise<Accepted> {
    const { user, stubs, bonds } = this.#parts;
    if (owner === user) return { refused: "own" };
    const redeemed = await stubs.call<Redeemed>(owner, "redeemInvite", (stub, onward) =>
      stub.redeemInvite(id, user, onward),
    );
    if (redeemed !== "taken") return { refused: redeemed };
    const put = await bonds.put(owner, Date.now());
    return "refused" in put ? put : { entry: put.entry };
  }

  /** On the object of whoever invited. A second tap of the same person is no second use. */
  async redeem(id: string, user: string, now: number): Promise<Redeemed> {
    const { invites, friends, bonds, blocks } = this.#parts;
    const open = invites.get(id, now);
    // As if it had been withdrawn: a block must not show.
    if (blocks.mine(user)) return "not_found";
    const standing = friends.byId(user)?.standing;
    if (invites.hasUsed(id, user)) {
      // The first tap may have been lost half way; but whoever was unfriended since does not come back by it.
      return standing === "friend" || standing === "outgoing" ? "taken" : "not_found";
    }
    if (open === undefined) return "not_found";
    if (standing === "friend") return "taken";
    invites.use(id, user);
    const put = await bonds.put(user, now);
    if (!("refused" in put)) return "taken";
    invites.giveBack(id, user);
    return put.refused === "friend_limit" ? "friend_limit" : "not_found";
  }
}
