import type { FriendEntry, FriendPatch } from "../../src/protocol/resources.ts";
import { entryOf } from "./bonds.ts";
import type { Person } from "./person.ts";
import type { BlocksPage, FriendsPage, FriendsQuery, PageQuery } from "./rpc-types.ts";

export function listFriends(
  { friends }: Person,
  { state, limit, cursor }: FriendsQuery,
): FriendsPage | { refused: "bad_cursor" } {
  const after = cursor === undefined ? 0 : Number(cursor);
  if (!Number.isSafeInteger(after) || after < 0) return { refused: "bad_cursor" };
  const rows = friends.page({ state, after, limit });
  const last = rows.at(-1);
  const isFull = rows.length === limit && last !== undefined;
  return { friends: rows.map(entryOf), ...(isFull ? { next: String(last.no) } : {}) };
}

/** Null for somebody who is no accepted friend. */
export function patchFriend(
  { friends, live }: Person,
  friend: string,
  { visibility, muted }: FriendPatch,
  now: number,
): FriendEntry | null {
  const before = friends.byId(friend);
  if (before?.standing !== "friend") return null;
  let row = before;
  const [wantsMuted, wantsVisibility] = [muted ?? false, visibility ?? "exact"];
  if (muted !== undefined && wantsMuted !== row.muted) {
    row = friends.setMuted(row, wantsMuted);
    live.mute(row, now);
  }
  if (visibility !== undefined && wantsVisibility !== row.visibility) {
    row = friends.setVisibility(row, wantsVisibility);
    live.reveal(row, now);
  }
  return entryOf(row);
}

export function listBlocks({ blocks: all }: Person, { limit, cursor = "" }: PageQuery): BlocksPage {
  const blocks = all.page({ after: cursor, limit });
  const last = blocks.at(-1);
  return { blocks, ...(blocks.length === limit && last !== undefined ? { next: last.id } : {}) };
}
