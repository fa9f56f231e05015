import type { Presence } from "./presence.ts";

/** No index: nobody can tell. */
export const NONE: Presence = { announce: () => Promise.resolve(null) };
