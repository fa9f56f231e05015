import type { ErrorDown } from "./messages/error.ts";
import type { FriendMoved } from "./messages/friend.ts";
import type { Friendship } from "./messages/friendship.ts";
import type { Gone } from "./messages/gone.ts";
import type { Nearby } from "./messages/nearby.ts";
import type { People } from "./messages/people.ts";
import type { Saved } from "./messages/saved.ts";
import type { Welcome } from "./messages/welcome.ts";

export type { Friend } from "./friend.ts";
export type { Person } from "./messages/people.ts";
export type { GoneReason } from "./messages/gone.ts";
export type { ErrorDown, FriendMoved, Friendship, Gone, Nearby, People, Saved, Welcome };

/** Every message from the server to a client. */
export type Down = Welcome | Nearby | FriendMoved | Gone | Saved | People | Friendship | ErrorDown;

/** The text frame of a message. */
export function encodeDown(message: Down): string {
  return JSON.stringify(message);
}
