import type { Contact } from "../../src/nearby/contact.ts";
import type { Effect } from "../../src/nearby/effects.ts";
import type { ContactCounts } from "../../src/observe/report.ts";
import type { Tally } from "../../src/observe/tally.ts";

/** What a position has caused. A friend who is active and was not called was spared by a safe region, or waits for an answer. */
export function countPosition(tally: Tally, contacts: number, effects: readonly Effect[]): void {
  let meetings = 0;
  for (const { kind } of effects) if (kind === "meet") meetings += 1;
  tally.add("positions");
  tally.add("suppressed", Math.max(0, contacts - meetings));
}

/**
 * A friend's position goes to so many clients. How old it is says something only when the friend has just moved: who comes
 * near may have rested for minutes.
 */
export function countShown(
  tally: Tally,
  { isNew, sighting }: Extract<Effect, { kind: "show" }>,
  { clients, now }: { clients: number; now: number },
): void {
  if (clients === 0) return;
  tally.add("deliveries", clients);
  if (!isNew) tally.took("delivery", now - sighting.ts);
}

export function countContacts(contacts: Iterable<Pick<Contact, "pact">>): ContactCounts {
  const { near, far, unknown } = countPacts(contacts);
  return { near, far, unknown };
}

/** Friends by what is known of them; those who are away are counted as far as they are remembered. */
export function countPacts(contacts: Iterable<Pick<Contact, "pact">>): Record<Contact["pact"]["kind"], number> {
  const counts = { unknown: 0, near: 0, far: 0, away: 0 };
  for (const { pact } of contacts) counts[pact.kind] += 1;
  return counts;
}
