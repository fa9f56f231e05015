/** What the command and the process that runs the runtime say to each other. */
import * as v from "valibot";

export const ToHost = v.variant("type", [
  v.object({
    type: v.literal("start"),
    host: v.string(),
    port: v.number(),
    stateDir: v.string(),
    /** Remove `stateDir` at the end. */
    temporary: v.boolean(),
    bundleFile: v.string(),
    /** The built web app; without it none is served. */
    pageDir: v.exactOptional(v.string()),
    /** So many processes hold the sockets in place of the runtime, and come in by `dir`, which is removed at the end. */
    fronts: v.exactOptional(v.object({ count: v.number(), dir: v.string() })),
    /** Vars of the Worker, over those of wrangler.toml. */
    vars: v.record(v.string(), v.string()),
  }),
  v.object({ type: v.literal("stop") }),
]);
export type ToHost = v.InferOutput<typeof ToHost>;
export type StartHost = Extract<ToHost, { type: "start" }>;

export const FromHost = v.variant("type", [
  v.object({
    type: v.literal("ready"),
    /** For measurements; without /proc there is none of the runtime. */
    runtimePid: v.exactOptional(v.number()),
    frontPids: v.array(v.number()),
  }),
  v.object({ type: v.literal("failed"), message: v.string() }),
]);
export type FromHost = v.InferOutput<typeof FromHost>;
