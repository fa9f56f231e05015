import { logError } from "../observe/log.ts";
import { errorText, retryDelayS } from "./retry.ts";

/** A queue with this ending holds the messages that no retry has helped. */
export const DEAD_QUEUE_SUFFIX = "-dead";

/** The folder of dead letters in the bucket. */
export const DEAD_LETTERS = "dead/";

/**
 * Puts each message of a dead-letter queue away as JSON, where somebody can look at it and send it again
 * (docs/history.md): a queue forgets what nobody takes within days. A message that cannot be put away comes again.
 *
 * @returns how many were put away
 */
export async function keepDeadLetters(batch: MessageBatch, bucket: Pick<R2Bucket, "put">): Promise<number> {
  const errors: unknown[] = [];
  await Promise.all(
    batch.messages.map(async (message) => {
      try {
        await bucket.put(nameOf(message), letterOf(message, batch.queue), {
          httpMetadata: { contentType: "application/json" },
        });
        message.ack();
      } catch (error) {
        errors.push(error);
        message.retry({ delaySeconds: retryDelayS(message.attempts) });
      }
    }),
  );
  const count = batch.messages.length - errors.length;
  // One line for all: a broken deployment kills letters by the thousand, and lines are billed.
  logError("history_dead", {
    queue: batch.queue,
    count,
    ...(errors.length > 0 ? { notStored: errors.length, error: errorText(errors[0]) } : {}),
  });
  return count;
}

/** By the day when the queue took the message, not by the clock: a redelivery must overwrite its own object. */
function nameOf({ id, timestamp }: Message): string {
  return `${DEAD_LETTERS}dt=${timestamp.toISOString().slice(0, 10)}/${id}.json`;
}

function letterOf({ id, attempts, timestamp, body }: Message, queue: string): string {
  const letter = { id, queue, attempts, deadAt: new Date().toISOString(), timestamp: timestamp.toISOString() };
  const bytes = bytesOf(body);
  if (bytes !== undefined) return `${JSON.stringify({ ...letter, encoding: "base64", body: toBase64(bytes) })}\n`;
  try {
    return `${JSON.stringify({ ...letter, body })}\n`;
  } catch {
    // A structured clone may hold a bigint or a cycle. Its text is better than a letter that comes back for ever.
    return `${JSON.stringify({ ...letter, encoding: "text", body: String(body) })}\n`;
  }
}

function bytesOf(body: unknown): Uint8Array | undefined {
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  return undefined;
}

/** Character by character: a message of 128 KB has more bytes than a call may have arguments. */
function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
