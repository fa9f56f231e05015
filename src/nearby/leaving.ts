import type { Contact } from "./contact.ts";
import type { Effect } from "./effects.ts";
import type { AwayReason } from "./sighting.ts";

/**
 * Whom it has to be told that there is nothing to tell any more.
 *
 * A pause is told to everyone who is not away, and has to arrive: also a far friend may be showing this user, if the answers
 * were lost. That somebody became inactive is told once, to those who show it: after a hibernation a near friend is unknown
 * here, but still on the own screens.
 */
export function farewell(
  { no, pact, call, shown, visibility }: Readonly<Contact>,
  { reason, rev }: { reason: AwayReason; rev: number },
  out: Effect[],
): void {
  if (reason === "paused") {
    if (pact.kind !== "away" || call !== null) out.push({ kind: "withdraw", no });
    return;
  }
  // Whether a friend who knows the cell only is on the own screens depends on the true place: it may not show in who is told.
  const mayShow = visibility === "exact" ? shown : pact.kind === "unknown";
  if (pact.kind === "near" || mayShow) out.push({ kind: "leave", no, rev, reason });
}
