import type { Welcome } from "../../src/protocol/down.ts";
import { PROTOCOL_VERSION } from "../../src/protocol/limits.ts";
import type { Place } from "./person.ts";

/** What a client is told first. */
export function welcome({ user, settings }: Place, now: number): Welcome {
  const { radiusM, inactiveAfterMs, updateEveryS } = settings;
  return {
    type: "welcome",
    user,
    radiusM,
    inactiveAfterS: inactiveAfterMs / 1000,
    updateEveryS,
    now,
    protocol: PROTOCOL_VERSION,
  };
}
