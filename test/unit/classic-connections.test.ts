import { describe, expect, test } from "vitest";
import { type Counted, Connections } from "../../scripts/bench/classic/connections.ts";
import { CONNECTIONS_PER_USER_MAX } from "../../src/protocol/limits.ts";

class Fake implements Counted {
  readonly user = "ana";
  readonly device: string | undefined;
  readonly heardMs: number;
  readonly openedMs: number;
  replaced = false;

  constructor(heardMs: number, device?: string) {
    this.heardMs = heardMs;
    this.openedMs = heardMs;
    this.device = device;
  }

  replace(): void {
    this.replaced = true;
  }
}

/** Servers that hear each other, in the order in which things are said. */
class Cluster {
  readonly all: Fake[] = [];
  readonly #servers: Map<string, Connections<Fake>>;

  constructor(names: readonly string[]) {
    this.#servers = new Map(names.map((name) => [name, new Connections<Fake>(name)]));
  }

  open(server: string, connection: Fake): void {
    const at = this.#at(server);
    this.all.push(connection);
    at.add(connection);
    const device = connection.device === undefined ? {} : { device: connection.device };
    const said = {
      kind: "opened",
      origin: server,
      atMs: connection.openedMs,
      heard: at.heardOf("ana"),
      ...device,
    } as const;
    const answering = [...this.#servers].filter(([name, other]) => name !== server && other.learn("ana", said));
    for (const [name, other] of answering) {
      const answer = { kind: "open", origin: name, heard: other.heardOf("ana") } as const;
      for (const [to, listener] of this.#servers) if (to !== name) listener.learn("ana", answer);
    }
  }

  replaced(): Fake[] {
    return this.all.filter((connection) => connection.replaced);
  }

  #at(name: string): Connections<Fake> {
    const server = this.#servers.get(name);
    if (server === undefined) throw new Error(`no server ${name}`);
    return server;
  }
}

test("a server that hears of an older connection of a device keeps its newer one", () => {
  const server = new Connections<Fake>("b");
  const [phone, twin] = [new Fake(20, "phone"), new Fake(20, "tablet")];
  for (const one of [phone, twin]) server.add(one);
  const opened = { kind: "opened", heard: [0] } as const;
  server.learn("ana", { ...opened, origin: "z", device: "phone", atMs: 19 });
  expect(phone.replaced).toBe(false);
  server.learn("ana", { ...opened, origin: "z", device: "phone", atMs: 21 });
  expect(phone.replaced).toBe(true);
  // In the same millisecond the names decide, on both servers alike.
  server.learn("ana", { ...opened, origin: "a", device: "tablet", atMs: 20 });
  expect(twin.replaced).toBe(false);
  server.learn("ana", { ...opened, origin: "c", device: "tablet", atMs: 20 });
  expect(twin.replaced).toBe(true);
});

describe.each([[["a"]], [["a", "b"]], [["a", "b", "c"]]])("connections on the servers %j", (names) => {
  function filled(count: number): Cluster {
    const cluster = new Cluster(names);
    for (let n = 0; n < count; n += 1) cluster.open(names[n % names.length] ?? "", new Fake(1_000 - n));
    return cluster;
  }

  test.each([CONNECTIONS_PER_USER_MAX - 1, CONNECTIONS_PER_USER_MAX])("%i live side by side", (count) => {
    expect(filled(count).replaced()).toEqual([]);
  });

  test.each([1, 2, 3])("%i more than ten end as many, the longest silent ones, wherever they are", (more) => {
    const cluster = filled(CONNECTIONS_PER_USER_MAX);
    const [before] = [[...cluster.all]];
    for (let n = 0; n < more; n += 1) cluster.open(names[0] ?? "", new Fake(5_000 + n));
    const silent = before.toSorted((a, b) => a.heardMs - b.heardMs).slice(0, more);
    expect(new Set(cluster.replaced())).toEqual(new Set(silent));
  });

  test("the same device ends its earlier connection only", () => {
    const cluster = new Cluster(names);
    const [phone, tablet, nameless] = [new Fake(1, "phone"), new Fake(2, "tablet"), new Fake(3)];
    for (const [n, one] of [phone, tablet, nameless].entries()) cluster.open(names[n % names.length] ?? "", one);
    cluster.open(names.at(-1) ?? "", new Fake(4, "phone"));
    expect(cluster.replaced()).toEqual([phone]);
  });
});
