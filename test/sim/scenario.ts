import * as v from "valibot";

/*
 * Everything that happens in one run, as data: who there is, what each does, and what becomes of each message. The same
 * scenario always runs the same way, so a shrunk one can be kept as a file.
 */

const personSchema = v.strictObject({
  id: v.pipe(v.number(), v.integer(), v.minValue(0)),
  /** What the clock of the person's object shows beyond the true time, ms. */
  skewMs: v.number(),
});

const base = { at: v.number(), who: v.number() };
const actionSchema = v.variant("do", [
  /** A live position. `ts` is the phone's clock, ms, from the start of the run. */
  v.strictObject({ ...base, do: v.literal("position"), lat: v.number(), lng: v.number(), ts: v.number() }),
  v.strictObject({ ...base, do: v.literal("open"), device: v.number() }),
  v.strictObject({ ...base, do: v.literal("close"), device: v.number() }),
  v.strictObject({ ...base, do: v.literal("pause") }),
  v.strictObject({ ...base, do: v.literal("resume") }),
  v.strictObject({ ...base, do: v.literal("ask"), friend: v.number() }),
  v.strictObject({ ...base, do: v.literal("refuse"), friend: v.number() }),
  v.strictObject({ ...base, do: v.literal("mute"), friend: v.number(), on: v.boolean() }),
  /** From now on the friend may know this much. */
  v.strictObject({
    ...base,
    do: v.literal("reveal"),
    friend: v.number(),
    visibility: v.picklist(["exact", "coarse", "hidden"]),
  }),
  v.strictObject({ ...base, do: v.literal("block"), friend: v.number() }),
  v.strictObject({ ...base, do: v.literal("unblock"), friend: v.number() }),
  /** The memory goes as soon as nothing is under way; sockets stay. */
  v.strictObject({ ...base, do: v.literal("hibernate") }),
  /** The memory goes, whatever is under way; sockets stay. */
  v.strictObject({ ...base, do: v.literal("evict") }),
  /** The memory goes and so do the sockets; the object goes on elsewhere, by another clock. */
  v.strictObject({ ...base, do: v.literal("reset"), skewMs: v.number() }),
]);

/** What becomes of one message and its answer. Times in ms. */
const fateSchema = v.strictObject({
  out: v.number(),
  back: v.number(),
  lost: v.optional(v.picklist(["call", "answer"])),
  /** A copy arrives so much later than the first. */
  again: v.optional(v.number()),
  /** Fails when the other object is reset while it is under way. */
  fragile: v.optional(v.boolean()),
});

/** Draws the fate of messages that have none in `fates`. Shares of all messages. */
const weatherSchema = v.strictObject({
  seed: v.number(),
  /** How long a message takes that suffers no fault: mostly far below the timeout. */
  wayMs: v.tuple([v.number(), v.number()]),
  lost: v.number(),
  again: v.number(),
  /** Takes longer than a caller waits. */
  slow: v.number(),
  lateAlarms: v.number(),
});

const scenarioSchema = v.strictObject({
  version: v.literal(1),
  /** Where it comes from, for people. */
  note: v.string(),
  radiusM: v.number(),
  inactiveAfterMs: v.number(),
  people: v.array(personSchema),
  /** Who are friends at the start. */
  friends: v.array(v.tuple([v.number(), v.number()])),
  actions: v.array(actionSchema),
  /** From this moment on nothing goes wrong any more. 0: nothing ever does. */
  calmAt: v.number(),
  /** Names of messages are `from>to#n`, of alarms `who!n`, counted from 0; an alarm is late by `out`. */
  fates: v.record(v.string(), fateSchema),
  weather: v.nullable(weatherSchema),
  /** There is an index of active friends. Until `calmAt` it may lie and fail, and lose everything at these times (ms). */
  index: v.optional(v.strictObject({ seed: v.number(), lies: v.boolean(), flushAt: v.array(v.number()) })),
});

export type PersonId = number;
export type Action = v.InferOutput<typeof actionSchema>;
export type Fate = v.InferOutput<typeof fateSchema>;
export type Weather = v.InferOutput<typeof weatherSchema>;
export type Scenario = v.InferOutput<typeof scenarioSchema>;

/** @throws on anything that is not a scenario */
export function parseScenario(text: string): Scenario {
  return v.parse(scenarioSchema, JSON.parse(text));
}
