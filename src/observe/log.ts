/**
 * The log: one JSON object a line, and this file is the only one that writes it. Never a position, never a token: both would
 * outlive their owner's wish there.
 */

import type { Settings } from "../settings.ts";

/** What a line may say beside its event. Names of users, of settings and of errors; counts; ms. */
export type Fields = Readonly<Record<string, string | number>>;

/** Somebody should look. */
export function logError(event: string, fields: Fields): void {
  console.error(line("error", event, fields));
}

/** Somebody tried what they may not, or did what only operators may. For whoever asks later who it was. */
export function logAudit(event: string, fields: Fields): void {
  console.warn(line("audit", event, fields));
}

/** Something began or ended that an operator wants to know of: an outage is over, an account is gone. */
export function logInfo(event: string, fields: Fields): void {
  console.info(line("info", event, fields));
}

/** What an event consisted of (src/observe/trace.ts); an error when it has failed as a whole. */
export function logTrace(level: "error" | "info", event: string, trace: object): void {
  if (level === "error") console.error(line(level, event, trace));
  else console.info(line(level, event, trace));
}

/** For whoever looks for something; printed with `LOG_LEVEL=debug` only. */
export function logDebug({ logLevel }: Pick<Settings, "logLevel">, event: string, fields: Fields): void {
  if (logLevel === "debug") console.debug(line("debug", event, fields));
}

function line(level: string, event: string, fields: object): string {
  return JSON.stringify({ level, event, ...fields });
}
