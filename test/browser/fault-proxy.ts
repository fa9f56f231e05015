/** A network between client and server that fails as it is told. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Fault } from "./sdk-contract.ts";

const UPGRADE = /\r\nupgrade: *websocket\r\n/i;

const FORBIDDEN = "HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

interface Link {
  readonly client: Socket;
  readonly server: Socket;
}

export class FaultProxy {
  /** Without a slash at the end. */
  readonly url: string;
  /** How often each fault has met a connection: one that never happens tests nothing. */
  readonly happened = new Map<string, number>();
  readonly #listener: Server;
  readonly #links = new Set<Link>();
  #fault: Fault = { kind: "none" };

  private constructor(listener: Server, url: string) {
    this.#listener = listener;
    this.url = url;
  }

  /** @param target address of the server, `http://host:port` */
  static async start(target: string): Promise<FaultProxy> {
    const { hostname, port } = new URL(target);
    const listener = createServer({ noDelay: true });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const address = listener.address();
    if (address === null || typeof address === "string") throw new Error("the proxy got no port");
    const proxy = new FaultProxy(listener, `http://127.0.0.1:${address.port}`);
    listener.on("connection", (client) => proxy.#accept(client, hostname, Number(port)));
    return proxy;
  }

  /** From now on; `cut` happens once and changes nothing else. */
  set(fault: Fault): void {
    if (fault.kind !== "cut") this.#fault = fault;
    for (const link of this.#links) {
      if (fault.kind === "cut" || fault.kind === "refuse") this.#destroy(link, fault.kind);
      else if (fault.kind === "stall") this.#pause(link);
      else for (const socket of [link.client, link.server]) socket.resume();
    }
  }

  async stop(): Promise<void> {
    for (const link of this.#links) this.#destroy(link, "stopped");
    this.#listener.close();
    await once(this.#listener, "close");
  }

  #accept(client: Socket, host: string, port: number): void {
    client.on("error", () => {});
    if (this.#fault.kind === "refuse") {
      this.#count("refuse");
      client.destroy();
      return;
    }
    const server = connect({ host, port, noDelay: true });
    server.on("error", () => {});
    const link = { client, server };
    this.#links.add(link);
    this.#forward(client, server, (chunk) => this.#admits(link, chunk));
    this.#forward(server, client, () => true);
    for (const socket of [client, server]) socket.once("close", () => this.#links.delete(link));
    if (this.#fault.kind === "stall") this.#pause(link);
  }

  /** In order, also where the delay changes. */
  #forward(from: Socket, to: Socket, admits: (chunk: Buffer) => boolean): void {
    let line = Promise.resolve();
    const inLine = (run: () => void): void => {
      const delayMs = this.#fault.kind === "delay" ? this.#fault.ms : 0;
      if (delayMs > 0) this.#count("delay");
      const delay = delayMs > 0 ? sleep(delayMs) : Promise.resolve();
      line = line.then(() => delay).then(run);
    };
    from.on("data", (chunk: Buffer) => {
      if (!admits(chunk)) return;
      inLine(() => {
        if (!to.destroyed) to.write(chunk);
      });
    });
    from.once("close", () => inLine(() => to.destroy()));
  }

  #admits({ client }: Link, chunk: Buffer): boolean {
    const { kind } = this.#fault;
    if ((kind !== "noUpgrade" && kind !== "swallowUpgrade") || !UPGRADE.test(chunk.toString("latin1"))) return true;
    this.#count(kind);
    if (kind === "noUpgrade") client.end(FORBIDDEN);
    return false;
  }

  #pause(link: Link): void {
    this.#count("stall");
    link.client.pause();
    link.server.pause();
  }

  #destroy({ client, server }: Link, why: string): void {
    this.#count(why);
    client.destroy();
    server.destroy();
  }

  #count(what: string): void {
    this.happened.set(what, (this.happened.get(what) ?? 0) + 1);
  }
}
