import type * as v from "valibot";

/** The kinds of error answers (RFC 9457). `title` is the phrase of the status, as `about:blank` asks for. */
const PROBLEMS = {
  bad_request: { status: 400, title: "Bad Request" },
  unauthorized: { status: 401, title: "Unauthorized" },
  forbidden: { status: 403, title: "Forbidden" },
  not_found: { status: 404, title: "Not Found" },
  method_not_allowed: { status: 405, title: "Method Not Allowed" },
  friend_limit: { status: 409, title: "Conflict" },
  pending_limit: { status: 409, title: "Conflict" },
  invite_limit: { status: 409, title: "Conflict" },
  share_limit: { status: 409, title: "Conflict" },
  block_limit: { status: 409, title: "Conflict" },
  device_limit: { status: 409, title: "Conflict" },
  too_large: { status: 413, title: "Content Too Large" },
  wrong_type: { status: 415, title: "Unsupported Media Type" },
  upgrade_required: { status: 426, title: "Upgrade Required" },
  rate_limited: { status: 429, title: "Too Many Requests" },
  internal: { status: 500, title: "Internal Server Error" },
  not_configured: { status: 500, title: "Internal Server Error" },
  unavailable: { status: 503, title: "Service Unavailable" },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

/** One bad field of a body; `pointer` is a JSON pointer as a URI fragment (RFC 6901, 6), such as `#/points/3/lat`. */
export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
}

export interface ProblemExtras {
  readonly errors?: readonly FieldError[];
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * An error answer. Never cached.
 *
 * @param detail a sentence that says what to do; never repeats what the client sent
 */
export function problem(code: ProblemCode, detail: string, extras: ProblemExtras = {}): Response {
  const { status, title } = PROBLEMS[code];
  const { errors, headers } = extras;
  const body = { type: "about:blank", title, status, code, detail, ...(errors === undefined ? {} : { errors }) };
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...headers, "content-type": "application/problem+json", "cache-control": "no-store" },
  });
}

/** 400 for a body whose fields are wrong. */
export function badFields(errors: readonly FieldError[]): Response {
  return problem("bad_request", "The body has fields that are not accepted here; see `errors`.", { errors });
}

/** 429 and 503 say when to come back, in whole seconds (RFC 9110, 10.2.3). */
export function retryAfter(seconds: number): Readonly<Record<string, string>> {
  return { "retry-after": String(Math.max(1, Math.ceil(seconds))) };
}

/** Bad fields that one answer lists: enough to fix a client by, and an answer stays smaller than the request. */
const FIELD_ERRORS_MAX = 20;

/** For the validator: a field that breaks two rules is one bad field. */
export const ONE_PER_FIELD = { abortPipeEarly: true } as const;

/**
 * The issues of a validation as bad fields.
 *
 * @param detailOf says what is allowed there; a validator's own text would repeat what the client sent
 */
export function fieldErrors(
  issues: readonly v.BaseIssue<unknown>[],
  detailOf: (issue: v.BaseIssue<unknown>) => string,
): FieldError[] {
  return issues.slice(0, FIELD_ERRORS_MAX).map((issue) => ({ pointer: pointerOf(issue), detail: detailOf(issue) }));
}

/** Characters of a field's name that an answer repeats: unknown fields are named by the client. */
const POINTER_PART_MAX_CHARS = 64;

function pointerOf(issue: v.BaseIssue<unknown>): string {
  const parts = (issue.path ?? []).map((item) => {
    const key = String(item.key).slice(0, POINTER_PART_MAX_CHARS).toWellFormed();
    return `/${encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1"))}`;
  });
  return `#${parts.join("")}`;
}
