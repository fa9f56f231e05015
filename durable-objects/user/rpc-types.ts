import type { Caller } from "../../src/auth/caller.ts";
import type { Fix } from "../../src/protocol/fix.ts";
import type { DeviceApp, FriendEntry, FriendState } from "../../src/protocol/resources.ts";
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

/** A device as its owner asks for it, and as the list has it; the `id` is made of its password, which is not kept. */
export interface DeviceWish {
  readonly id: string;
  readonly app: DeviceApp;
  readonly name?: string;
}

export interface DeviceEntry extends DeviceWish {
  /** ms. */
  readonly createdAt: number;
}

/** Who sends a phone's report: a user with a token, or a device by its id, whose password the Worker has opened. */
export type PhoneSource = ({ readonly caller: Caller } | { readonly device: string }) & {
  /** What the log calls the request that brings it. */
  readonly requestId?: string;
};

/** What a phone app sent, as far as it can be used. */
export interface PhoneReport {
  readonly points: readonly Fix[];
  /** Parts of it that nobody can use. */
  readonly invalid: number;
  /** How long the app may be silent although nothing is wrong, ms. */
  readonly restMs: number;
  /** Null for an app that shows no friends. */
  readonly viewer: PhoneViewer | null;
}

export interface PhoneViewer {
  /** Tells the user's phones apart. */
  readonly device: string;
  /** It can be told who came and went. */
  readonly hearsTransitions: boolean;
  /** What the phone calls its own user. */
  readonly ownTid?: string;
}

/** A near friend for OwnTracks. */
export interface PhoneFriend {
  readonly tid: string;
  readonly name: string;
  readonly avatar?: string;
  readonly lat: number;
  readonly lng: number;
  /** ms. */
  readonly ts: number;
  readonly precision: "exact" | "coarse";
}

/** Who has come near or left since the phone's last report. */
export interface PhoneTransition {
  readonly tid: string;
  readonly name: string;
  readonly event: "enter" | "leave";
}

export type PhoneAnswer =
  | { readonly friends: readonly PhoneFriend[]; readonly transitions: readonly PhoneTransition[] }
  | { readonly refused: "unknown_device" }
  | { readonly refused: "too_fast"; readonly retryAfterS: number };
