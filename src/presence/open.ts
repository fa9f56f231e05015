import type { Settings } from "../settings.ts";
import { Breaker } from "./breaker.ts";
import { NONE } from "./none.ts";
import type { Presence } from "./presence.ts";
import { Upstash } from "./upstash.ts";

/** By URL: all objects of an isolate share one breaker. */
const opened = new Map<string, Presence>();

/** The index that the settings ask for. */
export function openPresence({ index }: Settings): Presence {
  if (index === null) return NONE;
  const known = opened.get(index.url);
  if (known !== undefined) return known;
  const presence = new Breaker({ source: new Upstash(index) });
  opened.set(index.url, presence);
  return presence;
}
