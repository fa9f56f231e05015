/** Requests to the server, and what they answer. */
import * as v from "valibot";

import { bearer, refuse } from "./session.ts";

/** A phone on a bad network; longer than that nobody looks at a spinner. */
const TIMEOUT_MS = 15_000;

export class ApiError extends Error {
  override readonly name = "ApiError";
  /** Undefined when no answer came. */
  readonly status: number | undefined;
  readonly code: string | undefined;

  constructor(message: string, status?: number, code?: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const Problem = v.object({ code: v.string(), detail: v.optional(v.string(), "") });

const Visibility = v.picklist(["exact", "coarse", "hidden"]);
export type Visibility = v.InferOutput<typeof Visibility>;

export const Profile = v.object({
  user: v.string(),
  name: v.exactOptional(v.string()),
  avatar: v.exactOptional(v.string()),
  sharing: v.boolean(),
  pausedUntil: v.exactOptional(v.number()),
  discoverable: v.boolean(),
});
export type Profile = v.InferOutput<typeof Profile>;

export const FriendEntry = v.object({
  id: v.string(),
  name: v.exactOptional(v.string()),
  avatar: v.exactOptional(v.string()),
  state: v.picklist(["friend", "incoming", "outgoing"]),
  since: v.number(),
  visibility: Visibility,
  muted: v.boolean(),
});
export type FriendEntry = v.InferOutput<typeof FriendEntry>;

export const FriendPage = v.object({ friends: v.array(FriendEntry), next: v.exactOptional(v.string()) });

const Block = v.object({ id: v.string() });
export const BlockPage = v.object({ blocks: v.array(Block), next: v.exactOptional(v.string()) });

export const Invite = v.object({
  code: v.string(),
  url: v.string(),
  expiresAt: v.number(),
  uses: v.number(),
  used: v.optional(v.number(), 0),
});
export type Invite = v.InferOutput<typeof Invite>;
export const Invites = v.object({ invites: v.array(Invite) });

export const Share = v.object({
  code: v.string(),
  url: v.string(),
  expiresAt: v.number(),
  viewers: v.optional(v.number(), 0),
});
export type Share = v.InferOutput<typeof Share>;
export const Shares = v.object({ shares: v.array(Share) });

const DEVICE = {
  id: v.string(),
  app: v.picklist(["owntracks", "traccar"]),
  name: v.exactOptional(v.string()),
  createdAt: v.number(),
};
const Device = v.object(DEVICE);
export type Device = v.InferOutput<typeof Device>;
export const Devices = v.object({ devices: v.array(Device) });

/** One that was made just now, with what sets up the app. */
export const NewDevice = v.object({
  ...DEVICE,
  user: v.string(),
  password: v.string(),
  endpoint: v.string(),
  encryptionKey: v.exactOptional(v.string()),
  url: v.string(),
  qr: v.string(),
});
export type NewDevice = v.InferOutput<typeof NewDevice>;

const TrailPoint = v.object({
  lat: v.number(),
  lng: v.number(),
  ts: v.number(),
  outlier: v.exactOptional(v.boolean()),
});
export type TrailPoint = v.InferOutput<typeof TrailPoint>;
export const HistoryPage = v.object({
  points: v.array(TrailPoint),
  since: v.number(),
  next: v.exactOptional(v.string()),
});

export const Login = v.object({ token: v.string(), user: v.string() });

export const Config = v.object({ mapStyleUrl: v.nullable(v.string()), devLogin: v.boolean() });
export type Config = v.InferOutput<typeof Config>;

export const Nothing = v.unknown();

type Method = "GET" | "PUT" | "POST" | "PATCH" | "DELETE";

interface Asked<T> {
  readonly schema: v.GenericSchema<unknown, T>;
  readonly body?: unknown;
}

/**
 * One request with the token of whoever is signed in.
 *
 * @throws ApiError when nobody answers, or with anything but what was asked for; a refused token ends the session
 */
export async function api<T>(method: Method, path: string, { schema, body }: Asked<T>): Promise<T> {
  const authorization = bearer();
  const response = await request(method, path, {
    ...(authorization === undefined ? {} : { authorization }),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (response.status === 401 && authorization !== undefined) refuse(authorization);
  return read(response, schema);
}

async function request(
  method: Method,
  path: string,
  { authorization, body }: { authorization?: string; body?: string },
): Promise<Response> {
  const headers = new Headers();
  if (authorization !== undefined) headers.set("authorization", authorization);
  if (body !== undefined) headers.set("content-type", "application/json");
  try {
    return await fetch(path, {
      method,
      headers,
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body }),
    });
  } catch (error) {
    throw new ApiError(error instanceof Error ? error.message : String(error));
  }
}

async function read<T>(response: Response, schema: v.GenericSchema<unknown, T>): Promise<T> {
  if (!response.ok) throw await problemOf(response);
  const parsed = v.safeParse(schema, response.status === 204 ? undefined : await json(response));
  if (!parsed.success) throw new ApiError("an answer of another kind", response.status);
  return parsed.output;
}

async function problemOf(response: Response): Promise<ApiError> {
  const problem = v.safeParse(Problem, await json(response));
  if (!problem.success) return new ApiError(response.statusText, response.status);
  return new ApiError(problem.output.detail, response.status, problem.output.code);
}

async function json(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return undefined;
  }
}
