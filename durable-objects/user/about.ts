import type { About } from "../../src/observe/steps.ts";
import { countPacts } from "./counting.ts";
import { CALL_TIMEOUT_MS } from "./waiting.ts";
import type { Person, Place } from "./person.ts";

/** In place of the name of a cell, which says where its people are. */
export const CELL_IN_LOG = "cell";

/** What a trace says of a user's object. */
export function aboutUser({ user, settings }: Place, person: () => Person | null): About {
  return {
    object: user,
    slowMs: settings.slowMs,
    patienceMs: CALL_TIMEOUT_MS,
    state: () => stateOf(person()),
  };
}

function stateOf(person: Person | null): Readonly<Record<string, unknown>> {
  if (person === null) return {};
  const { meter, connections, history, live, activation } = person;
  // A copy: to look at the tables is billed, too, and would be on the meter.
  const counted = { ...meter };
  return {
    meter: counted,
    sockets: connections.size,
    contacts: countPacts(live.circle.contacts.values()),
    history: history.waiting,
    index: activation.state,
  };
}
