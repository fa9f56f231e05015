import { DEVICES_MAX, PHONE_BODY_MAX_BYTES, PHONE_REPORTS_PER_S } from "../../src/protocol/limits.ts";
import { json, NOTHING } from "./operations.ts";
import type { Operation, Operations } from "./operations.ts";
import type { Json } from "./convert.ts";

const DEVICES: Operations = {
  "GET /v1/devices": {
    id: "listDevices",
    summary: "The phone apps that have a password of the caller's.",
    tag: "Devices",
    access: "user",
    answers: { 200: json("Devices", "All of them.") },
  },
  "POST /v1/devices": {
    id: "createDevice",
    summary: "Makes a password for a phone app, with a link and a QR code that set the app up.",
    description: `It is shown this once, and can do nothing but report positions. At most ${DEVICES_MAX} of a user.`,
    tag: "Devices",
    access: "user",
    body: { schema: "DeviceRequest" },
    answers: { 201: json("NewDevice", "Made.") },
    problems: ["device_limit"],
  },
  "DELETE /v1/devices/{device}": {
    id: "revokeDevice",
    summary: "Ends a password. What the app sends from then on is 401.",
    tag: "Devices",
    access: "user",
    answers: { 204: NOTHING("Ended.") },
    problems: ["not_found"],
  },
};

const SHARED =
  `Bodies of up to ${PHONE_BODY_MAX_BYTES} bytes of any type are taken. What cannot be used is answered like the rest: the only` +
  ` error besides a bad password is 503 with \`Retry-After\`, above ${PHONE_REPORTS_PER_S} reports a second and user.`;

const OWNTRACKS = {
  summary: "A message of OwnTracks in HTTP mode; the answer are the friends near its user.",
  description: `For each friend a \`card\`, then a \`location\`; iOS also hears who came and left. ${SHARED}`,
  tag: "Phones",
  access: "phone",
  body: { schema: "OwnTracksMessage" },
  answers: { 200: json("OwnTracksAnswer", "Stored, or nothing to store. Encrypted if the message was.") },
} as const satisfies Omit<Operation, "id">;

const text = (description: string): Json => ({ type: "string", description });

const OSMAND_QUERY: Readonly<Record<string, Json>> = {
  id: text("A device password or a token; also `deviceid`. Without it, `Authorization` is looked at."),
  lat: { type: "number", minimum: -90, maximum: 90 },
  lon: { type: "number", minimum: -180, maximum: 180 },
  location: text("`lat,lon` in one."),
  timestamp: text(
    "Seconds or milliseconds since the Unix epoch, ISO 8601, or `yyyy-MM-dd HH:mm:ss` (UTC). Absent: now.",
  ),
  accuracy: { type: "number", description: "Metres." },
  speed: { type: "number", description: "Knots." },
  bearing: { type: "number", description: "Degrees; also `heading`." },
};

const OSMAND = {
  summary: "A position from Traccar Client, or from another sender of the OsmAnd protocol.",
  description: `${SHARED} Unknown parameters are ignored.`,
  tag: "Phones",
  access: "phone",
  query: OSMAND_QUERY,
  answers: { 200: NOTHING("Stored, or nothing to store.") },
} as const satisfies Omit<Operation, "id">;

export const PHONE_OPERATIONS: Operations = {
  ...DEVICES,
  "POST /owntracks": { ...OWNTRACKS, id: "ownTracks" },
  "POST /pub": { ...OWNTRACKS, id: "ownTracksRecorder" },
  "GET /osmand": { ...OSMAND, id: "osmAndQuery" },
  "POST /osmand": {
    ...OSMAND,
    id: "osmAnd",
    body: {
      schema: "TraccarReport",
      types: ["application/json", "application/x-www-form-urlencoded"],
      required: false,
    },
  },
};
