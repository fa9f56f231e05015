import type { FriendEntry, FriendState } from "../../src/protocol/resources.ts";
import type { BlockEntry } from "./blocks.ts";

/* What the Worker asks the owner's object for, and what it answers, where neither is a resource of the API itself. */

export interface PageQuery {
  readonly limit: number;
  /** `next` of the page before. */
  readonly cursor?: string;
}

export interface FriendsQuery extends PageQuery {
  readonly state?: FriendState;
}

export interface FriendsPage {
  readonly friends: FriendEntry[];
  readonly next?: string;
}

export interface BlocksPage {
  readonly blocks: BlockEntry[];
  readonly next?: string;
}

/** What `report` answers once all is stored: whether a point became the live position. Refused: nothing was taken. */
export type Report = { readonly live: boolean } | { readonly refused: "too_fast"; readonly retryAfterS: number };

/** What `eraseHistory` answers; refused: there are `ERASURES_MAX` ranges apart from each other (durable-objects/user/erased.ts). */
export type Erasure = { readonly erased: true } | { readonly refused: "too_many_erasures" };
