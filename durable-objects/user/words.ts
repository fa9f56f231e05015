import type { Statement } from "../../src/friendship/statement.ts";
import type { Answer, AwayReason } from "../../src/nearby/sighting.ts";

/** How a person is shown to friends. Travels with every meeting: a change needs no call of its own. */
export interface Card {
  readonly name?: string;
  readonly avatar?: string;
}

/** What the sender of a word says of its position, where a lost push would leave more on a screen than may be there. */
export interface Said {
  /** Set while nothing of the sender's position may be shown. */
  readonly away?: { readonly rev: number; readonly reason: AwayReason };
  /** Set where the receiver may know the position only roughly: encoded as in a meeting (durable-objects/user/wire.ts). */
  readonly told?: { readonly rev: number; readonly sighting: string };
}

/** What `meet` answers between two objects. `card` only with an `active` answer. */
export interface MeetReply {
  readonly answer: Answer;
  readonly card?: Card;
}

/** Whether the sender blocks the receiver, as of `rev`. */
export interface BlockMark {
  readonly on: boolean;
  readonly rev: number;
}

/** The newest word of one object to another, as the outbox delivers it: always the truth of the moment it is sent. */
export interface Word extends Said {
  readonly statement: Statement;
  readonly card: Card;
  /** Set when the sender has ever blocked the receiver. The receiver's user does not get to know it. */
  readonly block?: BlockMark;
}

/** What the receiver of a `Word` says about the pair; or why it could not take it. */
export type WordReply =
  | {
      readonly kind: "heard";
      readonly statement: Statement;
      readonly card: Card;
      /** The newest rev that the receiver has heard of the sender's position; 0 for none. */
      readonly rev: number;
    }
  | { readonly kind: "refused"; readonly code: "pending_limit" | "friend_limit" | "blocked" };

export function sameCard(a: Card, b: Card): boolean {
  return a.name === b.name && a.avatar === b.avatar;
}
