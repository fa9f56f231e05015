import type { EraseTask } from "../message.ts";

/**
 * What an erasure leaves in the bucket: Parquet objects are never rewritten in place, so whoever reads them has to leave
 * out what a tombstone covers (the query of docs/history.md does). One object per erasure.
 */
export interface Tombstone {
  /** The same for the same erasure, however often it comes. */
  readonly name: string;
  readonly json: string;
}

/** The folder of tombstones in the bucket. */
export const TOMBSTONES = "erased/";

/**
 * `{user_id, from, to, erased_at}`, times in ms since the epoch: a text could not say a `to` that stands for "all".
 * The user appears in the name as a hash: ids hold `:` and `@`, which not every file system takes in a name.
 */
export async function tombstoneOf({ user, from, to, at }: EraseTask): Promise<Tombstone> {
  return {
    name: `${TOMBSTONES}${await sha256Hex(user)}_${at}_${from}_${to}.json`,
    json: `${JSON.stringify({ user_id: user, from, to, erased_at: at })}\n`,
  };
}

/** The SHA-256 of a text in UTF-8, as 64 hexadecimal digits. */
export async function sha256Hex(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
