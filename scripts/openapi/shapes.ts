import * as v from "valibot";

import type { AppConfig } from "../../src/api/app-config.ts";
import type { ImportReport } from "../../src/api/import-friendships.ts";
import { FORMAT_NAMES } from "../../src/history/exports/formats.ts";
import type { ExportPage } from "../../src/history/exports/page.ts";
import { HISTORY_PAGE_MAX } from "../../src/history/page.ts";
import type { HistoryPoint } from "../../src/history/point.ts";
import type { AnswerElement } from "../../src/ingest/owntracks/answer.ts";
import { LatSchema, LngSchema } from "../../src/protocol/fix.ts";
import { UserIdSchema } from "../../src/protocol/friend.ts";
import { IMPORT_LINES_MAX } from "../../src/protocol/limits.ts";
import { DEVICE_APPS } from "../../src/protocol/resources.ts";
import type { FriendEntry, Profile } from "../../src/protocol/resources.ts";

/** What the API answers. Nothing here runs in the Worker: the types are compared below, the answers by the fuzzer. */

/** ms since the epoch. */
export const TimeSchema = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const VisibilitySchema = v.picklist(["exact", "coarse", "hidden"]);
export const FriendStateSchema = v.picklist(["friend", "incoming", "outgoing"]);

export const ProfileSchema = v.object({
  user: UserIdSchema,
  name: v.exactOptional(v.string()),
  avatar: v.exactOptional(v.string()),
  sharing: v.boolean(),
  pausedUntil: v.exactOptional(TimeSchema),
  discoverable: v.boolean(),
});

export const FriendEntrySchema = v.object({
  id: UserIdSchema,
  name: v.exactOptional(v.string()),
  avatar: v.exactOptional(v.string()),
  state: FriendStateSchema,
  since: TimeSchema,
  visibility: VisibilitySchema,
  muted: v.boolean(),
});

export const FriendsPageSchema = v.object({
  friends: v.array(FriendEntrySchema),
  next: v.exactOptional(v.string()),
});

export const BlocksPageSchema = v.object({
  blocks: v.array(v.object({ id: UserIdSchema, since: TimeSchema })),
  next: v.exactOptional(v.string()),
});

const LINK_ENTRIES = { code: v.string(), url: v.pipe(v.string(), v.url()), expiresAt: TimeSchema };

const WholeSchema = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

export const InviteSchema = v.object({ ...LINK_ENTRIES, uses: WholeSchema });
export const InvitesSchema = v.object({ invites: v.array(v.object({ ...InviteSchema.entries, used: WholeSchema })) });

export const ShareSchema = v.object(LINK_ENTRIES);
export const SharesSchema = v.object({ shares: v.array(v.object({ ...LINK_ENTRIES, viewers: WholeSchema })) });

const DEVICE_ENTRIES = {
  id: v.string(),
  app: v.picklist(DEVICE_APPS),
  name: v.exactOptional(v.string()),
  createdAt: TimeSchema,
};
export const DevicesSchema = v.object({ devices: v.array(v.object(DEVICE_ENTRIES)) });
export const NewDeviceSchema = v.object({
  ...DEVICE_ENTRIES,
  user: UserIdSchema,
  password: v.string(),
  endpoint: v.pipe(v.string(), v.url()),
  encryptionKey: v.exactOptional(v.pipe(v.string(), v.length(32))),
  url: v.pipe(v.string(), v.url()),
  qr: v.string(),
});

const SecondsSchema = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const TidSchema = v.pipe(v.string(), v.minLength(1));

export const OwnTracksElementSchema = v.union([
  v.object({ _type: v.literal("card"), tid: TidSchema, name: v.string(), face: v.exactOptional(v.string()) }),
  v.object({
    _type: v.literal("location"),
    tid: TidSchema,
    lat: LatSchema,
    lon: LngSchema,
    tst: SecondsSchema,
    acc: v.exactOptional(v.number()),
  }),
  v.object({
    _type: v.literal("transition"),
    tid: TidSchema,
    event: v.picklist(["enter", "leave"]),
    desc: v.string(),
    lat: LatSchema,
    lon: LngSchema,
    acc: v.number(),
    tst: SecondsSchema,
    wtst: SecondsSchema,
  }),
]);

export const OwnTracksAnswerSchema = v.union([
  v.array(OwnTracksElementSchema),
  v.object({ _type: v.literal("encrypted"), data: v.string() }),
]);

export const ReportedSchema = v.object({ live: v.boolean() });

const QuantitySchema = v.pipe(v.number(), v.minValue(0));
const HeadingSchema = v.pipe(v.number(), v.minValue(0), v.maxValue(360));

export const HistoryPointSchema = v.object({
  lat: LatSchema,
  lng: LngSchema,
  ts: TimeSchema,
  accuracy: v.exactOptional(QuantitySchema),
  speed: v.exactOptional(QuantitySchema),
  heading: v.exactOptional(HeadingSchema),
  outlier: v.exactOptional(v.literal(true)),
});

export const HistoryPageSchema = v.object({
  points: v.pipe(v.array(HistoryPointSchema), v.maxLength(HISTORY_PAGE_MAX)),
  since: TimeSchema,
  next: v.exactOptional(v.string()),
});

const { ts, accuracy, speed, heading, outlier } = HistoryPointSchema.entries;

export const HistoryGeoJsonSchema = v.object({
  type: v.literal("FeatureCollection"),
  features: v.pipe(
    v.array(
      v.object({
        type: v.literal("Feature"),
        geometry: v.object({ type: v.literal("Point"), coordinates: v.tuple([LngSchema, LatSchema]) }),
        properties: v.object({ ts, time: v.pipe(v.string(), v.isoTimestamp()), accuracy, speed, heading, outlier }),
      }),
    ),
    v.maxLength(HISTORY_PAGE_MAX),
  ),
  since: TimeSchema,
  next: v.exactOptional(v.string()),
});

export const FormatSchema = v.picklist(FORMAT_NAMES);

export const LoginAnswerSchema = v.object({ token: v.string(), user: UserIdSchema, expiresAt: TimeSchema });

const WHY = ["bad_json", "bad_line", "same_user", "friend_limit", "blocked", "unreachable"] as const;

export const ImportReportSchema = v.object({
  accepted: WholeSchema,
  unchanged: WholeSchema,
  refused: v.pipe(
    v.array(v.object({ line: WholeSchema, code: v.picklist(WHY), reason: v.string() })),
    v.maxLength(IMPORT_LINES_MAX),
    v.readonly(),
  ),
});

export const AppConfigSchema = v.object({ mapStyleUrl: v.nullable(v.string()), devLogin: v.boolean() });

export const HealthSchema = v.object({ ok: v.literal(true) });

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type Holds<T extends true> = T;

/** Does not compile when a schema and the type that the server answers with part. */
export type Proofs = [
  Holds<Same<v.InferOutput<typeof ProfileSchema>, Profile>>,
  Holds<Same<v.InferOutput<typeof FriendEntrySchema>, FriendEntry>>,
  Holds<Same<v.InferOutput<typeof HistoryPointSchema>, HistoryPoint>>,
  Holds<Same<v.InferOutput<typeof OwnTracksElementSchema>, AnswerElement>>,
  Holds<Same<v.InferOutput<typeof AppConfigSchema>, AppConfig>>,
  Holds<Same<v.InferOutput<typeof ImportReportSchema>, ImportReport>>,
  Holds<Same<Pick<v.InferOutput<typeof HistoryPageSchema>, "since" | "next">, Pick<ExportPage, "since" | "next">>>,
];
