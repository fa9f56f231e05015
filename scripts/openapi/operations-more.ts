import { HISTORY_PAGE_MAX } from "../../src/history/page.ts";
import { DRAINED_PER_S_MAX, EVENT_EVERY_MS, EVENT_STREAMS_MAX } from "../../src/protocol/admin.ts";
import { FRAME_BURST, FRAMES_PER_S, IMPORT_LINES_MAX, IMPORT_MAX_BYTES } from "../../src/protocol/limits.ts";
import { html, json, NOTHING } from "./operations.ts";
import type { Operations } from "./operations.ts";
import type { Json } from "./convert.ts";

/** The last moment that a JavaScript date can have. */
const TIME_MAX_MS = 8_640_000_000_000_000;

const time = (description: string): Json => ({ type: "integer", minimum: 0, maximum: TIME_MAX_MS, description });

const RANGE: Readonly<Record<string, Json>> = {
  from: time("The first moment, inclusive. Without it everything from the oldest point on."),
  to: time("The end, exclusive, after `from`. Without it everything to the newest point."),
};

const HISTORY_HEADERS: Readonly<Record<string, Json>> = {
  "history-since": {
    description: "How far back the answer can reach; the same as `since`.",
    required: true,
    schema: { type: "integer" },
  },
  link: {
    description: '`<?...>; rel="next"`: the query of the next page, relative to this address; absent on the last.',
    schema: { type: "string" },
  },
  "content-disposition": { description: "A file name, except with `json`.", schema: { type: "string" } },
};

const SOCKET = "The protocol is in [asyncapi.json](asyncapi.json) and in `src/protocol/SPEC.md`.";

const POSITIONS: Operations = {
  "GET /v1/connect": {
    id: "connect",
    summary: "The WebSocket.",
    description:
      "Checked in this order: upgrade, token, origin, subprotocols, device. Browsers offer the two subprotocols" +
      " `nearby.v1` and `bearer.<JWT>`; with an `Authorization: Bearer` header, which wins, they may be left out. " +
      SOCKET,
    tag: "Positions",
    access: "user",
    query: { device: { $ref: "#/components/schemas/UserId" } },
    answers: { 101: NOTHING("Connected. `nearby.v1` is echoed if it was offered.") },
    problems: ["bad_request", "forbidden", "upgrade_required"],
  },
  "GET /v1/nearby": {
    id: "listNearby",
    summary: "Active friends within the radius; the same as the message `nearby`.",
    tag: "Positions",
    access: "user",
    answers: { 200: json("Nearby", "All of them.") },
  },
  "POST /v1/location": {
    id: "reportPositions",
    summary: "One position, or up to 100, for apps in the background.",
    description:
      "By the rules of the socket; a bad point refuses the whole request, and unknown fields are ignored. A user may send" +
      ` ${FRAME_BURST} such requests at once, then ${FRAMES_PER_S} a second.`,
    tag: "Positions",
    access: "user",
    body: { schema: "Positions" },
    answers: { 202: json("Reported", "Every point is in the history.") },
  },
  "GET /v1/history": {
    id: "readHistory",
    summary: "A page of the caller's own movement history, oldest first.",
    description:
      "Points with `from <= ts < to`. A page may have fewer points than `limit`, or none, and still a next one: only a page" +
      " without `next` (or `Link`) is the last.",
    tag: "History",
    access: "user",
    query: {
      ...RANGE,
      format: { $ref: "#/components/schemas/Format" },
      limit: { type: "integer", minimum: 1, maximum: HISTORY_PAGE_MAX, default: HISTORY_PAGE_MAX },
      cursor: { type: "string", description: "`next` of the page before, with the same `from` and `to`." },
    },
    answers: {
      200: {
        description: "One page.",
        headers: HISTORY_HEADERS,
        content: {
          "application/json": "HistoryPage",
          "application/geo+json": "HistoryGeoJson",
          "application/gpx+xml": "HistoryGpx",
          "text/csv": "HistoryCsv",
        },
      },
    },
    problems: ["bad_request"],
  },
  "DELETE /v1/history": {
    id: "eraseHistory",
    summary: "Erases that part of the caller's history; all of it without `from` and `to`.",
    description:
      "Points of that time that are sent again are taken and dropped. The erased time ends with the erasure at the latest:" +
      " positions to come are kept, even if `to` lies in the future.",
    tag: "History",
    access: "user",
    query: RANGE,
    answers: { 204: NOTHING("Erased, also when there was nothing.") },
    problems: ["bad_request"],
  },
};

const ADMIN: Operations = {
  "POST /v1/admin/friendships": {
    id: "importFriendships",
    summary: "Makes and ends friendships of others: import of an existing graph, and keeping it in step.",
    description:
      `At most ${IMPORT_LINES_MAX} lines and ${IMPORT_MAX_BYTES} bytes a request. Repeatable: a line that holds already changes` +
      " nothing. A line that is refused stops no other.",
    tag: "Admin",
    access: "admin",
    body: { schema: "ImportLines", types: ["application/x-ndjson", "application/ndjson", "application/jsonl"] },
    answers: { 200: json("ImportReport", "What became of the lines.") },
  },
  "GET /v1/admin/stats": {
    id: "stats",
    summary: "Who is here, what was counted, what fails: counts only.",
    description:
      "As people's objects said last, at most ten minutes ago. Shards that do not answer in time are left out.",
    tag: "Admin",
    access: "admin",
    answers: { 200: json("Stats", "All shards together.") },
  },
  "GET /v1/admin/events": {
    id: "statsEvents",
    summary: "The same as a stream of server-sent events.",
    description:
      `An event \`stats\` right away, then one every ${EVENT_EVERY_MS / 1000} s, its data as in the answer of \`stats\`. It ends` +
      ` with the token. At most ${EVENT_STREAMS_MAX} streams are open at once where the Worker runs: 429 beyond.`,
    tag: "Admin",
    access: "admin",
    answers: { 200: { description: "The stream.", content: { "text/event-stream": "text" } } },
  },
  "GET /v1/admin/users/{id}": {
    id: "userDetails",
    summary: "How a user's object stands: devices, deadlines, meters. No position, and no friend by name.",
    tag: "Admin",
    access: "admin",
    answers: { 200: json("UserDetails", "The user.") },
    problems: ["not_found"],
  },
  "POST /v1/admin/users/{id}/disconnect": {
    id: "disconnectUser",
    summary: "Closes the sockets of a device, or all of the user's, with 4411. Reconnecting is allowed.",
    tag: "Admin",
    access: "admin",
    body: { schema: "DisconnectRequest", required: false },
    answers: { 200: json("Disconnected", "How many were closed.") },
    problems: ["not_found"],
  },
  "POST /v1/admin/drain": {
    id: "drain",
    summary: "Closes everybody's sockets with 1012, spread over a window: before a deployment.",
    description: `At most ${DRAINED_PER_S_MAX} people a second and shard of the monitor: the window grows as it has to.`,
    tag: "Admin",
    access: "admin",
    body: { schema: "DrainRequest", required: false },
    answers: { 202: json("Draining", "It has begun.") },
  },
  "GET /metrics": {
    id: "metrics",
    summary: "The counts in the text format of Prometheus.",
    tag: "Admin",
    access: "admin",
    answers: { 200: { description: "The metrics.", content: { "text/plain": "text" } } },
  },
};

const PUBLIC: Operations = {
  "GET /i/{code}": {
    id: "invitePage",
    summary: "The page of an invite, for people without an account.",
    tag: "Pages",
    access: "anybody",
    answers: { 200: html("Who invites, and how to accept."), 404: html("There is no such invite, or it has ended.") },
  },
  "GET /s/{code}": {
    id: "sharePage",
    summary: "The page of a share: where somebody is, live.",
    tag: "Pages",
    access: "anybody",
    answers: { 200: html("The live view."), 404: html("There is no such share, or it has ended.") },
  },
  "GET /s/{code}/connect": {
    id: "watchShare",
    summary: "The WebSocket of a share's page. Read-only.",
    description: SOCKET,
    tag: "Pages",
    access: "anybody",
    answers: { 101: NOTHING("Connected.") },
    problems: ["forbidden", "not_found", "upgrade_required"],
  },
  "GET /app/config.json": {
    id: "appConfig",
    summary: "What the web app must know before anybody has signed in.",
    tag: "Pages",
    access: "anybody",
    answers: { 200: json("AppConfig", "The settings.") },
  },
  "GET /healthz": {
    id: "health",
    summary: "Whether the Worker runs. Answers without settings, too.",
    tag: "Service",
    access: "anybody",
    answers: { 200: json("Health", "It does.") },
  },
  "GET /openapi.json": {
    id: "openApi",
    summary: "This description.",
    tag: "Service",
    access: "anybody",
    answers: { 200: json("Document", "OpenAPI 3.1.") },
  },
  "GET /docs": {
    id: "docs",
    summary: "This description for people.",
    tag: "Service",
    access: "anybody",
    answers: { 200: html("A page that needs nothing else.") },
  },
  "POST /dev/login": {
    id: "devLogin",
    summary: "A token of twelve hours for anybody. Only with `DEV_LOGIN=1`, otherwise 404.",
    tag: "Service",
    access: "anybody",
    body: { schema: "Login" },
    answers: { 200: json("LoginAnswer", "The token.") },
    problems: ["not_found"],
  },
};

export const MORE_OPERATIONS: Operations = { ...POSITIONS, ...ADMIN, ...PUBLIC };
