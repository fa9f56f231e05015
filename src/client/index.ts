/**
 * The client of a nearby-friends server: connects, stays connected, and keeps the list of friends near the user.
 *
 * ```ts
 * import { createNearbyClient } from "nearby-friends/client";
 *
 * const client = createNearbyClient({ url: "https://nearby.example", token: () => fetchToken() });
 * client.on("nearby", ({ friends }) => show(friends));
 * client.send({ lat: 37.7694, lng: -122.4862 });
 * ```
 */
import type { NearbyClient, NearbyClientOptions } from "./api.ts";
import { Client } from "./client.ts";

export type { ClientError, NearbyClient, NearbyClientOptions, NearbyEvents, Status, Welcome } from "./api.ts";
export type { WatchNetwork } from "./environment.ts";
export type { Fetch } from "./polling.ts";
export type { Position } from "./position.ts";
export type { ClientSocket, OpenSocket, StartTimer } from "./socket.ts";
export type { Friend, Person } from "../protocol/down.ts";

/**
 * Connects, and keeps connecting until `close` or until the server says that this connection is unwanted (4409: the
 * same device connected again; 4410: the account was deleted).
 *
 * @throws TypeError when `url` is not an http(s) or ws(s) address
 */
export function createNearbyClient(options: NearbyClientOptions): NearbyClient {
  return new Client(options);
}
