import { BODY_MAX_BYTES } from "../../src/api/body.ts";
import type { ProblemCode } from "../../src/api/problem.ts";
import { PROTOCOL_VERSION } from "../../src/protocol/version.ts";
import { componentSchemas } from "./components.ts";
import type { ComponentName } from "./components.ts";
import { refTo } from "./convert.ts";
import type { Json } from "./convert.ts";
import { MORE_OPERATIONS } from "./operations-more.ts";
import { PHONE_OPERATIONS } from "./operations-phones.ts";
import { PEOPLE_OPERATIONS } from "./operations.ts";
import type { Answer, Operation, Operations } from "./operations.ts";
import { problemResponses } from "./problems.ts";

const OPERATIONS: Operations = { ...PEOPLE_OPERATIONS, ...PHONE_OPERATIONS, ...MORE_OPERATIONS };

const DESCRIPTION = `
The HTTP part of the service; the WebSocket is in \`asyncapi.json\` and \`src/protocol/SPEC.md\`, the rules in \`docs/http.md\`.

Degrees are WGS 84, lengths metres, every point in time is in milliseconds since the Unix epoch.

**Tokens.** \`Authorization: Bearer <JWT>\`. \`sub\` is the user id, \`exp\` is required, \`nbf\` is honoured, \`iss\` and \`aud\` are
checked where \`AUTH_ISSUER\` and \`AUTH_AUDIENCE\` are set. Optional: \`name\` and \`picture\` (https), which are ignored when they
are not usable, and \`role: "admin"\`. The algorithm is fixed by the server's settings: HS256 with \`AUTH_SECRET\`, or RS256,
ES256 and EdDSA with \`AUTH_JWKS_URL\`. Tokens are never read from a URL.

**Errors** are \`application/problem+json\` (RFC 9457) with a \`code\`. Two kinds of them are not the client's doing: 500 and 503
\`unavailable\`, with \`Retry-After\`: the keys behind \`AUTH_JWKS_URL\` cannot be fetched, the user's object is overloaded or
restarting, or older history cannot be read. While the keys cannot be fetched a token is neither good nor bad; 401 would make
every app ask for new tokens that are no better. A method that an address does not have is 405 with \`Allow\`.

**Bodies** are JSON objects in UTF-8 of at most ${BODY_MAX_BYTES} bytes, unless another type is listed. Unknown fields of
answers are to be ignored: there may be more of them one day. Everything under \`/v1\` is \`cache-control: no-store\`.

**CORS** follows \`ALLOWED_ORIGINS\`, without credentials. Preflights need no token.
`.trim();

const PATH_PARAMETERS: Readonly<Record<string, Json>> = {
  id: { ...refTo("UserId"), description: "Of the other user." },
  code: { type: "string", description: "Of the link." },
  device: { type: "string", description: "Of the device." },
};

const TAGS: Readonly<Record<string, string>> = {
  Profile: "The caller: name, picture, pause.",
  Friends: "Who sees whom.",
  Blocks: "Whom the caller wants nothing to do with.",
  Invites: "Links that make two people friends.",
  Shares: "Links that show a live position for a while, without an account.",
  Positions: "Where the caller is, and who is near.",
  History: "Where the caller was.",
  Devices: "Passwords for phone apps, which can do nothing but report positions.",
  Phones: "What OwnTracks and Traccar Client speak.",
  Admin: 'For operators: tokens with `role: "admin"`.',
  Pages: "What is behind a link, and what pages ask for.",
  Service: "The service itself.",
};

/** The OpenAPI document of the HTTP API. */
export function openApiDocument(): Json {
  const responses = new Map<string, Json>();
  const paths: Record<string, Record<string, Json>> = {};
  for (const [route, operation] of Object.entries(OPERATIONS)) {
    const [method = "", path = ""] = route.split(" ");
    if (!(operation.tag in TAGS)) throw new Error(`${route}: there is no tag ${operation.tag}`);
    (paths[path] ??= {})[method.toLowerCase()] = toOperation(path, method, operation, responses);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "nearby-friends",
      version: String(PROTOCOL_VERSION),
      license: { name: "MIT", identifier: "MIT" },
      description: DESCRIPTION,
    },
    servers: [{ url: "/" }],
    tags: Object.entries(TAGS)
      .filter(([name]) => Object.values(OPERATIONS).some(({ tag }) => tag === name))
      .map(([name, description]) => ({ name, description })),
    security: [{ bearer: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
        phone: {
          type: "http",
          scheme: "basic",
          description: "The user id, and a device password or a token; Traccar Client sends that one as `id` instead.",
        },
      },
      responses: Object.fromEntries(Array.from(responses).toSorted(([a], [b]) => (a < b ? -1 : 1))),
      schemas: componentSchemas(),
    },
  };
}

function toOperation(path: string, method: string, operation: Operation, responses: Map<string, Json>): Json {
  const { id, summary, description, tag, access, body, query = {} } = operation;
  const parameters = [
    ...Array.from(path.matchAll(/\{(\w+)\}/g), ([, name = ""]) => {
      const { description: text, ...schema } = PATH_PARAMETERS[name] ?? {};
      return { name, in: "path", required: true, description: text, schema };
    }),
    ...Object.entries(query).map(([name, { description: text, ...schema }]) => ({
      name,
      in: "query",
      ...(text === undefined ? {} : { description: text }),
      schema,
    })),
  ];
  return {
    operationId: id,
    summary,
    ...(description === undefined ? {} : { description }),
    tags: [tag],
    ...(access === "anybody" ? { security: [] } : {}),
    ...(access === "phone" ? { security: [{ phone: [] }, { bearer: [] }] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: toBody(body) }),
    responses: {
      ...Object.fromEntries(Object.entries(operation.answers).map(([status, answer]) => [status, toAnswer(answer)])),
      ...problemResponses(problemsOf(path, method, operation), responses),
    },
  };
}

/** What follows from who may call, from the body and from what every request goes through. */
function problemsOf(path: string, method: string, { access, body, problems = [], id }: Operation): ProblemCode[] {
  if (id === "health") return [];
  // The apps can do nothing with any other: one drops what it has sent, another sends it for ever.
  if (access === "phone") return ["unauthorized", "not_configured", "unavailable"];
  return [
    ...problems,
    ...(access === "anybody" ? [] : (["unauthorized"] as const)),
    ...(access === "admin" ? (["forbidden"] as const) : []),
    ...(body === undefined ? [] : (["wrong_type"] as const)),
    // Lines that cannot be read are part of the answer.
    ...(body === undefined || body.schema === "ImportLines" ? [] : (["bad_request"] as const)),
    // Of a request that should have no body, too.
    ...(method === "GET" ? [] : (["too_large"] as const)),
    ...(path.startsWith("/v1/") || path.startsWith("/i/") || path.startsWith("/s/") ? (["rate_limited"] as const) : []),
    "internal",
    "not_configured",
    "unavailable",
  ];
}

function toBody({ schema, types = ["application/json"], required = true }: NonNullable<Operation["body"]>): Json {
  return { required, content: toContent(Object.fromEntries(types.map((type) => [type, schema]))) };
}

function toAnswer({ description, content, headers }: Answer): Json {
  return {
    description,
    ...(headers === undefined ? {} : { headers }),
    ...(content === undefined ? {} : { content: toContent(content) }),
  };
}

function toContent(content: Readonly<Record<string, ComponentName | "text">>): Json {
  return Object.fromEntries(
    Object.entries(content).map(([type, name]) => [
      type,
      { schema: name === "text" ? { type: "string" } : refTo(name) },
    ]),
  );
}
