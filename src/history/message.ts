import * as v from "valibot";

import { isUserId } from "../protocol/user-id.ts";
import { decodeChunk } from "./chunk.ts";
import type { HistoryPoint } from "./point.ts";

/** Points of one user to be stored. */
export interface StoreTask {
  readonly kind: "store";
  readonly user: string;
  /** When the user's object stored them, ms. */
  readonly storedAt: number;
  readonly points: readonly HistoryPoint[];
}

/**
 * Every point of one user with `from <= ts < to` goes, also one that arrives later in a message that was made before
 * `at`. The user's object makes no such message afterwards.
 */
export interface EraseTask {
  readonly kind: "erase";
  readonly user: string;
  /** ms, inclusive. */
  readonly from: number;
  /** ms, exclusive. */
  readonly to: number;
  /** When the user's object erased them, ms. */
  readonly at: number;
}

export type HistoryTask = StoreTask | EraseTask;

const UserSchema = v.pipe(v.string(), v.check(isUserId));
const MsSchema = v.pipe(v.number(), v.safeInteger());

const MessageSchema = v.variant("kind", [
  v.object({
    v: v.literal(1),
    kind: v.literal("store"),
    user: UserSchema,
    storedAt: MsSchema,
    /** Base64 of a chunk (src/history/chunk.ts): JSON can be read in a dashboard and by any other consumer. */
    chunk: v.pipe(v.string(), v.base64()),
  }),
  v.object({
    v: v.literal(1),
    kind: v.literal("erase"),
    user: UserSchema,
    from: MsSchema,
    to: MsSchema,
    at: MsSchema,
  }),
]);

/** What travels in the queue, as JSON. */
export type HistoryMessage = v.InferOutput<typeof MessageSchema>;

/** A message that nobody can act on: sent by a newer version, or damaged. */
export class MessageError extends Error {
  override readonly name = "MessageError";
}

/** @param chunk as `encodeChunk` made it */
export function storeMessage(user: string, storedAt: number, chunk: Uint8Array): HistoryMessage {
  return { v: 1, kind: "store", user, storedAt, chunk: toBase64(chunk) };
}

export function eraseMessage({ user, from, to, at }: Omit<EraseTask, "kind">): HistoryMessage {
  return { v: 1, kind: "erase", user, from, to, at };
}

/**
 * What a message asks for.
 *
 * @throws MessageError for what is no message of a known version
 * @throws ChunkError for a chunk that cannot be read
 */
export function readMessage(body: unknown): HistoryTask {
  const parsed = v.safeParse(MessageSchema, body);
  if (!parsed.success) throw new MessageError("no history message of version 1");
  const { output } = parsed;
  if (output.kind === "erase") {
    const { kind, user, from, to, at } = output;
    return { kind, user, from, to, at };
  }
  return {
    kind: "store",
    user: output.user,
    storedAt: output.storedAt,
    points: decodeChunk(fromBase64(output.chunk)),
  };
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
