/** One request of an import, as often as it takes: repeating it changes nothing. */
import { setTimeout as sleep } from "node:timers/promises";
import * as v from "valibot";
import { textField } from "../town/api.ts";

const IMPORT_PATH = "/v1/admin/friendships";

/** 4,000 friendships whose objects all have to be reached at their slowest take two minutes. */
const ANSWER_WAIT_MS = 180_000;

/** The server is away: a restart takes seconds, an outage longer than all these tries is one to be told about. */
const TRIES_MAX = 8;
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;

/** What a server may ask to wait at most; more is a mistake in the unit. */
const RETRY_AFTER_MAX_S = 300;

/** Too many requests, and what a server or a proxy before it says when it is not there for the moment. */
const PASSING: ReadonlySet<number> = new Set([429, 502, 503, 504]);

const Report = v.object({
  accepted: v.number(),
  unchanged: v.number(),
  refused: v.array(v.object({ line: v.number(), code: v.string(), reason: v.string() })),
});

export type Report = v.InferOutput<typeof Report>;

/** An import that cannot go on; the message is for people. */
export class ImportError extends Error {
  override readonly name = "ImportError";
}

export interface Sender {
  readonly url: string;
  /** Asked before each request: a signed one does not run out in a long import. */
  readonly token: () => Promise<string>;
  /** Aborted: nothing is tried again. */
  readonly stop: AbortSignal;
  /** Aborted: not even an answer that is under way is waited for. */
  readonly cut: AbortSignal;
  /** Told why, and for how long, before a wait. */
  readonly onWait?: (why: string, waitMs: number) => void;
  /** Default: by the clock. Rejects when the signal is aborted. */
  readonly wait?: (waitMs: number, signal: AbortSignal) => Promise<void>;
}

type Try = { readonly report: Report } | { readonly why: string; readonly retryAfterMs: number | undefined };

/**
 * Sends NDJSON of at most as many lines as a request may have.
 *
 * @param triesMax 1 for a look whether the server is there
 * @throws ImportError when the server refuses the request, or after the last try
 */
export async function sendLines(sender: Sender, body: string, triesMax: number = TRIES_MAX): Promise<Report> {
  const { stop, onWait, wait = waitByClock } = sender;
  for (let tries = 1; ; tries += 1) {
    const tried = await trySending(sender, body);
    if ("report" in tried) return tried.report;
    if (tries === triesMax || stop.aborted) throw new ImportError(tried.why);
    const waitMs = tried.retryAfterMs ?? Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** (tries - 1));
    onWait?.(tried.why, waitMs);
    try {
      await wait(waitMs, stop);
    } catch {
      throw new ImportError(tried.why);
    }
  }
}

async function waitByClock(waitMs: number, signal: AbortSignal): Promise<void> {
  await sleep(waitMs, undefined, { signal });
}

async function trySending({ url, token, cut }: Sender, body: string): Promise<Try> {
  const { origin } = new URL(url);
  let status: number;
  let text: string;
  let retryAfter: string | null;
  try {
    const response = await fetch(new URL(IMPORT_PATH, url), {
      method: "POST",
      headers: { authorization: `Bearer ${await token()}`, "content-type": "application/x-ndjson" },
      body,
      signal: AbortSignal.any([cut, AbortSignal.timeout(ANSWER_WAIT_MS)]),
    });
    ({ status } = response);
    retryAfter = response.headers.get("retry-after");
    text = await response.text();
  } catch (error) {
    return { why: lossOf(error, origin), retryAfterMs: undefined };
  }
  if (status === 200) return { report: readReport(text, origin) };
  const detail = textField(parse(text), "detail") ?? "no explanation";
  if (PASSING.has(status)) {
    return { why: `${origin} answers ${status}: ${detail}`, retryAfterMs: readRetryAfter(retryAfter) };
  }
  const advice =
    status === 401 || status === 403
      ? "; the token must be signed with the server's AUTH_SECRET, and have the role admin"
      : "";
  throw new ImportError(`${origin} answers ${status}: ${detail}${advice}`);
}

function lossOf(error: unknown, origin: string): string {
  if (error instanceof Error && error.name === "TimeoutError") {
    return `${origin} did not answer within ${ANSWER_WAIT_MS / 1000} s`;
  }
  const cause = error instanceof Error ? error.cause : undefined;
  if (textField(cause, "code") === "ECONNREFUSED") return `nothing listens at ${origin}`;
  return `the connection to ${origin} was lost: ${cause instanceof Error ? cause.message : String(error)}`;
}

function readReport(text: string, origin: string): Report {
  const parsed = v.safeParse(Report, parse(text));
  if (parsed.success) return parsed.output;
  throw new ImportError(`${origin} answers without a report: is this a nearby-friends server?`);
}

function readRetryAfter(text: string | null): number | undefined {
  return text !== null && /^\d{1,6}$/.test(text) ? Math.min(Number(text), RETRY_AFTER_MAX_S) * 1000 : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
