import { PAGE_DEFAULT, PAGE_MAX } from "../../src/api/paging.ts";
import type { ProblemCode } from "../../src/api/problem.ts";
import type { ComponentName } from "./components.ts";
import type { Json } from "./convert.ts";

/** Who may call: anybody, anybody with a token, a phone app with its password, or an operator. */
export type Access = "anybody" | "user" | "phone" | "admin";

export interface Answer {
  readonly description: string;
  /** Schema by content type; none: no body. */
  readonly content?: Readonly<Record<string, ComponentName | "text">>;
  readonly headers?: Readonly<Record<string, Json>>;
}

export interface Operation {
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  readonly tag: string;
  readonly access: Access;
  /** Names of the query, with their schemas. */
  readonly query?: Readonly<Record<string, Json>>;
  readonly body?: {
    readonly schema: ComponentName | "text";
    readonly types?: readonly string[];
    readonly required?: boolean;
  };
  readonly answers: Readonly<Record<string, Answer>>;
  /** Beside those that follow from the rest: of the token, the body, the rate. */
  readonly problems?: readonly ProblemCode[];
}

/** `GET /v1/me` and so on, with `{id}` and `{code}` for what stands in a path. */
export type Operations = Readonly<Record<string, Operation>>;

export function json(schema: ComponentName, description: string): Answer {
  return { description, content: { "application/json": schema } };
}

export function html(description: string): Answer {
  return { description, content: { "text/html": "text" } };
}

export const NOTHING = (description: string): Answer => ({ description });

const PAGE_LIMIT: Json = { type: "integer", minimum: 1, maximum: PAGE_MAX, default: PAGE_DEFAULT };
const PAGE_CURSOR: Json = { type: "string", description: "`next` of the page before." };

const MERGE_PATCH = ["application/json", "application/merge-patch+json"];

const PEOPLE: Operations = {
  "GET /v1/me": {
    id: "getProfile",
    summary: "The caller's profile.",
    tag: "Profile",
    access: "user",
    answers: { 200: json("Profile", "The profile.") },
  },
  "PATCH /v1/me": {
    id: "changeProfile",
    summary: "Changes the profile; also pauses and ends a pause.",
    description: "A merge patch (RFC 7396): what is absent stays, `null` clears. Unknown fields are refused.",
    tag: "Profile",
    access: "user",
    body: { schema: "ProfilePatch", types: MERGE_PATCH },
    answers: { 200: json("Profile", "The whole profile as it is now.") },
  },
  "DELETE /v1/me": {
    id: "deleteAccount",
    summary: "Deletes the account and everything stored about it.",
    description:
      "Friends see the user leave, sockets close with 4410, invites and shares end, the history is erased. A valid token" +
      " later starts an empty account.",
    tag: "Profile",
    access: "user",
    answers: { 204: NOTHING("Deleted.") },
  },
  "GET /v1/friends": {
    id: "listFriends",
    summary: "The caller's friends, and the requests in both directions.",
    tag: "Friends",
    access: "user",
    query: { state: { $ref: "#/components/schemas/FriendState" }, limit: PAGE_LIMIT, cursor: PAGE_CURSOR },
    answers: { 200: json("FriendsPage", "One page.") },
    problems: ["bad_request"],
  },
  "PUT /v1/friends/{id}": {
    id: "putFriend",
    summary: "Asks for friendship, or accepts it. Idempotent.",
    tag: "Friends",
    access: "user",
    answers: {
      200: json(
        "FriendEntry",
        "Nothing new was asked: a request of the other side is accepted, or all stays as it was.",
      ),
      201: json("FriendEntry", "Asked."),
    },
    problems: ["bad_request", "friend_limit", "pending_limit"],
  },
  "PATCH /v1/friends/{id}": {
    id: "changeFriend",
    summary: "Changes what a friend may know of the caller, and whether the caller receives them.",
    description: "A merge patch: what is absent stays, `null` is the default again. Unknown fields are refused.",
    tag: "Friends",
    access: "user",
    body: { schema: "FriendPatch", types: MERGE_PATCH },
    answers: { 200: json("FriendEntry", "The friend as they are now.") },
    problems: ["not_found"],
  },
  "DELETE /v1/friends/{id}": {
    id: "deleteFriend",
    summary: "Unfriends, declines or cancels.",
    tag: "Friends",
    access: "user",
    answers: { 204: NOTHING("Done, also when there was nothing to end.") },
    problems: ["bad_request"],
  },
  "GET /v1/blocks": {
    id: "listBlocks",
    summary: "Whom the caller has blocked.",
    tag: "Blocks",
    access: "user",
    query: { limit: PAGE_LIMIT, cursor: PAGE_CURSOR },
    answers: { 200: json("BlocksPage", "One page.") },
    problems: ["bad_request"],
  },
  "PUT /v1/blocks/{id}": {
    id: "block",
    summary: "Blocks somebody: unfriends them, and their later requests vanish. They are told nothing.",
    tag: "Blocks",
    access: "user",
    answers: { 204: NOTHING("Blocked, also when they were before.") },
    problems: ["bad_request", "block_limit"],
  },
  "DELETE /v1/blocks/{id}": {
    id: "unblock",
    summary: "Ends a block. The friendship does not come back.",
    tag: "Blocks",
    access: "user",
    answers: { 204: NOTHING("Done, also when there was no block.") },
    problems: ["bad_request"],
  },
};

const LINKS: Operations = {
  "GET /v1/invites": {
    id: "listInvites",
    summary: "The caller's open invites.",
    tag: "Invites",
    access: "user",
    answers: { 200: json("Invites", "All of them.") },
  },
  "POST /v1/invites": {
    id: "createInvite",
    summary: "Makes a link that makes two people friends.",
    tag: "Invites",
    access: "user",
    body: { schema: "InviteRequest", required: false },
    answers: { 201: json("Invite", "Made. `url` is for people, `code` for apps.") },
    problems: ["invite_limit"],
  },
  "POST /v1/invites/{code}": {
    id: "acceptInvite",
    summary: "Accepts somebody's invite: the two are friends.",
    tag: "Invites",
    access: "user",
    answers: { 200: json("FriendEntry", "The friend.") },
    problems: ["bad_request", "not_found", "friend_limit", "pending_limit"],
  },
  "DELETE /v1/invites/{code}": {
    id: "revokeInvite",
    summary: "Withdraws an invite of the caller.",
    tag: "Invites",
    access: "user",
    answers: { 204: NOTHING("Withdrawn.") },
    problems: ["not_found"],
  },
  "GET /v1/shares": {
    id: "listShares",
    summary: "The caller's open shares.",
    tag: "Shares",
    access: "user",
    answers: { 200: json("Shares", "All of them.") },
  },
  "POST /v1/shares": {
    id: "createShare",
    summary: "Makes a link that shows the caller's live position to whoever has it, until it ends.",
    tag: "Shares",
    access: "user",
    body: { schema: "ShareRequest" },
    answers: { 201: json("Share", "Made.") },
    problems: ["share_limit"],
  },
  "DELETE /v1/shares/{code}": {
    id: "revokeShare",
    summary: "Ends a share of the caller at once.",
    tag: "Shares",
    access: "user",
    answers: { 204: NOTHING("Ended.") },
    problems: ["not_found"],
  },
};

export const PEOPLE_OPERATIONS: Operations = { ...PEOPLE, ...LINKS };
