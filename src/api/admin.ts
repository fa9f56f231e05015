import { Hono } from "hono";
import type { MiddlewareHandler } from "hono";

import { IMPORT_LINES_MAX } from "../protocol/limits.ts";
import { contentType } from "./body.ts";
import type { CallerEnv } from "./context.ts";
import { applyLines, readLines } from "./import-friendships.ts";
import { operations } from "./operations.ts";
import { problem } from "./problem.ts";

/** One JSON value per line has no registered type; these are what its tools send. */
const NDJSON_TYPES: readonly string[] = ["application/x-ndjson", "application/ndjson", "application/jsonl"];

export const adminOnly: MiddlewareHandler<CallerEnv> = async (c, next) => {
  if (c.var.caller.role === "admin") return next();
  return problem("forbidden", 'This is for operators: the token needs "role": "admin".');
};

/** What operators do, and the host app's own backend. */
export const admin = new Hono<CallerEnv>()
  .use(adminOnly)
  .route("/", operations)
  .post("/friendships", async (c) => {
    if (!NDJSON_TYPES.includes(contentType(c))) {
      const headers = { accept: NDJSON_TYPES[0] ?? "" };
      return problem("wrong_type", "Send one JSON object per line, as application/x-ndjson.", { headers });
    }
    // What is not UTF-8 becomes replacement characters, which no user id has: its line is refused, not the others.
    const lines = readLines(new TextDecoder().decode(await c.req.arrayBuffer()));
    if (lines === null) {
      return problem("too_large", `An import may have at most ${IMPORT_LINES_MAX} lines. Nothing of it was applied.`);
    }
    return c.json(await applyLines(lines, ({ a, b, wanted }) => c.env.USER.getByName(a).link(b, wanted)));
  });
