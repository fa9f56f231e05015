/** One server process of the classic design, without what starts it: HTTP, sockets, and the users behind them. */
import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { bearerToken } from "../../../src/auth/credentials.ts";
import { type Caller, verifyToken } from "../../../src/auth/token.ts";
import { encodeDown, type Welcome } from "../../../src/protocol/down.ts";
import { FRAME_MAX_BYTES, IMPORT_MAX_BYTES, PROTOCOL_VERSION, SUBPROTOCOL } from "../../../src/protocol/limits.ts";
import type { Fix } from "../../../src/protocol/fix.ts";
import type { Up } from "../../../src/protocol/up.ts";
import type { Settings } from "../../../src/settings.ts";
import { Api } from "./api.ts";
import { Bus } from "./bus.ts";
import { Connection, type Decode, decodeNow } from "./connection.ts";
import { type ConnectionNews, Connections } from "./connections.ts";
import { callerOf, checkHandshake, unauthorized } from "./handshake.ts";
import { newestLive } from "./live.ts";
import { json, problem, type Reply } from "./reply.ts";
import type { Session } from "./session.ts";
import { Sessions } from "./sessions.ts";
import { type LinkRow, Store } from "./store.ts";

/** Connections that wait to be accepted; a crowd that comes back at once must not be turned away by the kernel. */
const BACKLOG = 4_096;

export interface PeerOptions {
  /** Names this process on the channels. */
  origin: string;
  settings: Settings;
  databaseFile: string;
  redisUrls: readonly string[];
  onError: (error: Error) => void;
  /** What reads frames; one for each connection. Default: the moment in which they come. */
  decoder?: () => Decode;
  /** Reads the friends of a user. Default: from the database, at once. */
  linksOf?: (user: string) => Promise<LinkRow[]>;
  /** Each connection is one function that waits for each of its steps. */
  isStepwise?: boolean;
}

interface Parts {
  readonly store: Store;
  readonly sessions: Sessions;
  readonly bus: Bus;
}

export class Peer {
  readonly http: Server;
  readonly #settings: Settings;
  readonly #store: Store;
  readonly #sessions: Sessions;
  readonly #bus: Bus;
  readonly #api: Api;
  readonly #sockets: WebSocketServer;
  readonly #connections: Connections<Connection>;
  readonly #onError: (error: Error) => void;
  readonly #decoder: () => Decode;
  readonly #isStepwise: boolean;

  private constructor(options: PeerOptions, parts: Parts) {
    const { origin, settings, onError, decoder = () => decodeNow, isStepwise = false } = options;
    this.#decoder = decoder;
    this.#isStepwise = isStepwise;
    this.#settings = settings;
    this.#onError = onError;
    this.#connections = new Connections(origin);
    this.#store = parts.store;
    this.#sessions = parts.sessions;
    this.#bus = parts.bus;
    this.#api = new Api(this.#store, this.#sessions, settings.inactiveAfterMs);
    this.#sockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: FRAME_MAX_BYTES,
      // Frames of 150 bytes: compressing costs more than it saves, and the other server does not do it, either.
      perMessageDeflate: false,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
    this.http = createServer((request, response) => void this.#serve(request, response));
    this.http.on("upgrade", (request, socket, head) => void this.#upgrade(request, socket, head));
  }

  static async open(options: PeerOptions): Promise<Peer> {
    const { origin, settings, databaseFile, redisUrls, onError } = options;
    const store = new Store(databaseFile);
    const peer: { current?: Peer } = {};
    const sessions = new Sessions({
      origin,
      store,
      settings,
      linksOf: options.linksOf ?? ((user) => store.links(user)),
      onConnections: (user, news) => {
        if (peer.current !== undefined) peer.current.#onConnections(user, news);
      },
    });
    const bus = await Bus.open(redisUrls, {
      onMessage: (user, text) => sessions.hear(user, text),
      onHandedOver: (found) => sessions.catchUp(found),
      onError,
      keepMs: settings.inactiveAfterMs,
    });
    sessions.connect(bus);
    peer.current = new Peer(options, { store, sessions, bus });
    return peer.current;
  }

  listen(port: number, host: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.http.once("error", reject);
    this.http.listen({ port, host, backlog: BACKLOG }, resolve);
    return promise;
  }

  useServers(redisUrls: readonly string[]): Promise<void> {
    return this.#bus.useServers(redisUrls);
  }

  close(): void {
    for (const connection of this.#connections) connection.close("restart");
    this.http.close();
    this.http.closeIdleConnections();
    this.#sessions.close();
    this.#bus.close();
    this.#store.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let reply: Reply;
    try {
      reply = await this.#answer(request);
    } catch (error) {
      this.#onError(error instanceof Error ? error : new Error(String(error)));
      reply = problem(500, "internal", "The server failed; send again later.");
    }
    response.writeHead(reply.status, reply.headers).end(reply.body);
  }

  async #answer(request: IncomingMessage): Promise<Reply> {
    const url = urlOf(request);
    if (url.pathname === "/healthz") return json({ ok: true });
    if (url.pathname === "/v1/connect") {
      const reply = problem(426, "upgrade_required", "Connect with a WebSocket.");
      return { ...reply, headers: { ...reply.headers, upgrade: "websocket" } };
    }
    const body = await readBody(request);
    if (body === null) return problem(413, "too_large", `A body may have at most ${IMPORT_MAX_BYTES} bytes.`);
    const caller = await callerOf(bearerToken(headersOf(request)), this.#settings);
    if (caller === null) return unauthorized();
    return this.#api.answer({ method: request.method ?? "GET", url, caller, body });
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // Between two handlers nobody listens; a client that is cut off then would end the process.
    socket.on("error", ignore);
    const url = urlOf(request);
    const checked =
      url.pathname === "/v1/connect"
        ? await checkHandshake(url, headersOf(request), this.#settings)
        : { ok: false as const, reply: problem(404, "not_found", "There is no such resource here.") };
    if (!checked.ok) {
      writeReply(socket, checked.reply);
      return;
    }
    const { caller, device } = checked;
    this.#sockets.handleUpgrade(request, socket, head, (opened) => {
      socket.off("error", ignore);
      void this.#open(opened, caller, device);
    });
  }

  async #open(socket: WebSocket, caller: Caller, device: string | undefined): Promise<void> {
    let session: Session | undefined;
    const { user } = caller;
    const connection = new Connection({
      socket,
      caller,
      device,
      decode: this.#decoder(),
      onClose: () => {
        this.#connections.delete(connection);
        session?.screens.delete(connection);
        if (session !== undefined) this.#sessions.leave(user);
        session = undefined;
      },
    });
    this.#connections.add(connection);
    const loaded = Promise.withResolvers<void>();
    if (this.#isStepwise) {
      const converse = connection.converse(async (message) => {
        await loaded.promise;
        if (session !== undefined) await this.#receiveInSteps(connection, session, message);
      });
      // What is wrong with the socket ends it, and `onClose` follows.
      converse.catch(ignore);
    } else {
      connection.listen((message) => session && this.#receive(connection, session, message));
    }
    connection.send(this.#welcome(user));
    try {
      const entered = await this.#sessions.enter(user);
      if (socket.readyState !== socket.OPEN) {
        this.#sessions.leave(user);
        return;
      }
      session = entered;
      session.open(connection, Date.now());
      connection.ready();
      loaded.resolve();
      const heard = this.#connections.heardOf(user);
      const named = device === undefined ? undefined : { device };
      await this.#sessions.tell(user, { kind: "opened", atMs: connection.openedMs, heard, ...named });
    } catch (error) {
      this.#onError(error instanceof Error ? error : new Error(String(error)));
      connection.fail();
    }
  }

  #receive(connection: Connection, session: Session, message: Up): void {
    const fix = this.#fixOf(message);
    if (fix === undefined) this.#receiveOther(connection, session, message);
    else if (this.#sessions.report(session, fix) === "too_fast") connection.refuse("too_fast", message.ref);
  }

  async #receiveInSteps(connection: Connection, session: Session, message: Up): Promise<void> {
    const fix = this.#fixOf(message);
    if (fix === undefined) this.#receiveOther(connection, session, message);
    else if ((await this.#sessions.reportInSteps(session, fix)) === "too_fast")
      connection.refuse("too_fast", message.ref);
  }

  /** The live position of a message. */
  #fixOf(message: Up): Fix | undefined {
    if (message.type === "location") return message;
    if (message.type !== "locations") return undefined;
    return newestLive(message.points, Date.now(), this.#settings.inactiveAfterMs);
  }

  #receiveOther(connection: Connection, session: Session, message: Up): void {
    switch (message.type) {
      case "location":
      case "locations":
        // Too old to be live: for the history, which is not compared.
        break;
      case "subscribe":
      case "unsubscribe":
        this.#setMuted(connection, session, message);
        break;
      case "discover":
        // Strangers are no part of what is compared.
        if (message.on) connection.refuse("not_discoverable", message.ref);
        break;
      case "token":
        void this.#renew(connection, message.token, message.ref);
        break;
    }
  }

  #setMuted(connection: Connection, session: Session, { type, friend, ref }: Extract<Up, { friend: string }>): void {
    const link = session.links.get(friend);
    if (link === undefined) {
      connection.refuse("not_friends", ref);
      return;
    }
    const { id } = session.me;
    this.#store.patchFriend(id, friend, { muted: type === "unsubscribe" });
    const asker = { screen: connection, ref };
    if (type === "subscribe") session.subscribed(link, asker, Date.now());
    else session.unsubscribed(link, asker);
    this.#sessions.tell(id, { kind: "edge", friend }).catch(this.#onError);
  }

  async #renew(connection: Connection, token: string, ref: number | undefined): Promise<void> {
    const verdict = await verifyToken(token, this.#settings.auth, Date.now());
    const isGood = verdict.ok && verdict.caller.user === connection.user && connection.extend(verdict.caller.expMs);
    if (isGood) return;
    connection.refuse("bad_token", ref);
    connection.close("tokenExpired");
  }

  #welcome(user: string): string {
    const { radiusM, inactiveAfterMs, updateEveryS } = this.#settings;
    const welcome: Welcome = {
      type: "welcome",
      user,
      radiusM,
      inactiveAfterS: inactiveAfterMs / 1000,
      updateEveryS,
      now: Date.now(),
      protocol: PROTOCOL_VERSION,
    };
    return encodeDown(welcome);
  }

  /** The other servers have to know, or a user has ten connections on each of them. */
  #onConnections(user: string, news: ConnectionNews): void {
    if (!this.#connections.learn(user, news)) return;
    this.#sessions.tell(user, { kind: "open", heard: this.#connections.heardOf(user) }).catch(this.#onError);
  }
}

function ignore(): void {}

function urlOf(request: IncomingMessage): URL {
  return new URL(request.url ?? "/", "http://peer.invalid");
}

function headersOf({ headers }: IncomingMessage): Headers {
  const all = new Headers();
  for (const name of ["authorization", "sec-websocket-protocol", "origin"]) {
    const value = headers[name];
    if (typeof value === "string") all.set(name, value);
  }
  return all;
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    bytes += chunk.length;
    // Read to its end all the same: a client that is still sending would not hear the answer.
    if (bytes <= IMPORT_MAX_BYTES) chunks.push(chunk);
  }
  return bytes > IMPORT_MAX_BYTES ? null : Buffer.concat(chunks).toString("utf8");
}

/** An answer on a socket that was to be upgraded. */
function writeReply(socket: Duplex, { status, headers, body }: Reply): void {
  const head = Object.entries({ ...headers, connection: "close", "content-length": String(Buffer.byteLength(body)) });
  const lines = head.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Error"}\r\n${lines}\r\n${body}`);
}
