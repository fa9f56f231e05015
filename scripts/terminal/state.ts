import type { Friend, Status } from "../../src/client/index.ts";
import type { Place } from "../../src/geo/place.ts";
import type { Units } from "./words.ts";

export type LogKind = "appeared" | "left" | "news" | "problem";

/** One line at the bottom of the view. */
export interface LogLine {
  readonly atMs: number;
  readonly kind: LogKind;
  readonly text: string;
}

/** All that the live view shows. */
export interface ViewState {
  /** Where the viewer stands, or what this is. */
  readonly title: string;
  readonly user: string;
  /** Undefined as long as this viewer has no position of its own: then there is no map, and the server's distances. */
  readonly place: Place | undefined;
  readonly radiusM: number;
  /** Nearest first. */
  readonly friends: readonly Friend[];
  /** How many people nearby are shown who are no friends. */
  readonly strangers: number;
  /** Where a friend was before, oldest first, by id. */
  readonly trails: ReadonlyMap<string, readonly Place[]>;
  readonly status: Status;
  /** When the status began. */
  readonly statusSinceMs: number;
  /** Oldest first. */
  readonly log: readonly LogLine[];
  readonly updatesPerS: number;
  readonly units: Units;
  /** Right end of the status line, such as how to leave. */
  readonly hint: string;
}

/** How a friend is called on the screen. */
export function nameOf(friend: Pick<Friend, "id" | "name">): string {
  return friend.name ?? friend.id;
}
