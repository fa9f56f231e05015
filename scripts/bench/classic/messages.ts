/** What `startClassic` and its server processes say to each other. */
import * as v from "valibot";
import { MODELS } from "./hosting/model.ts";

export const ToServer = v.variant("type", [
  v.object({
    type: v.literal("start"),
    host: v.string(),
    port: v.number(),
    etcdUrl: v.string(),
    databaseFile: v.string(),
    /** Of all that is not kept; whoever is left removes it. */
    folder: v.string(),
    /** Settings, as the Worker's vars. */
    vars: v.record(v.string(), v.string()),
    model: v.picklist(MODELS),
  }),
  v.object({ type: v.literal("stop") }),
]);
export type ToServer = v.InferOutput<typeof ToServer>;
export type StartServer = Extract<ToServer, { type: "start" }>;

export const FromServer = v.variant("type", [
  v.object({ type: v.literal("ready") }),
  v.object({ type: v.literal("failed"), message: v.string() }),
  /** A new list of Redis servers is in use. */
  v.object({ type: v.literal("ring"), version: v.number() }),
]);
export type FromServer = v.InferOutput<typeof FromServer>;
