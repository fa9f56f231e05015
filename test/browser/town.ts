/** People of a test: accounts on a development server, made friends, and moved. */
import { createNearbyClient, type NearbyClient } from "../../src/client/index.ts";
import type { Place } from "../../src/geo/place.ts";

/** Where the visitors of the tests stand: Namsan, Seoul. */
export const HERE: Place = { lat: 37.5512, lng: 126.9882 };

const METRES_PER_DEGREE = 111_195;

/** The place so many metres east and north. */
export function away(eastM: number, northM: number, from: Place = HERE): Place {
  const perLng = METRES_PER_DEGREE * Math.cos((from.lat * Math.PI) / 180);
  return { lat: from.lat + northM / METRES_PER_DEGREE, lng: from.lng + eastM / perLng };
}

export class Person {
  readonly id: string;
  readonly token: string;
  readonly url: string;
  #client: NearbyClient | undefined;

  constructor(url: string, id: string, token: string) {
    this.url = url;
    this.id = id;
    this.token = token;
  }

  async api(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  /** Asks, or accepts. */
  async put(other: Person | string): Promise<void> {
    await this.api("PUT", `/v1/friends/${encodeURIComponent(typeof other === "string" ? other : other.id)}`);
  }

  /** Sends a live position, over a connection that stays open. */
  move(place: Place): void {
    this.#client ??= createNearbyClient({ url: this.url, token: () => Promise.resolve(this.token) });
    this.#client.send(place);
  }

  leave(): void {
    this.#client?.close();
    this.#client = undefined;
  }
}

export class Town {
  readonly url: string;
  readonly #people: Person[] = [];
  readonly #run = Math.random().toString(36).slice(2, 8);

  constructor(url: string) {
    this.url = url;
  }

  /** A person with an id that no other test has. */
  async person(name: string, profile?: object): Promise<Person> {
    const plain = name.toLowerCase().replace(/[^a-z0-9]+/g, "") || "x";
    const id = `${plain}.${this.#run}${this.#people.length}`;
    const response = await fetch(`${this.url}/dev/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user: id, name }),
    });
    if (!response.ok) throw new Error(`/dev/login: ${response.status} ${await response.text()}`);
    const { token } = (await response.json()) as { token: string };
    const person = new Person(this.url, id, token);
    this.#people.push(person);
    if (profile !== undefined) await person.api("PATCH", "/v1/me", profile);
    return person;
  }

  async befriend(a: Person, b: Person): Promise<void> {
    await a.put(b);
    await b.put(a);
  }

  end(): void {
    for (const person of this.#people) person.leave();
  }
}

/** The address that signs a person in; with a place they stand there. */
export function entry(person: Person, at?: Place): string {
  return `/#token=${person.token}${at === undefined ? "" : `&at=${at.lat},${at.lng}`}`;
}
