/**
 * The floor that the bench measures against: an object per user that keeps a socket and, on a message, calls each
 * friend, who sends to its own socket. No token, no decoding, no rules, no storage: what the platform itself costs.
 */
import { DurableObject } from "cloudflare:workers";

interface FloorEnv {
  USER: DurableObjectNamespace<UserObject>;
}

const LOCATION_START = '{"type":"location",';
/** What the real server adds to a position, so that the frames are of one length. */
const FRAME_END = ',"distance":1234.5,"precision":"exact"}}';

/** wrangler.toml binds them, and refuses an entry without them. */
export class CassandraObject extends DurableObject {}
export class CellObject extends DurableObject {}
export class MonitorObject extends DurableObject {}

export class UserObject extends DurableObject<FloorEnv> {
  #user = "";
  #friends: DurableObjectStub<UserObject>[] = [];

  constructor(ctx: DurableObjectState, env: FloorEnv) {
    super(ctx, env);
    const [socket] = ctx.getWebSockets();
    if (socket) this.#remember(String(socket.deserializeAttachment()));
  }

  override fetch(request: Request): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    const people = new URL(request.url).searchParams.get("people") ?? "";
    // The object is hibernated while the other server has its turn.
    server.serializeAttachment(people);
    this.#remember(people);
    return new Response(null, { status: 101, webSocket: client });
  }

  override async webSocketMessage(_socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    if (typeof message !== "string") return;
    const place = message.slice(LOCATION_START.length, -1);
    const frame = `{"type":"friend","friend":{"id":"${this.#user}",${place}${FRAME_END}`;
    await Promise.all(this.#friends.map((friend) => friend.deliver(frame)));
  }

  /** Called by a friend's object. */
  deliver(frame: string): void {
    for (const socket of this.ctx.getWebSockets()) socket.send(frame);
  }

  /** Called by `serve` before it ends. */
  drain(): void {
    for (const socket of this.ctx.getWebSockets()) socket.close(1012, "restart");
  }

  /** `people` is the user and then the friends, divided by commas. */
  #remember(people: string): void {
    const [user = "", ...friends] = people.split(",");
    this.#user = user;
    this.#friends = friends.map((friend) => this.env.USER.getByName(friend));
  }
}

export default {
  fetch(request: Request, env: FloorEnv): Promise<Response> | Response {
    const url = new URL(request.url);
    if (url.pathname === "/healthz") return new Response("ok");
    const [user = ""] = (url.searchParams.get("people") ?? "").split(",");
    return env.USER.getByName(user).fetch(request);
  },
} satisfies ExportedHandler<FloorEnv>;
