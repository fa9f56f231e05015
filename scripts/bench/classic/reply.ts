/** Answers over HTTP: JSON, and problems of RFC 9457. */
import { STATUS_CODES } from "node:http";
import type * as v from "valibot";

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function json(value: unknown, status = 200): Reply {
  return {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
    body: JSON.stringify(value),
  };
}

export const NO_CONTENT: Reply = { status: 204, headers: { "cache-control": "no-store" }, body: "" };

/** @param detail says what to do, and never repeats what the client sent */
export function problem(status: number, code: string, detail: string, errors?: readonly FieldError[]): Reply {
  const title = STATUS_CODES[status] ?? "Error";
  const body = JSON.stringify({
    type: "about:blank",
    title,
    status,
    code,
    detail,
    ...(errors ? { errors } : undefined),
  });
  return { status, headers: { "content-type": "application/problem+json", "cache-control": "no-store" }, body };
}

export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
}

/** 400 for a body whose fields are wrong, each named by a JSON pointer. */
export function badFields(issues: readonly v.BaseIssue<unknown>[]): Reply {
  const errors = issues.map((issue) => {
    const path = (issue.path ?? []).map((item) => `/${encodeURIComponent(String(item.key))}`);
    return { pointer: `#${path.join("")}`, detail: "is not accepted here" };
  });
  return problem(400, "bad_request", "The body has fields that are not accepted here; see `errors`.", errors);
}
