/** Which connections a user has, here and on the other servers: one of a device, and ten in all. */
import { CONNECTIONS_PER_USER_MAX } from "../../../src/protocol/limits.ts";
import type { Notice } from "./notice.ts";

/** A connection as far as these rules go. */
export interface Counted {
  readonly user: string;
  readonly device: string | undefined;
  /** When it was opened, ms. */
  readonly openedMs: number;
  /** When the client was last heard, ms. */
  readonly heardMs: number;
  /** Another connection takes its place. */
  replace(): void;
}

/** News of a user's connections on another server. */
export type ConnectionNews = Extract<Notice, { kind: "opened" | "open" }>;

export class Connections<C extends Counted> {
  readonly #origin: string;
  readonly #here = new Map<string, Set<C>>();
  /** By user and server: when each connection there was last heard, as told since the newest one was opened. */
  readonly #elsewhere = new Map<string, Map<string, readonly number[]>>();

  constructor(origin: string) {
    this.#origin = origin;
  }

  *[Symbol.iterator](): Generator<C> {
    for (const all of this.#here.values()) yield* all;
  }

  /** A connection is opened. The others hear of it by `heardOf`, once the user's channel is heard here. */
  add(connection: C): void {
    const { user, device } = connection;
    if (device !== undefined) this.#replace(user, device);
    const all = this.#here.get(user);
    if (all === undefined) this.#here.set(user, new Set([connection]));
    else all.add(connection);
    this.#elsewhere.delete(user);
    this.#enforce(user);
  }

  delete(connection: C): void {
    const all = this.#here.get(connection.user);
    all?.delete(connection);
    if (all?.size !== 0) return;
    this.#here.delete(connection.user);
    this.#elsewhere.delete(connection.user);
  }

  /** When each connection of the user here was last heard. */
  heardOf(user: string): number[] {
    return [...(this.#here.get(user) ?? [])].map((connection) => connection.heardMs);
  }

  /** What another server says of a user's connections there. @returns whether it has to be told of those here */
  learn(user: string, news: ConnectionNews): boolean {
    if (!this.#here.has(user)) return false;
    const isNewest = news.kind === "opened";
    if (isNewest && news.device !== undefined) this.#replace(user, news.device, news);
    let servers = this.#elsewhere.get(user);
    if (servers === undefined || isNewest) {
      servers = new Map();
      this.#elsewhere.set(user, servers);
    }
    servers.set(news.origin, news.heard);
    this.#enforce(user);
    return isNewest && this.#here.has(user);
  }

  /** @param by a connection on another server; it may be the older one, of which this server hears only now */
  #replace(user: string, device: string, by?: { atMs: number; origin: string }): void {
    for (const one of this.#here.get(user) ?? []) {
      const isNewer =
        by !== undefined && (one.openedMs > by.atMs || (one.openedMs === by.atMs && this.#origin > by.origin));
      if (one.device === device && !isNewer) this.#end(one);
    }
  }

  /** All servers come to the same answer, each by the same list. */
  #enforce(user: string): void {
    const here = [...(this.#here.get(user) ?? [])].map((connection) => ({
      heardMs: connection.heardMs,
      server: this.#origin,
      connection,
    }));
    const elsewhere = [...(this.#elsewhere.get(user) ?? [])].flatMap(([server, heard]) =>
      heard.map((heardMs) => ({ heardMs, server, connection: undefined })),
    );
    const all = [...here, ...elsewhere];
    const silent = all.toSorted((a, b) => a.heardMs - b.heardMs || (a.server < b.server ? -1 : 1));
    for (const { connection } of silent.slice(0, Math.max(0, all.length - CONNECTIONS_PER_USER_MAX))) {
      if (connection !== undefined) this.#end(connection);
    }
  }

  #end(connection: C): void {
    this.delete(connection);
    connection.replace();
  }
}
