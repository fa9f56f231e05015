import * as v from "valibot";

import { DeviceSchema as DeviceRequestSchema } from "../../src/api/devices.ts";
import { LoginSchema } from "../../src/api/dev-login.ts";
import { FriendPatchSchema } from "../../src/api/friends.ts";
import { InviteSchema as InviteRequestSchema } from "../../src/api/invites.ts";
import { BatchSchema } from "../../src/api/location.ts";
import { NameSchema, PatchSchema } from "../../src/api/me.ts";
import { ShareSchema as ShareRequestSchema } from "../../src/api/shares.ts";
import { isAvatarUrl } from "../../src/auth/profile.ts";
import * as operators from "../../src/protocol/admin.ts";
import { FixSchema } from "../../src/protocol/fix.ts";
import { FriendSchema, UserIdSchema } from "../../src/protocol/friend.ts";
import { AVATAR_MAX_CHARS, NAME_MAX_CHARS, POINTS_PER_FRAME_MAX } from "../../src/protocol/limits.ts";
import { NearbySchema } from "../../src/protocol/messages/nearby.ts";
import { isUserId } from "../../src/protocol/user-id.ts";
import { refTo, toComponents } from "./convert.ts";
import type { Hints, Json } from "./convert.ts";
import { PROBLEM_SCHEMA } from "./problems.ts";
import * as shapes from "./shapes.ts";

/** By the names that the document gives them. Those of requests are the validators of the handlers themselves. */
const VALIDATED = {
  UserId: UserIdSchema,
  Name: NameSchema,
  Profile: shapes.ProfileSchema,
  ProfilePatch: PatchSchema,
  FriendState: shapes.FriendStateSchema,
  FriendEntry: shapes.FriendEntrySchema,
  FriendPatch: FriendPatchSchema,
  FriendsPage: shapes.FriendsPageSchema,
  BlocksPage: shapes.BlocksPageSchema,
  InviteRequest: InviteRequestSchema,
  Invite: shapes.InviteSchema,
  Invites: shapes.InvitesSchema,
  ShareRequest: ShareRequestSchema,
  Share: shapes.ShareSchema,
  Shares: shapes.SharesSchema,
  DeviceRequest: DeviceRequestSchema,
  NewDevice: shapes.NewDeviceSchema,
  Devices: shapes.DevicesSchema,
  OwnTracksAnswer: shapes.OwnTracksAnswerSchema,
  Friend: FriendSchema,
  Nearby: NearbySchema,
  Point: FixSchema,
  Points: BatchSchema,
  Positions: v.union([BatchSchema, FixSchema]),
  Reported: shapes.ReportedSchema,
  Format: shapes.FormatSchema,
  HistoryPoint: shapes.HistoryPointSchema,
  HistoryPage: shapes.HistoryPageSchema,
  HistoryGeoJson: shapes.HistoryGeoJsonSchema,
  ImportReport: shapes.ImportReportSchema,
  Stats: operators.StatsSchema,
  UserDetails: operators.UserDetailsSchema,
  DisconnectRequest: operators.DisconnectSchema,
  Disconnected: operators.DisconnectedSchema,
  DrainRequest: operators.DrainSchema,
  Draining: operators.DrainingSchema,
  Login: LoginSchema,
  LoginAnswer: shapes.LoginAnswerSchema,
  AppConfig: shapes.AppConfigSchema,
  Health: shapes.HealthSchema,
};

/** What no validator has: texts of other formats, and this document. */
const WRITTEN = {
  HistoryGpx: {
    type: "string",
    description:
      "GPX 1.1. One track; a segment ends where more than 10 minutes are without a point. `time` has milliseconds; speed and" +
      " course are in Garmin's TrackPointExtension v2; an outlier has `<type>outlier</type>`. Accuracy is not there;" +
      " longitude 180 is written as -180.",
  },
  HistoryCsv: {
    type: "string",
    description:
      "RFC 4180 in UTF-8, with the header row `ts,time,lat,lng,accuracy,speed,heading,outlier`. `time` is `ts` as ISO 8601 in" +
      " UTC; what is not known is empty; `outlier` is `true` or empty.",
  },
  ImportLines: {
    type: "string",
    description:
      'One JSON object in each line: `{"a":"ID","b":"ID"}` for two who are friends, with `"remove":true` for two who are not.' +
      " Empty lines are skipped.",
  },
  OwnTracksMessage: {
    description:
      "Any message of OwnTracks (https://owntracks.org/booklet/tech/json/). A `location` becomes a position, all others are" +
      " taken and say nothing; `encrypted` is opened with the device's passphrase.",
    anyOf: [
      {
        type: "object",
        required: ["_type", "lat", "lon", "tst"],
        properties: {
          _type: { const: "location" },
          lat: { type: "number", minimum: -90, maximum: 90 },
          lon: { type: "number", minimum: -180, maximum: 180 },
          tst: { type: "integer", description: "Seconds since the Unix epoch." },
          acc: { type: "number", description: "Metres." },
          vel: { type: "number", description: "km/h." },
          cog: { type: "number", description: "Degrees clockwise from north." },
          tid: { type: "string" },
        },
      },
      {
        type: "object",
        required: ["_type", "data"],
        properties: {
          _type: { const: "encrypted" },
          data: { type: "string", description: "Base64 of a nonce of 24 bytes and the XSalsa20-Poly1305 secretbox." },
        },
      },
      { type: "object", required: ["_type"], properties: { _type: { type: "string" } } },
    ],
  },
  TraccarReport: {
    type: "object",
    description:
      "Of Traccar Client 9. Also taken: a list of flat objects with the names of the query, and a form of these.",
    properties: {
      device_id: { type: "string", description: "A device password or a token." },
      location: {
        type: "object",
        properties: {
          timestamp: { type: "string", description: "ISO 8601." },
          coords: {
            type: "object",
            properties: {
              latitude: { type: "number", minimum: -90, maximum: 90 },
              longitude: { type: "number", minimum: -180, maximum: 180 },
              accuracy: { type: "number", description: "Metres; -1 if unknown." },
              speed: { type: "number", description: "m/s; -1 if unknown." },
              heading: { type: "number", description: "Degrees; -1 if unknown." },
            },
          },
        },
      },
    },
  },
  Document: { type: "object", required: ["openapi", "info", "paths"] },
  Problem: PROBLEM_SCHEMA,
} as const satisfies Readonly<Record<string, Json>>;

export type ComponentName = keyof typeof VALIDATED | keyof typeof WRITTEN;

/** The check of a name is a closure of its validator. */
const nameCheck = NameSchema.pipe.find((action) => action.type === "check");

const MS = "ms since the Unix epoch.";
const SINCE =
  "How far back the answer can reach, ms since the Unix epoch: 90 days, or 0 where older history is kept in Cassandra. Older" +
  " points that came in late may be there, but not all of them. Now, if no history is kept.";

const HINTS: Hints = {
  checks: new Map<unknown, Json>([
    [isUserId, refTo("UserId")],
    [isAvatarUrl, { format: "uri", pattern: "^https://", maxLength: AVATAR_MAX_CHARS }],
    [nameCheck?.requirement, { minLength: 1, maxLength: NAME_MAX_CHARS }],
  ]),
  more: {
    UserId: { description: "Not `.` or `..`. Percent-encode it in a path." },
    Name: { description: "One line; white space around it is dropped." },
    "Profile.sharing": { description: "False is pause: nobody sees the user, and the user sees nobody." },
    "Profile.pausedUntil": { description: `When the pause ends by itself, ${MS} Absent for a pause without an end.` },
    "Profile.discoverable": {
      description: "Nearby people who are not friends may see the user, while a client of the user asks for them, too.",
    },
    "ProfilePatch.discoverable": { description: "`null` is back to false." },
    "ProfilePatch.sharing": { description: "`null` is back to true." },
    "ProfilePatch.pausedUntil": {
      description: `Pauses until then, ${MS} Within the year to come, and not beside \`sharing: true\`.`,
    },
    "FriendEntry.since": { description: `When the state was reached, ${MS}` },
    "FriendEntry.visibility": {
      description:
        "What they see of the caller: the place, the cell of about 1 km it lies in, or nothing (then neither sees the other).",
    },
    "FriendEntry.muted": { description: "The caller does not receive this friend." },
    "FriendsPage.next": { description: "`cursor` of the next page; absent on the last." },
    "BlocksPage.next": { description: "`cursor` of the next page; absent on the last." },
    "InviteRequest.uses": { description: "How many people may accept it." },
    "InviteRequest.minutes": { description: "How long it is open." },
    "ShareRequest.minutes": { description: "How long it lasts." },
    "Invite.expiresAt": { description: MS },
    "Share.expiresAt": { description: MS },
    "NewDevice.password": { description: "Shown this once: the server keeps no more than a hash of it." },
    "NewDevice.endpoint": { description: "Where the app reports to." },
    "NewDevice.encryptionKey": { description: "The passphrase of OwnTracks' encryption." },
    "NewDevice.url": { description: "Opens the app with all of this filled in." },
    "NewDevice.qr": { description: "The same as a QR code: an SVG." },
    "NewDevice.createdAt": { description: MS },
    "Friend.ts": { description: `When the friend was there, ${MS} Never in the future.` },
    "Friend.distance": { description: "Metres from the caller's latest position to this place." },
    "Point.ts": { description: `${MS} At most 24 hours ahead of the server.` },
    "Point.accuracy": { description: "Metres." },
    "Point.speed": { description: "m/s." },
    "Point.heading": { description: "Degrees clockwise from north." },
    // The validator counts the points before it looks at them, in two steps.
    "Points.points": { type: "array", minItems: 1, maxItems: POINTS_PER_FRAME_MAX, items: refTo("Point") },
    "Reported.live": {
      description:
        "Whether one of them became the live position; false for old points, for those beyond `POSITION_BURST` and" +
        " `POSITION_MIN_S`, and for one that is held until the next confirms it (`SPEED_MAX_MPS`).",
    },
    "HistoryPoint.ts": { description: MS },
    "HistoryPoint.accuracy": { description: "Metres." },
    "HistoryPoint.speed": { description: "m/s." },
    "HistoryPoint.heading": { description: "Degrees clockwise from north." },
    "HistoryPoint.outlier": { description: "Held to be a jump of the receiver; absent for all others." },
    "HistoryPage.since": { description: SINCE },
    "HistoryPage.next": { description: "`cursor` of the next page; absent on the last." },
    "HistoryGeoJson.since": { description: SINCE },
    HistoryGeoJson: { description: "A FeatureCollection of RFC 7946. `since` and `next` are foreign members." },
    "ImportReport.accepted": { description: "Lines that hold now." },
    "ImportReport.unchanged": { description: "Of those, the lines that held before." },
    "ImportReport.refused": { description: "In the order of their lines, which are counted from 1." },
    "AppConfig.mapStyleUrl": { description: "Of the basemap; `null`: the app draws its own." },
    "AppConfig.devLogin": { description: "Whether `POST /dev/login` hands out tokens here." },
    Format: { default: "json" },
  },
};

/** The named schemas of the document. */
export function componentSchemas(): Readonly<Record<string, Json>> {
  return { ...toComponents(VALIDATED, HINTS), ...WRITTEN };
}
