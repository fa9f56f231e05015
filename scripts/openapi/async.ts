import * as v from "valibot";

import type { Down } from "../../src/protocol/down.ts";
import { CLOSE, CLOSE_REASON, ERROR_CODES } from "../../src/protocol/errors.ts";
import type { CloseKind } from "../../src/protocol/errors.ts";
import { FixSchema, LatSchema, LngSchema } from "../../src/protocol/fix.ts";
import { FriendSchema, UserIdSchema } from "../../src/protocol/friend.ts";
import { FRAME_MAX_BYTES, PING, POINTS_PER_FRAME_MAX, PONG } from "../../src/protocol/limits.ts";
import { DiscoverSchema } from "../../src/protocol/messages/discover.ts";
import { ErrorSchema } from "../../src/protocol/messages/error.ts";
import { FriendMovedSchema } from "../../src/protocol/messages/friend.ts";
import { FriendshipSchema } from "../../src/protocol/messages/friendship.ts";
import { GoneSchema } from "../../src/protocol/messages/gone.ts";
import { LocationSchema } from "../../src/protocol/messages/location.ts";
import { LocationsSchema } from "../../src/protocol/messages/locations.ts";
import { NearbySchema } from "../../src/protocol/messages/nearby.ts";
import { PeopleSchema } from "../../src/protocol/messages/people.ts";
import { SavedSchema } from "../../src/protocol/messages/saved.ts";
import { SubscribeSchema } from "../../src/protocol/messages/subscribe.ts";
import { TokenSchema } from "../../src/protocol/messages/token.ts";
import { UnsubscribeSchema } from "../../src/protocol/messages/unsubscribe.ts";
import { WelcomeSchema } from "../../src/protocol/messages/welcome.ts";
import { RefSchema } from "../../src/protocol/ref.ts";
import type { Up } from "../../src/protocol/up.ts";
import { PROTOCOL_VERSION } from "../../src/protocol/version.ts";
import { refTo, toComponents } from "./convert.ts";
import type { Json } from "./convert.ts";

interface Message {
  readonly schema: v.GenericSchema;
  readonly summary: string;
}

/** By `type`: a message of the protocol that is missing here does not compile. */
const UP: Readonly<Record<Up["type"], Message>> = {
  location: { schema: LocationSchema, summary: "A live position. It has no answer." },
  locations: { schema: LocationsSchema, summary: "Points kept while offline." },
  subscribe: { schema: SubscribeSchema, summary: "Receive this friend again." },
  unsubscribe: { schema: UnsubscribeSchema, summary: "Stop receiving this friend, until `subscribe`." },
  discover: {
    schema: DiscoverSchema,
    summary: "Opt in to or out of nearby people who are not friends, for this connection.",
  },
  token: { schema: TokenSchema, summary: "A newer token of the same user: moves the end of the connection." },
};

const DOWN: Readonly<Record<Down["type"], Message>> = {
  welcome: { schema: WelcomeSchema, summary: "The first frame of a connection." },
  nearby: { schema: NearbySchema, summary: "The whole set of nearby friends; replaces whatever the client had." },
  friend: { schema: FriendMovedSchema, summary: "One nearby friend, new or moved." },
  gone: { schema: GoneSchema, summary: "A friend is no longer shown." },
  saved: {
    schema: SavedSchema,
    summary: "The first `count` points of this connection are stored; the client forgets them.",
  },
  people: {
    schema: PeopleSchema,
    summary: "Nearby people who are not friends, under pseudonyms and at blurred places; replaces the last list.",
  },
  friendship: { schema: FriendshipSchema, summary: "The friend list changed." },
  error: { schema: ErrorSchema, summary: "A frame was refused, or the server failed." },
};

/** What viewers of a share get; no client of the other channel ever does. */
const SHARE: Message = {
  schema: v.object({
    type: v.literal("share"),
    lat: LatSchema,
    lng: LngSchema,
    ts: v.number(),
    name: v.exactOptional(v.string()),
    endsAt: v.number(),
  }),
  summary: "Where the user who shares is.",
};

const KEEP_ALIVE: Readonly<Record<string, Json>> = {
  ping: { name: PING, contentType: "text/plain", summary: "Keeps the connection.", payload: { const: PING } },
  pong: { name: PONG, contentType: "text/plain", summary: "The answer to `ping`.", payload: { const: PONG } },
};

/** Whether to connect again after each close. */
const RECONNECT = {
  binary: "after a fix",
  policy: "after a fix",
  tooBig: "after a fix",
  restart: "after a random delay",
  tokenExpired: "with a new token",
  replaced: "no",
  deleted: "no",
  disconnected: "yes",
  shareEnded: "no",
} as const satisfies Readonly<Record<CloseKind, string>>;

/** Closes that a viewer of a share sees. */
const SHARE_CLOSES: ReadonlySet<CloseKind> = new Set(["shareEnded", "restart"]);

const DESCRIPTION = `
The WebSocket of the service. The rules, each with its test, are in \`src/protocol/SPEC.md\`; this is their shapes.

Text frames of at most ${FRAME_MAX_BYTES} bytes, one JSON object each. Both sides ignore unknown fields, clients ignore unknown
types. Degrees are WGS 84, lengths metres, \`speed\` m/s, \`heading\` degrees clockwise from north, and every point in time is in
milliseconds since the Unix epoch unless its name says otherwise.
`.trim();

/** The AsyncAPI document of the WebSockets, as the server sees them: it receives what goes up and sends what goes down. */
export function asyncApiDocument(): Json {
  return {
    asyncapi: "3.0.0",
    info: {
      title: "nearby-friends",
      version: String(PROTOCOL_VERSION),
      license: { name: "MIT" },
      description: DESCRIPTION,
    },
    defaultContentType: "application/json",
    channels: { connect: connectChannel(), share: shareChannel() },
    operations: {
      receive: operation("receive", "connect", [...Object.keys(UP), "ping"]),
      send: operation("send", "connect", [...Object.keys(DOWN), "pong"]),
      show: operation("send", "share", ["share"]),
    },
    components: { messages: messages(), schemas: schemas(), securitySchemes: { bearer: BEARER } },
  };
}

const BEARER: Json = {
  type: "http",
  scheme: "bearer",
  bearerFormat: "JWT",
  description: "In the header `Authorization`, or as the offered subprotocol `bearer.<JWT>` beside `nearby.v1`.",
};

/** Upwards and downwards nothing has the same type. */
const MESSAGES: Readonly<Record<string, Message>> = { ...UP, ...DOWN, share: SHARE };

function messages(): Json {
  const own = Object.entries(MESSAGES).map(([type, { summary }]) => [
    type,
    { name: type, summary, payload: refTo(payloadName(type)) },
  ]);
  return { ...Object.fromEntries(own), ...KEEP_ALIVE };
}

function payloadName(type: string): string {
  return `${type.slice(0, 1).toUpperCase()}${type.slice(1)}Message`;
}

function schemas(): Json {
  const payloads = Object.entries(MESSAGES).map(([type, { schema }]) => [payloadName(type), schema] as const);
  const parts = { UserId: UserIdSchema, Ref: RefSchema, Friend: FriendSchema, Point: FixSchema };
  return toComponents(
    { ...parts, ...Object.fromEntries(payloads) },
    {
      more: {
        Ref: { description: "Chosen by the client; the answer or error that its message causes repeats it." },
        "Friend.ts": { description: "When the friend was there. Never in the future." },
        "Friend.distance": { description: "Metres from the viewer's latest position." },
        "Friend.name": { description: "In `nearby` and when new or changed; absent means as before." },
        "Friend.avatar": { description: "An https URL; like `name`." },
        "LocationsMessage.points": {
          type: "array",
          minItems: 1,
          maxItems: POINTS_PER_FRAME_MAX,
          items: refTo("Point"),
        },
        "SavedMessage.count": { description: "Points of this connection, in the order sent." },
        "SavedMessage.through": { description: "The largest `ts` among them, for display." },
        "WelcomeMessage.now": { description: "The server's clock." },
        "ErrorMessage.index": { description: "Index of the bad point of `locations`." },
        "ShareMessage.endsAt": { description: "When the share ends." },
      },
    },
  );
}

function connectChannel(): Json {
  return {
    address: "/v1/connect",
    title: "A user's devices",
    messages: refs([...Object.keys(UP), ...Object.keys(DOWN), ...Object.keys(KEEP_ALIVE)]),
    bindings: {
      ws: {
        method: "GET",
        query: {
          type: "object",
          properties: {
            device: { ...refTo("UserId"), description: "The newer connection of a device closes the older." },
          },
        },
        bindingVersion: "0.1.0",
      },
    },
    "x-close-codes": closeCodes((kind) => kind !== "shareEnded"),
    "x-error-codes": ERROR_CODES,
  };
}

function shareChannel(): Json {
  return {
    address: "/s/{code}/connect",
    title: "Viewers of a share",
    description: "No token: who has the code may look. Nothing is sent up.",
    parameters: { code: { description: "Of the link." } },
    messages: refs(["share"]),
    bindings: { ws: { method: "GET", bindingVersion: "0.1.0" } },
    "x-close-codes": closeCodes((kind) => SHARE_CLOSES.has(kind)),
  };
}

function refs(types: readonly string[]): Json {
  return Object.fromEntries(types.map((type) => [type, { $ref: `#/components/messages/${type}` }]));
}

function operation(action: "send" | "receive", channel: string, types: readonly string[]): Json {
  return {
    action,
    channel: { $ref: `#/channels/${channel}` },
    messages: types.map((type) => ({ $ref: `#/channels/${channel}/messages/${type}` })),
    ...(channel === "connect" ? { security: [{ $ref: "#/components/securitySchemes/bearer" }] } : {}),
  };
}

function closeCodes(isOf: (kind: CloseKind) => boolean): readonly Json[] {
  return Object.keys(CLOSE)
    .filter(isCloseKind)
    .filter(isOf)
    .map((kind) => ({ code: CLOSE[kind], reason: CLOSE_REASON[kind], reconnect: RECONNECT[kind] }));
}

function isCloseKind(text: string): text is CloseKind {
  return text in CLOSE;
}
