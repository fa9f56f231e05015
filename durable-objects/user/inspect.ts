import { byKey } from "../../src/observe/tally.ts";
import type { UserDetails } from "../../src/protocol/admin.ts";
import { countContacts } from "./counting.ts";
import { waitingChunks } from "./feed.ts";
import type { Person } from "./person.ts";

/** A user for operators: how the object stands, and nothing of where the user is or who the friends are. */
export function inspect(user: string, person: Person): UserDetails {
  const { agenda, chunks, connections, devices, friends, history, live, meter, outbox, profile, tally } = person;
  const { self, contacts } = live.circle;
  const { waiting, oldestAt } = waitingChunks(chunks);
  return {
    user,
    active: live.active,
    activeUntil: self.kind === "active" ? self.sighting.activeUntil : null,
    sharing: profile.sharing,
    connections: Array.from(connections.all, ({ device, lastHeard, tokenUntil }) => ({
      device,
      lastHeardAt: lastHeard,
      tokenUntil,
    })),
    phones: devices.list().length,
    friends: friends.visibleIds().length,
    contacts: countContacts(contacts.values()),
    deadlines: { alarmAt: agenda.alarmAt, outboxAt: outbox.nextAt(), unsavedSince: history.unsaved.since },
    queue: { waiting, oldestAt },
    meter: { ...meter },
    unfed: byKey(tally.counts),
  };
}

/** Closes the sockets of one device, or all of the user's own. @returns how many */
export function disconnect({ connections, live, strangers }: Person, device: string | null, now: number): number {
  const closing = [...connections.all].filter((one) => device === null || one.device === device);
  for (const connection of closing) connections.close(connection, "disconnected");
  strangers.settle(now);
  live.keep();
  return closing.length;
}
