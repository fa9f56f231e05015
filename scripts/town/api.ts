/** The few HTTP requests that the commands make, with errors that say what to do. */

/** A server on this machine answers in milliseconds; this is for one that hangs. */
const TIMEOUT_MS = 10_000;

/** A request that did not get what it asked for; the message is for people. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** Undefined when no answer came at all. */
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

export interface ApiRequest {
  readonly method: "GET" | "PUT" | "PATCH" | "POST";
  /** Such as `/v1/me`. */
  readonly path: string;
  readonly token?: string;
  readonly body?: unknown;
}

/**
 * The JSON of the answer.
 *
 * @throws ApiError when nobody answers or the answer is not a success
 */
export async function callApi(url: string, { method, path, token, body }: ApiRequest): Promise<unknown> {
  const response = await send(new URL(path, url), {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await response.text();
  const json = parse(text);
  if (response.ok) return json;
  const detail = textField(json, "detail") ?? (text.slice(0, 200) || "no explanation");
  throw new ApiError(`${method} ${path} was answered ${response.status}: ${detail}`, response.status);
}

/** Becomes friends: `asker` asks, `accepter` accepts. Repeating it changes nothing. */
export async function befriend(url: string, asker: Account, accepter: Account): Promise<void> {
  await putFriend(url, asker, accepter.id);
  await putFriend(url, accepter, asker.id);
}

export interface Account {
  readonly id: string;
  readonly token: string;
}

async function putFriend(url: string, from: Account, to: string): Promise<void> {
  await callApi(url, { method: "PUT", path: `/v1/friends/${encodeURIComponent(to)}`, token: from.token });
}

/** A text field of a JSON object, or undefined. */
export function textField(value: unknown, field: string): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const found: unknown = Object.getOwnPropertyDescriptor(value, field)?.value;
  return typeof found === "string" ? found : undefined;
}

async function send(url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    const { origin } = url;
    const cause = error instanceof Error ? error.cause : undefined;
    if (textField(cause, "code") === "ECONNREFUSED") {
      throw new ApiError(`nothing listens at ${origin}: start a server with "npm start" or "npm run serve"`);
    }
    if (error instanceof Error && error.name === "TimeoutError") {
      throw new ApiError(`${origin} did not answer within ${TIMEOUT_MS / 1000} s`);
    }
    const reason = cause instanceof Error ? cause.message : String(error);
    throw new ApiError(`${origin} cannot be reached: ${reason}`);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
