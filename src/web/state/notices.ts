/** Short messages that come and go. */
import { signal } from "@preact/signals";

import type { Word } from "../lang/en.ts";
import { say } from "../lang/words.ts";
import { ApiError } from "./api.ts";

export interface Notice {
  readonly id: number;
  readonly text: string;
  readonly isProblem: boolean;
}

export const notices = signal<readonly Notice[]>([]);

const SHOWN_MS = 6_000;
/** More would cover the map. */
const AT_ONCE_MAX = 3;

let lastId = 0;

export function notify(text: string, isProblem = false): void {
  lastId += 1;
  const id = lastId;
  // The same twice in a row says nothing new.
  const others = notices.value.filter((notice) => notice.text !== text);
  notices.value = [...others, { id, text, isProblem }].slice(-AT_ONCE_MAX);
  setTimeout(() => dismiss(id), SHOWN_MS);
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}

const REASONS: Readonly<Record<string, Word>> = {
  rate_limited: "failedFast",
  not_found: "failedNotFound",
  friend_limit: "failedLimit",
  pending_limit: "failedLimit",
  invite_limit: "failedLimit",
  share_limit: "failedLimit",
  block_limit: "failedLimit",
  device_limit: "failedLimit",
};

function reasonOf(error: unknown): string {
  if (!(error instanceof ApiError)) return String(error);
  if (error.status === undefined) return say("failedNetwork");
  const word = REASONS[error.code ?? ""];
  return word === undefined ? error.message : say(word);
}

/** Runs what a button asks for; says so when it fails. A refused sign-in is told where one signs in. */
export async function attempt(run: () => Promise<unknown>): Promise<boolean> {
  try {
    await run();
    return true;
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 401)) notify(say("failed", { reason: reasonOf(error) }), true);
    return false;
  }
}
