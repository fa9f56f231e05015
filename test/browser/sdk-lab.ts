/** What the SDK's contract needs of the world around it; the same in Node and in a page. */
import {
  createNearbyClient,
  type Friend,
  type NearbyClient,
  type NearbyClientOptions,
  type NearbyEvents,
  type Status,
} from "../../src/client/index.ts";

export type Fault =
  | { readonly kind: "none" }
  /** Every open connection ends. */
  | { readonly kind: "cut" }
  /** And no new one is taken. */
  | { readonly kind: "refuse" }
  /** Nothing moves, and nobody is told. */
  | { readonly kind: "stall" }
  /** Upgrades are answered 403. */
  | { readonly kind: "noUpgrade" }
  /** Upgrades are not answered. */
  | { readonly kind: "swallowUpgrade" }
  | { readonly kind: "delay"; readonly ms: number };

export interface LabOptions {
  /** The server with default settings, without a slash at the end. */
  readonly url: string;
  /** One whose `INACTIVE_AFTER_S` can be waited for. */
  readonly hastyUrl: string;
  /** The first server, through a network that fails as it is told. */
  readonly faultyUrl: string;
  signToken(user: string, expiresInS: number): Promise<string>;
  setFault(fault: Fault): Promise<void>;
}

/** Enough for a call to a friend that times out (2 s) and for a few waits between attempts, on a busy machine. */
const WAIT_MS = 15_000;
const LOOK_EVERY_MS = 20;
const HOUR_S = 3600;

/** How much faster the client's time passes where a test waits for its long deadlines. */
export const HURRY = 20;

export interface Place {
  readonly lat: number;
  readonly lng: number;
}

export const HOME: Place = { lat: 37.7749, lng: -122.4194 };

/** `HOME`, moved to the north: a degree is 111,195 m on the mean sphere. */
export function north(metres: number): Place {
  return { lat: HOME.lat + metres / 111_195, lng: HOME.lng };
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

export function must(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`expected: ${what}`);
}

export function mustEqual(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: expected ${b}, got ${a}`);
}

interface Log {
  readonly statuses: Status[];
  readonly gone: string[];
  readonly friendships: string[];
  readonly errors: string[];
  /** Ids of each `nearby`. */
  readonly nearby: string[][];
  /** `ID new` or `ID moved`. */
  readonly friends: string[];
  readonly saved: NearbyEvents["saved"][];
}

/** A client and what it has said. */
export class Device {
  readonly client: NearbyClient;
  readonly log: Log = { statuses: [], gone: [], friendships: [], errors: [], nearby: [], friends: [], saved: [] };

  constructor(client: NearbyClient) {
    this.client = client;
    client.on("status", (status) => this.log.statuses.push(status));
    client.on("gone", ({ id, reason }) => this.log.gone.push(`${id} ${reason}`));
    client.on("friendship", ({ id, state }) => this.log.friendships.push(`${id} ${state}`));
    client.on("error", ({ code }) => this.log.errors.push(code));
    client.on("nearby", ({ friends }) => this.log.nearby.push(friends.map(({ id }) => id)));
    client.on("friend", ({ friend, isNew }) => this.log.friends.push(`${friend.id} ${isNew ? "new" : "moved"}`));
    client.on("saved", (saved) => this.log.saved.push(saved));
    for (const type of ["nearby", "friend", "gone", "change"] as const) client.on(type, () => this.#checkSnapshot());
  }

  get state(): Status["state"] {
    return this.client.status.state;
  }

  sees(person: Person): Friend | undefined {
    return this.client.friends.find(({ id }) => id === person.id);
  }

  async until(isDone: () => boolean, what: string): Promise<void> {
    const endMs = Date.now() + WAIT_MS;
    while (!isDone()) {
      if (Date.now() > endMs)
        throw new Error(`no ${what} in time; ${JSON.stringify(this.client.status)} ${this.#text()}`);
      await sleep(LOOK_EVERY_MS);
    }
  }

  untilState(state: Status["state"]): Promise<void> {
    return this.until(() => this.state === state, `state ${state}`);
  }

  /** Always: nearest first, each once. */
  #checkSnapshot(): void {
    const { friends } = this.client;
    const isSorted = friends.every(({ distance }, at) => at === 0 || distance >= (friends[at - 1]?.distance ?? 0));
    const isDistinct = new Set(friends.map(({ id }) => id)).size === friends.length;
    if (!isSorted || !isDistinct) this.log.errors.push(`inconsistent: ${JSON.stringify(friends)}`);
  }

  #text(): string {
    return JSON.stringify({ ...this.log, friends: this.client.friends });
  }
}

/** One person of a test, with an id that no other test has. */
export class Person {
  readonly id: string;
  readonly #lab: Lab;

  constructor(lab: Lab, id: string) {
    this.#lab = lab;
    this.id = id;
  }

  token(expiresInS = HOUR_S): Promise<string> {
    return this.#lab.options.signToken(this.id, expiresInS);
  }

  /** An HTTP request past all faults. @returns the JSON of the answer */
  async api(method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(this.#lab.baseUrl + path, {
      method,
      headers: { authorization: `Bearer ${await this.token()}`, "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  async befriend(other: Person): Promise<void> {
    await this.api("PUT", `/v1/friends/${other.id}`);
    await other.api("PUT", `/v1/friends/${this.id}`);
  }

  /** Times of the points in the history, oldest first. */
  async history(): Promise<number[]> {
    const { points } = (await this.api("GET", "/v1/history")) as { points: { ts: number }[] };
    return points.map(({ ts }) => ts);
  }

  device(options: Partial<NearbyClientOptions> = {}): Device {
    const client = createNearbyClient({ url: this.#lab.baseUrl, token: () => this.token(), ...options });
    return this.#lab.keep(new Device(client));
  }

  /** Online, active at a place. */
  async appear(place: Place, options: Partial<NearbyClientOptions> = {}): Promise<Device> {
    const device = this.device(options);
    device.client.send(place);
    await device.until(() => device.log.nearby.length > 0, "nearby");
    return device;
  }
}

/** One test: its people, and an end that leaves nothing behind. */
export class Lab {
  readonly options: LabOptions;
  readonly baseUrl: string;
  readonly #run = Math.random().toString(36).slice(2, 10);
  readonly #devices: Device[] = [];

  constructor(options: LabOptions, isHasty = false) {
    this.options = options;
    this.baseUrl = isHasty ? options.hastyUrl : options.url;
  }

  person(label: string): Person {
    return new Person(this, `${label}.${this.#run}`);
  }

  /** Ana and Ben, who are friends. */
  async friends(): Promise<[Person, Person]> {
    const pair: [Person, Person] = [this.person("ana"), this.person("ben")];
    await pair[0].befriend(pair[1]);
    return pair;
  }

  keep(device: Device): Device {
    this.#devices.push(device);
    return device;
  }

  fault(kind: Exclude<Fault["kind"], "delay">): Promise<void> {
    return this.options.setFault({ kind });
  }

  /** Options of a client behind the network that fails. */
  get faulty(): Partial<NearbyClientOptions> {
    return { url: this.options.faultyUrl, random: () => 0.1 };
  }

  /** And whose long deadlines come sooner. Its clock runs away: positions need a `ts`. */
  get hurried(): Partial<NearbyClientOptions> {
    const startMs = Date.now();
    return {
      ...this.faulty,
      clock: () => startMs + (Date.now() - startMs) * HURRY,
      timers: (delayMs, run) => {
        const timer = setTimeout(run, delayMs / HURRY);
        return () => clearTimeout(timer);
      },
    };
  }

  async end(): Promise<void> {
    await this.fault("none");
    for (const { client } of this.#devices) client.close();
    for (const { log } of this.#devices) {
      const inconsistent = log.errors.filter((error) => error.startsWith("inconsistent"));
      mustEqual(inconsistent, [], "snapshots that are not sorted, or have somebody twice");
    }
  }
}
