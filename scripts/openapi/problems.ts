import { problem } from "../../src/api/problem.ts";
import type { ProblemCode } from "../../src/api/problem.ts";
import { refTo } from "./convert.ts";
import type { Json } from "./convert.ts";

/** When each code is answered. */
const WHEN: Readonly<Record<ProblemCode, string>> = {
  bad_request: "The request has values that are not accepted here; `errors` names them where they are fields.",
  unauthorized: "There is no valid token, or device password where that is taken.",
  forbidden: "The caller may not do this.",
  not_found: "There is nothing at this address, or nothing that the caller may know of.",
  method_not_allowed: "The address has other methods, which `Allow` lists.",
  friend_limit: "One of the two has as many friends as anybody may have.",
  pending_limit: "Too many requests are waiting for an answer.",
  invite_limit: "As many invites are open as a user may have.",
  share_limit: "As many shares are open as a user may have.",
  block_limit: "As many people are blocked as a user may block.",
  device_limit: "As many devices have a password as a user may have.",
  too_large: "The body is longer than it may be.",
  wrong_type: "The body was sent as another type than those listed.",
  upgrade_required:
    "The address is for a WebSocket. (`Upgrade` is lost behind servers that drop headers of the connection.)",
  rate_limited: "Too many requests, or too many of this kind; nothing of this one was applied.",
  internal: "The server failed.",
  not_configured: "A setting of the server is missing or bad; `detail` names it.",
  unavailable: "What is needed for the answer does not answer itself at this moment.",
};

const HEADERS: Partial<Record<ProblemCode, Json>> = {
  unauthorized: {
    "www-authenticate": header("`Bearer`; for phone apps `Basic`.", {
      enum: ["Bearer", 'Basic realm="nearby-friends"'],
    }),
  },
  method_not_allowed: { allow: header("The methods that there are.", { type: "string" }) },
  rate_limited: { "retry-after": header("Seconds.", { type: "integer", minimum: 1 }) },
  unavailable: { "retry-after": header("Seconds.", { type: "integer", minimum: 1 }) },
};

function header(description: string, schema: Json): Json {
  return { description, required: true, schema };
}

const CODES = Object.keys(WHEN);

/** The body of every error (RFC 9457). */
export const PROBLEM_SCHEMA: Json = {
  type: "object",
  required: ["type", "title", "status", "code", "detail"],
  properties: {
    type: { const: "about:blank" },
    title: { type: "string", description: "The phrase of the status." },
    status: { type: "integer", description: "The status of the answer." },
    code: { enum: CODES, description: "Says what is wrong, for programs." },
    detail: { type: "string", description: "Says what to do, for people. Never repeats what was sent." },
    errors: {
      type: "array",
      minItems: 1,
      maxItems: 20,
      description: "The bad fields of a body or parameters of a query.",
      items: {
        type: "object",
        required: ["pointer", "detail"],
        properties: {
          pointer: {
            type: "string",
            pattern: "^#",
            description: "JSON pointer as a URI fragment, such as `#/points/3/lat`; a parameter is `#/from`.",
          },
          detail: { type: "string" },
        },
      },
    },
  },
};

/** Error answers by status; codes that share a status share an answer. They refer to `components.responses`. */
export function problemResponses(codes: Iterable<ProblemCode>, components: Map<string, Json>): Record<string, Json> {
  const byStatus = Map.groupBy(new Set(codes), (code) => problem(code, "").status);
  return Object.fromEntries(
    Array.from(byStatus, ([status, same]) => {
      const sorted = same.toSorted();
      const name = sorted.join("_or_");
      if (!components.has(name)) components.set(name, toResponse(status, sorted));
      return [String(status), { $ref: `#/components/responses/${name}` }];
    }),
  );
}

function toResponse(status: number, codes: readonly ProblemCode[]): Json {
  const only = { properties: { status: { const: status }, code: { enum: codes } } };
  const headers = Object.fromEntries(codes.flatMap((code) => Object.entries(HEADERS[code] ?? {})));
  return {
    description: codes.map((code) => `\`${code}\`: ${WHEN[code]}`).join("\n\n"),
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    content: { "application/problem+json": { schema: { allOf: [refTo("Problem"), only] } } },
  };
}
