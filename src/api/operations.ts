import { Hono } from "hono";
import type { Context, MiddlewareHandler } from "hono";
import { streamSSE } from "hono/streaming";
import * as v from "valibot";

import { logAudit } from "../observe/log.ts";
import { askShards, inTime, shardFor } from "../observe/monitor.ts";
import {
  type AdminEvents,
  DisconnectSchema,
  type Disconnected,
  DRAIN_WINDOW_MAX_S,
  type Draining,
  DrainSchema,
  EVENT_EVERY_MS,
  EVENT_STREAMS_MAX,
  type Stats,
} from "../protocol/admin.ts";
import { USER_ID_MAX_CHARS } from "../protocol/limits.ts";
import { isUserId } from "../protocol/user-id.ts";
import { type Body, contentType, readObject } from "./body.ts";
import type { ApiEnv, CallerEnv } from "./context.ts";
import { METRICS_TYPE, metricsText } from "./metrics.ts";
import { badFields, fieldErrors, ONE_PER_FIELD, problem, retryAfter } from "./problem.ts";
import { mergeStats, readShards } from "./stats.ts";

const RULES: ReadonlyMap<unknown, string> = new Map([
  ["device", `must be a device id of 1 to ${USER_ID_MAX_CHARS} characters, or left out for all devices`],
  ["windowS", `must be a number of seconds from 0 to ${DRAIN_WINDOW_MAX_S}, or left out`],
]);

/** Streams of this isolate: until when each counts as open without another event, ms. */
const streams = new Map<symbol, number>();

/**
 * A client that goes without a word takes its request's code with it, in the middle of a wait: nothing can be relied on to
 * run at its end. So a stream counts only while it goes on sending.
 */
const STREAM_LEASE_MS = 1.2 * EVENT_EVERY_MS;

/** What the streams of this isolate have sent last: a second screen asks no shard again. */
let sent: Stats | null = null;

/**
 * Leaves a line for whoever asks later: who was refused, and what was done. Before the check of the token, so that it
 * sees those without one, too.
 */
export const audited: MiddlewareHandler<ApiEnv & Partial<CallerEnv>> = async (c, next) => {
  await next();
  const { status } = c.res;
  const isRefused = status === 401 || status === 403;
  const isDone = c.req.method !== "GET" && c.req.method !== "HEAD" && status < 300;
  if (!isRefused && !isDone) return;
  const caller: unknown = c.get("caller");
  const user = typeof caller === "object" && caller !== null && "user" in caller ? String(caller.user) : "nobody";
  logAudit(isRefused ? "admin_refused" : "admin_did", { method: c.req.method, path: c.req.path, status, by: user });
};

/** One report a second and isolate: an outage must not become a call for each request that fails. */
const FAILURES_EVERY_MS = 1_000;

/** Failed requests that the monitor was not told of, and when it was told last, ms. */
const failures = { count: 0, toldAt: 0 };

/** A request has failed for a reason of the server's own. Nobody waits for the report. */
export function reportFailure(c: Context<ApiEnv>, code: "internal" | "unavailable"): void {
  failures.count += 1;
  const now = Date.now();
  if (Math.abs(now - failures.toldAt) < FAILURES_EVERY_MS) return;
  // Of the settings only the number of shards is needed, and bad settings are a failure, too.
  const shard = shardFor(c.env, crypto.randomUUID(), c.get("settings")?.monitorShards ?? 1);
  if (shard === null) return;
  const { count } = failures;
  Object.assign(failures, { count: 0, toldAt: now });
  c.executionCtx.waitUntil(inTime(shard.noteIncident({ at: now, source: "http", code, count })));
}

/** What operators look at and do; behind `adminOnly`. */
export const operations = new Hono<CallerEnv>()
  .get("/stats", async (c) => c.json(await statsOf(c)))
  .get("/events", events)
  .get("/users/:id", async (c) => {
    const details = isUserId(c.req.param("id")) ? await c.env.USER.getByName(c.req.param("id")).inspect() : null;
    return details === null ? noSuchUser() : c.json(details);
  })
  .post("/users/:id/disconnect", async (c) => {
    const body = await readWish(c);
    if (!body.ok) return body.response;
    const parsed = v.safeParse(DisconnectSchema, body.value, ONE_PER_FIELD);
    if (!parsed.success) return badFields(fieldErrors(parsed.issues, detailOf));
    const user = c.req.param("id");
    const closed = isUserId(user) ? await c.env.USER.getByName(user).disconnect(parsed.output.device ?? null) : null;
    return closed === null ? noSuchUser() : c.json({ closed } satisfies Disconnected);
  })
  .post("/drain", async (c) => {
    const body = await readWish(c);
    if (!body.ok) return body.response;
    const parsed = v.safeParse(DrainSchema, body.value, ONE_PER_FIELD);
    if (!parsed.success) return badFields(fieldErrors(parsed.issues, detailOf));
    const windowMs = parsed.output.windowS * 1_000;
    const startedAt = Date.now();
    const started = await askShards(c.env, c.var.settings.monitorShards, (shard) => shard.drain(windowMs));
    const known = started.filter((one) => one !== null);
    if (known.length < started.length || known.length === 0) {
      const detail = "Not every shard of the monitor has answered, so not everybody is being drained. Try again.";
      return problem("unavailable", detail, { headers: retryAfter(1) });
    }
    const until = Math.max(startedAt, ...known.map((one) => one.until));
    const users = known.reduce((total, one) => total + one.users, 0);
    return c.json({ users, windowS: Math.ceil((until - startedAt) / 1_000), until } satisfies Draining, 202);
  });

/** `GET /metrics`, for Prometheus with `authorization: { credentials: TOKEN }`. */
export async function metrics(c: Context<CallerEnv>): Promise<Response> {
  const views = await readShards(c.env, c.var.settings.monitorShards);
  return c.text(metricsText(views, mergeStats(views, Date.now())), 200, { "content-type": METRICS_TYPE });
}

async function statsOf(c: Context<CallerEnv>): Promise<AdminEvents["stats"]> {
  return mergeStats(await readShards(c.env, c.var.settings.monitorShards), Date.now());
}

async function sharedStats(c: Context<CallerEnv>): Promise<AdminEvents["stats"]> {
  if (sent === null || Math.abs(Date.now() - sent.at) >= EVENT_EVERY_MS / 2) sent = await statsOf(c);
  return sent;
}

/** Ends when the client goes, and with the token: nobody looks on with one that has expired. */
function events(c: Context<CallerEnv>): Response {
  for (const [stream, until] of streams) if (until <= Date.now()) streams.delete(stream);
  if (streams.size >= EVENT_STREAMS_MAX) {
    const headers = retryAfter(EVENT_EVERY_MS / 1_000);
    return problem("rate_limited", `At most ${EVENT_STREAMS_MAX} streams of events are open at once here.`, {
      headers,
    });
  }
  const id = Symbol("stream");
  streams.set(id, Date.now() + STREAM_LEASE_MS);
  const { expMs } = c.var.caller;
  return streamSSE(c, async (stream) => {
    stream.onAbort(() => void streams.delete(id));
    try {
      while (!stream.aborted && !stream.closed && Date.now() < expMs) {
        streams.set(id, Date.now() + STREAM_LEASE_MS);
        await stream.writeSSE({ event: "stats", data: JSON.stringify(await sharedStats(c)) });
        await stream.sleep(EVENT_EVERY_MS);
      }
    } finally {
      streams.delete(id);
    }
  });
}

/** No body is an empty wish: nothing has to be said for the usual case. */
function readWish(c: Context<CallerEnv>): Promise<Body> {
  if (c.req.raw.body === null && contentType(c) === "") return Promise.resolve({ ok: true, value: {} });
  return readObject(c);
}

function noSuchUser(): Response {
  return problem("not_found", "There is no such user.");
}

function detailOf(issue: v.BaseIssue<unknown>): string {
  return RULES.get(issue.path?.at(-1)?.key) ?? "is not a field here";
}
