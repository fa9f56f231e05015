/** The Redis servers as one: a user's channel and last position are on the server that the ring names. */
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@redis/client";
import { Ring } from "./ring.ts";

/** A Redis that is gone for longer takes the users on it along: their updates fail, and they come back with it. */
const RECONNECT_MS = 100;

/**
 * For so long after a server has changed over to a new ring it still hears the old channels: others learn of the ring a moment
 * later, and publish where it was until then.
 */
const HANDOVER_MS = 1_000;

const CHANNEL_PREFIX = "user:";
const CACHE_PREFIX = "loc:";

export interface BusOptions {
  /** What was said on a user's channel. */
  onMessage: (user: string, text: string) => void;
  /** What the cache has of users whose channel was heard at another server until a moment ago. */
  onHandedOver: (found: readonly [user: string, text: string][]) => void;
  onError: (error: Error) => void;
  /** How long the cache keeps a position, ms. */
  keepMs: number;
}

interface Server {
  /** Commands; those of one turn of the event loop leave together, and none waits for the answer to another. */
  readonly commands: Redis;
  /** A connection that subscribes can do nothing else. */
  readonly listener: Redis;
}

type Redis = ReturnType<typeof createRedis>;

export class Bus {
  readonly #options: BusOptions;
  readonly #servers = new Map<string, Server>();
  /** Users whose channels are heard. */
  readonly #heard = new Set<string>();
  #ring: Ring;
  /** Where users were before the last change: channels are heard there, too. */
  #leaving: Ring | null = null;
  /** The same for as long as the cache may still have a position there. */
  #earlier: Ring | null = null;
  #earlierTimer: NodeJS.Timeout | undefined;
  /** Rings come one after the other. */
  #changing: Promise<void> = Promise.resolve();
  #closed = false;
  readonly #owners = new Map<string, string>();

  private constructor(ring: Ring, options: BusOptions) {
    this.#ring = ring;
    this.#options = options;
  }

  static async open(servers: readonly string[], options: BusOptions): Promise<Bus> {
    const bus = new Bus(new Ring(servers), options);
    try {
      await Promise.all(servers.map((url) => bus.#connect(url)));
    } catch (error) {
      bus.close();
      throw error;
    }
    return bus;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#earlierTimer);
    for (const url of this.#servers.keys()) this.#disconnect(url);
  }

  publish(user: string, text: string): void {
    this.#serverOf(user).commands.publish(channelOf(user), text).catch(this.#fail);
  }

  /** Resolves when the server has passed it on. */
  async publishNow(user: string, text: string): Promise<void> {
    await this.#serverOf(user).commands.publish(channelOf(user), text);
  }

  /** Keeps a position in the cache until the user would be inactive. */
  remember(user: string, text: string): void {
    this.rememberNow(user, text).catch(this.#fail);
  }

  /** Resolves when it is kept. */
  async rememberNow(user: string, text: string): Promise<void> {
    const expiration = { type: "PX", value: this.#options.keepMs } as const;
    await this.#serverOf(user).commands.set(CACHE_PREFIX + user, text, { expiration });
  }

  /** What the cache has of these users: one MGET for each server that has some of them. */
  async recall(users: readonly string[]): Promise<[user: string, text: string][]> {
    const rings = this.#earlier === null ? [this.#ring] : [this.#earlier, this.#ring];
    const found = await Promise.all(
      rings
        .flatMap((ring) => [...groupBy(users, (user) => ring.ownerOf(user))])
        .map(async ([url, group]): Promise<[string, string][]> => {
          const texts = await this.#at(url).commands.mGet(group.map((user) => CACHE_PREFIX + user));
          return group.flatMap((user, at): [string, string][] => {
            const text = texts[at];
            return typeof text === "string" ? [[user, text]] : [];
          });
        }),
    );
    return found.flat();
  }

  /** Resolves when all of them are heard. */
  async subscribe(users: readonly string[]): Promise<void> {
    for (const user of users) this.#heard.add(user);
    const rings = this.#leaving === null ? [this.#ring] : [this.#leaving, this.#ring];
    await Promise.all(rings.map((ring) => this.#subscribeOn(ring, users)));
  }

  unsubscribe(users: readonly string[]): void {
    for (const user of users) {
      this.#heard.delete(user);
      this.#owners.delete(user);
    }
    const rings = this.#leaving === null ? [this.#ring] : [this.#leaving, this.#ring];
    for (const ring of rings) this.#unsubscribeOn(ring, users).catch(this.#fail);
  }

  /** Changes over to another list of servers; after the changes that are under way. */
  useServers(servers: readonly string[]): Promise<void> {
    this.#changing = this.#changing.then(() => this.#changeTo(new Ring(servers))).catch(this.#fail);
    return this.#changing;
  }

  async #changeTo(next: Ring): Promise<void> {
    const before = this.#ring;
    await Promise.all(next.servers.filter((url) => !this.#servers.has(url)).map((url) => this.#connect(url)));
    // From here on whoever is entered is heard in both places.
    this.#leaving = next;
    const moved = () => [...this.#heard].filter((user) => before.ownerOf(user) !== next.ownerOf(user));
    await this.#subscribeOn(next, moved());
    this.#leaving = before;
    this.#ring = next;
    this.#owners.clear();
    this.#rememberEarlier(before);
    await sleep(HANDOVER_MS);
    if (this.#closed) return;
    // Who published on the new one before this server heard it said it to the cache as well.
    this.#options.onHandedOver(await this.recall(moved()));
    this.#leaving = null;
    await this.#unsubscribeOn(before, moved());
  }

  /** Reads of the cache look there, too, until all that was written there has ended by itself. */
  #rememberEarlier(ring: Ring): void {
    clearTimeout(this.#earlierTimer);
    this.#earlier = ring;
    this.#earlierTimer = setTimeout(
      () => {
        this.#earlier = null;
        for (const url of this.#servers.keys()) if (!this.#ring.servers.includes(url)) this.#disconnect(url);
      },
      Math.max(this.#options.keepMs, 2 * HANDOVER_MS),
    );
    this.#earlierTimer.unref();
  }

  async #subscribeOn(ring: Ring, users: readonly string[]): Promise<void> {
    const groups = [...groupBy(users, (user) => ring.ownerOf(user))];
    await Promise.all(
      groups.map(async ([url, group]) => this.#at(url).listener.subscribe(group.map(channelOf), this.#hear)),
    );
  }

  async #unsubscribeOn(ring: Ring, users: readonly string[]): Promise<void> {
    const groups = [...groupBy(users, (user) => ring.ownerOf(user))];
    await Promise.all(
      groups.map(async ([url, group]) => this.#at(url).listener.unsubscribe(group.map(channelOf), this.#hear)),
    );
  }

  readonly #hear = (text: string, channel: string): void => {
    this.#options.onMessage(channel.slice(CHANNEL_PREFIX.length), text);
  };

  readonly #fail = (error: unknown): void => {
    if (!this.#closed) this.#options.onError(error instanceof Error ? error : new Error(String(error)));
  };

  #serverOf(user: string): Server {
    let url = this.#owners.get(user);
    if (url === undefined) {
      url = this.#ring.ownerOf(user);
      // A digest for each position would be a good part of what it costs; forgotten with the subscription.
      if (this.#heard.has(user)) this.#owners.set(user, url);
    }
    return this.#at(url);
  }

  #at(url: string): Server {
    const server = this.#servers.get(url);
    if (server === undefined) throw new Error(`not connected to ${url}`);
    return server;
  }

  async #connect(url: string): Promise<void> {
    const server: Server = { commands: createRedis(url), listener: createRedis(url) };
    for (const client of [server.commands, server.listener]) client.on("error", this.#fail);
    this.#servers.set(url, server);
    await Promise.all([server.commands.connect(), server.listener.connect()]);
  }

  #disconnect(url: string): void {
    const server = this.#servers.get(url);
    this.#servers.delete(url);
    for (const client of [server?.commands, server?.listener]) if (client?.isOpen === true) client.destroy();
  }
}

function channelOf(user: string): string {
  return CHANNEL_PREFIX + user;
}

function createRedis(url: string) {
  return createClient({ url, socket: { reconnectStrategy: RECONNECT_MS } });
}

function groupBy(users: readonly string[], keyOf: (user: string) => string): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const user of users) {
    const key = keyOf(user);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [user]);
    else group.push(user);
  }
  return groups;
}
