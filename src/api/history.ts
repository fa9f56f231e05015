import { Hono } from "hono";

import { FORMAT_NAMES, FORMATS, isFormatName } from "../history/exports/formats.ts";
import type { FormatName } from "../history/exports/formats.ts";
import type { ExportPage, WriteExport } from "../history/exports/page.ts";
import { HISTORY_PAGE_MAX } from "../history/page.ts";
import { readHistory } from "../history/read.ts";
import type { HistoryReaders } from "../history/read.ts";
import { readOlder } from "../history/sinks/cassandra-stub.ts";
import { logError } from "../observe/log.ts";
import { ownObject } from "./context.ts";
import type { CallerEnv } from "./context.ts";
import { problem, retryAfter } from "./problem.ts";
import type { FieldError } from "./problem.ts";

/** The last moment that a JavaScript date can have: beyond it no time can be written. */
const TIME_MAX_MS = 8_640_000_000_000_000;

/** A cluster that was restarted answers within about a minute. */
const OLDER_RETRY_S = 60;

/** Waiting does not help, only erasing wider ranges does: a client that does not read the reason shall at least be slow. */
const ERASURES_RETRY_S = 60 * 60;

/** Characters that leave in one piece: a point alone would cost a packet of its own. */
const PIECE_CHARS = 16 * 1024;

/** Pages need no body to tell this: the formats of other programs have no place for it. */
const SINCE_HEADER = "history-since";

const TIME_RULE = "must be whole milliseconds since 1970";
const RANGE_RULE = "must be after `from`";
const LIMIT_RULE = `must be a whole number from 1 to ${HISTORY_PAGE_MAX}`;
const FORMAT_RULE = `must be one of ${FORMAT_NAMES.join(", ")}`;
const CURSOR_RULE = "must be the `next` of an earlier page of the same range";

interface Range {
  /** ms, inclusive. */
  readonly from: number;
  /** ms, exclusive. */
  readonly to: number;
}

interface PageQuery extends Range {
  readonly limit: number;
  readonly format: FormatName;
}

type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly response: Response };

/** Values of a query by their names; undefined for what is not there. */
type Lookup = (name: string) => string | undefined;

/** The caller's own movement history. */
export const history = new Hono<CallerEnv>()
  .get("/", async (c) => {
    const lookup: Lookup = (name) => c.req.query(name);
    const parsed = parsePageQuery(lookup);
    if (!parsed.ok) return parsed.response;
    const { format, ...query } = parsed.value;

    const { caller, settings } = c.var;
    const own: HistoryReaders["own"] = (asked) => ownObject(c, caller.user).history(caller, asked);
    const older: HistoryReaders["older"] = (asked) => readOlder(c.env.CASSANDRA, { user: caller.user, ...asked });
    const isOlderKept = settings.history.cassandra !== undefined;
    const page = await readHistory(isOlderKept ? { own, older } : { own }, query, Date.now());
    if ("refused" in page) {
      logError("older_history_unavailable", { error: String(page.error) });
      const detail = `Older history cannot be read now. What is not older than \`from=${page.readableFrom}\` can.`;
      return problem("unavailable", detail, { headers: retryAfter(OLDER_RETRY_S) });
    }

    const { points, since } = page;
    const next = page.next === undefined ? {} : { next: toCursor(page.next) };
    return pageResponse({ points, since, ...next }, format, lookup);
  })
  .delete("/", async (c) => {
    const errors: FieldError[] = [];
    const range = parseRange((name) => c.req.query(name), errors);
    if (errors.length > 0) return badQuery(errors);
    const { caller } = c.var;
    const answer = await ownObject(c, caller.user).eraseHistory(caller, range);
    if ("refused" in answer) {
      const detail = "Too many separate ranges are erased already. Erase one that touches earlier ones, or everything.";
      return problem("rate_limited", detail, { headers: retryAfter(ERASURES_RETRY_S) });
    }
    return c.body(null, 204);
  });

function parsePageQuery(lookup: Lookup): Parsed<PageQuery> {
  const errors: FieldError[] = [];
  const refuse = (name: string, detail: string): void => void errors.push({ pointer: `#/${name}`, detail });

  const { from, to } = parseRange(lookup, errors);
  const format = lookup("format") ?? "json";
  if (!isFormatName(format)) refuse("format", FORMAT_RULE);
  const limit = parseWhole(lookup("limit") ?? String(HISTORY_PAGE_MAX), { min: 1, max: HISTORY_PAGE_MAX });
  if (limit === undefined) refuse("limit", LIMIT_RULE);
  const cursor = lookup("cursor");
  const start = cursor === undefined ? from : fromCursor(cursor);
  // A cursor narrows the range that was asked for and never leaves it.
  const isInside = start !== undefined && start >= from && start < to;
  if (!isInside && errors.length === 0) refuse("cursor", CURSOR_RULE);

  if (errors.length > 0 || limit === undefined || start === undefined || !isFormatName(format)) {
    return { ok: false, response: badQuery(errors) };
  }
  return { ok: true, value: { from: start, to, limit, format } };
}

/** `from` and `to`, by default everything; what is wrong with them goes into `errors`. */
function parseRange(lookup: Lookup, errors: FieldError[]): Range {
  const from = parseWhole(lookup("from") ?? "0", { min: 0, max: TIME_MAX_MS });
  const to = parseWhole(lookup("to") ?? String(TIME_MAX_MS), { min: 0, max: TIME_MAX_MS });
  if (from === undefined) errors.push({ pointer: "#/from", detail: TIME_RULE });
  if (to === undefined) errors.push({ pointer: "#/to", detail: TIME_RULE });
  const range = { from: from ?? 0, to: to ?? TIME_MAX_MS };
  if (errors.length === 0 && range.from >= range.to) errors.push({ pointer: "#/to", detail: RANGE_RULE });
  return range;
}

/** Digits only: `Number` alone takes "" for 0 and reads "1e3" and "0x10", too. */
function parseWhole(text: string, { min, max }: { min: number; max: number }): number | undefined {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}

function badQuery(errors: readonly FieldError[]): Response {
  return problem("bad_request", "The query has values that are not accepted here; see `errors`.", { errors });
}

/** Where the next page starts, in letters and digits: nobody shall count on what they mean. */
function toCursor(ms: number): string {
  return ms.toString(36);
}

function fromCursor(text: string): number | undefined {
  const ms = /^[0-9a-z]{1,11}$/.test(text) ? Number.parseInt(text, 36) : Number.NaN;
  return ms <= TIME_MAX_MS ? ms : undefined;
}

function pageResponse(page: ExportPage, format: FormatName, lookup: Lookup): Response {
  const { contentType, write, ...more } = FORMATS[format];
  const headers = new Headers({ "content-type": contentType, [SINCE_HEADER]: String(page.since) });
  if ("fileName" in more) headers.set("content-disposition", `attachment; filename="${more.fileName}"`);
  if (page.next !== undefined) headers.set("link", `<${nextAddress(page.next, lookup)}>; rel="next"`);
  return new Response(toStream(write, page), { headers });
}

/**
 * The address of the next page, relative to that of this one (RFC 8288, 3.2): a proxy in front may serve it under another
 * host or path. It repeats what was asked and checked, nothing else of the query.
 */
function nextAddress(next: string, lookup: Lookup): string {
  const query = new URLSearchParams();
  for (const name of ["from", "to", "format", "limit"]) {
    const value = lookup(name);
    if (value !== undefined) query.set(name, value);
  }
  query.set("cursor", next);
  return `?${query.toString()}`;
}

/** The text as it is written: no page is in memory twice, as points and as text. */
function toStream(write: WriteExport, page: ExportPage): ReadableStream<Uint8Array> {
  const pieces = write(page);
  const encoder = new TextEncoder();
  return new ReadableStream({
    pull(controller) {
      let text = "";
      while (text.length < PIECE_CHARS) {
        const { done, value } = pieces.next();
        if (done === true) {
          if (text !== "") controller.enqueue(encoder.encode(text));
          return controller.close();
        }
        text += value;
      }
      controller.enqueue(encoder.encode(text));
    },
  });
}
