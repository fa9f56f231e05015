import { distanceM } from "../geo/distance.ts";
import type { GoneReason } from "../protocol/messages/gone.ts";
import type { Contact, Pact } from "./contact.ts";
import type { Effect } from "./effects.ts";
import type { Sighting } from "./sighting.ts";
import type { Shown } from "./state.ts";

/*
 * What the user's own clients show. Decided by the user's true position and what friends told, and by nothing else: a far
 * contact has no position here, so it is never shown.
 */

/**
 * Brings one friend on the own screens in line with what is known now.
 *
 * @param moved the friend's position is new; when only the viewer moved, clients compute the distance themselves
 * @returns whether the friend came or went
 */
export function look(
  contact: Contact,
  mine: Sighting,
  { radiusM, moved, now }: { radiusM: number; moved: boolean; now: number },
  out: Effect[],
): boolean {
  const seen = contact.seen;
  if (contact.muted || seen === null) return false;
  if (seen.activeUntil <= now) return hide(contact, "inactive", out);
  const awayM = distanceM(mine, seen);
  if (awayM > radiusM) return hide(contact, "far", out);
  const isNew = !contact.shown;
  if (!isNew && !moved) return false;
  out.push({ kind: "show", no: contact.no, sighting: seen, distanceM: awayM, isNew });
  contact.shown = true;
  return isNew;
}

/** @returns whether the friend was shown */
export function hide(contact: Contact, reason: GoneReason, out: Effect[]): boolean {
  if (!contact.shown) return false;
  contact.shown = false;
  out.push({ kind: "hide", no: contact.no, reason });
  return true;
}

/** Why a friend is not shown, as far as it is known. */
export function absenceOf(pact: Pact | undefined): GoneReason {
  if (pact?.kind === "away") return pact.reason;
  return pact?.kind === "near" || pact?.kind === "far" ? "far" : "inactive";
}

/** Friends on the own screens, unsorted. */
export function shownTo(mine: Sighting, contacts: Iterable<Readonly<Contact>>): Shown[] {
  const list: Shown[] = [];
  for (const { no, shown, seen } of contacts) {
    if (shown && seen !== null) list.push({ no, sighting: seen, distanceM: distanceM(mine, seen) });
  }
  return list;
}
