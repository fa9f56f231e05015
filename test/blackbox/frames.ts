import * as v from "valibot";

/**
 * What a server may send, as the contract words it. Written here a second time on purpose: a suite that borrowed the
 * server's own validators would accept the server's own mistakes. Unknown fields pass, they are allowed.
 */

const id = v.pipe(v.string(), v.regex(/^[A-Za-z0-9._:@-]{1,64}$/));
const lat = v.pipe(v.number(), v.finite(), v.minValue(-90), v.maxValue(90));
const lng = v.pipe(v.number(), v.finite(), v.minValue(-180), v.maxValue(180));
const ms = v.pipe(v.number(), v.safeInteger());
/** Sent to 0.1 m. */
const distance = v.pipe(
  v.number(),
  v.minValue(0),
  v.check((metres) => Math.abs(metres * 10 - Math.round(metres * 10)) < 1e-6, "distance has more than one decimal"),
);

const friend = v.looseObject({
  id,
  name: v.optional(v.string()),
  avatar: v.optional(v.string()),
  lat,
  lng,
  ts: ms,
  distance,
  precision: v.picklist(["exact", "coarse"]),
  activeUntil: v.optional(ms),
});

const ERROR_CODES = [
  "bad_json",
  "bad_message",
  "bad_location",
  "bad_timestamp",
  "bad_token",
  "not_friends",
  "not_discoverable",
  "too_fast",
  "too_many_points",
  "internal",
] as const;

const known = v.variant("type", [
  v.looseObject({
    type: v.literal("welcome"),
    user: id,
    radiusM: v.pipe(v.number(), v.minValue(0)),
    inactiveAfterS: v.pipe(v.number(), v.minValue(0)),
    updateEveryS: v.pipe(v.number(), v.minValue(0)),
    now: ms,
    protocol: v.literal(1),
  }),
  v.looseObject({ type: v.literal("nearby"), friends: v.array(friend) }),
  v.looseObject({ type: v.literal("friend"), friend, ref: v.optional(ms) }),
  v.looseObject({
    type: v.literal("gone"),
    id,
    reason: v.picklist(["far", "inactive", "paused", "unfriended", "unsubscribed"]),
    ref: v.optional(ms),
  }),
  v.looseObject({ type: v.literal("saved"), count: v.pipe(v.number(), v.safeInteger(), v.minValue(1)), through: ms }),
  v.looseObject({
    type: v.literal("people"),
    people: v.pipe(v.array(v.looseObject({ id, lat, lng, ts: ms, distance })), v.maxLength(20)),
  }),
  v.looseObject({
    type: v.literal("friendship"),
    id,
    state: v.picklist(["incoming", "friend", "removed"]),
    name: v.optional(v.string()),
  }),
  v.looseObject({
    type: v.literal("error"),
    code: v.picklist(ERROR_CODES),
    message: v.pipe(v.string(), v.minLength(1)),
    fatal: v.boolean(),
    ref: v.optional(ms),
    index: v.optional(ms),
  }),
]);

export type Friend = v.InferOutput<typeof friend>;
export type Frame = v.InferOutput<typeof known>;
export type FrameOf<T extends Frame["type"]> = Extract<Frame, { type: T }>;
export type ErrorCode = (typeof ERROR_CODES)[number];

const nearbyAnswer = v.looseObject({ type: v.optional(v.literal("nearby")), friends: v.array(friend) });

/** The friends of `GET /v1/nearby`. */
export function parseNearby(body: unknown): Friend[] {
  return v.parse(nearbyAnswer, body).friends;
}

/** One text frame from the server. @throws Error that quotes the frame when it is not what the contract allows */
export function parseFrame(text: string): Frame {
  const result = v.safeParse(known, JSON.parse(text));
  if (!result.success) {
    const issues = result.issues.map((issue) => `${v.getDotPath(issue) ?? "frame"}: ${issue.message}`).join("; ");
    throw new Error(`the server sent a frame that the contract does not know: ${text} (${issues})`);
  }
  return result.output;
}

/** Narrowing predicate for one kind of frame, with an optional further condition. */
export function is<T extends Frame["type"]>(
  type: T,
  where: (frame: FrameOf<T>) => boolean = () => true,
): (frame: Frame) => frame is FrameOf<T> {
  const ofType = (frame: Frame): frame is FrameOf<T> => frame.type === type;
  return (frame): frame is FrameOf<T> => ofType(frame) && where(frame);
}

/** A `friend` frame about this user. */
export function shows(friendId: string): (frame: Frame) => frame is FrameOf<"friend"> {
  return is("friend", (frame) => frame.friend.id === friendId);
}

/** A `gone` frame about this user, of one reason if given. */
export function leaves(friendId: string, reason?: string): (frame: Frame) => frame is FrameOf<"gone"> {
  return is("gone", (frame) => frame.id === friendId && (reason === undefined || frame.reason === reason));
}

/** An `error` frame of this code. */
export function refuses(code: ErrorCode, ref?: number): (frame: Frame) => frame is FrameOf<"error"> {
  return is("error", (frame) => frame.code === code && (ref === undefined || frame.ref === ref));
}

/** Any frame that says something about this friend's whereabouts. */
export function speaksOf(friendId: string): (frame: Frame) => boolean {
  return (frame) => {
    switch (frame.type) {
      case "nearby":
        return frame.friends.some(({ id: shownId }) => shownId === friendId);
      case "friend":
        return frame.friend.id === friendId;
      case "gone":
        return frame.id === friendId;
      default:
        return false;
    }
  };
}
