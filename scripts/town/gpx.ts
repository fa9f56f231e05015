/**
 * The track points of a GPX file. A strict reader of what recorders write, not of all XML: `<trkpt>` start tags with
 * `lat` and `lon`, each on its own or sharing lines, and the `<time>` inside. Comments and CDATA are refused rather
 * than misread.
 */
import { readFile, stat } from "node:fs/promises";
import type { Place } from "../../src/geo/place.ts";
import { FileError } from "./lines.ts";

/** A day at one point a second is 12 MB. */
const FILE_MAX_BYTES = 50_000_000;
const DECIMAL = /^[+-]?\d{1,3}(?:\.\d{1,20})?$/;

export interface TrackPoint extends Place {
  /** Undefined when the recorder wrote no time. */
  readonly atMs: number | undefined;
}

/** @throws FileError with the line and the reason */
export async function readGpx(path: string): Promise<TrackPoint[]> {
  let text: string;
  try {
    const { size, isFile } = await about(path);
    if (!isFile) throw new FileError(0, "is not a regular file");
    if (size > FILE_MAX_BYTES) throw new FileError(0, `is larger than ${FILE_MAX_BYTES} bytes`);
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof FileError) throw error;
    throw new FileError(0, error instanceof Error ? error.message : String(error));
  }
  return parseGpx(text);
}

async function about(path: string): Promise<{ size: number; isFile: boolean }> {
  const stats = await stat(path);
  return { size: stats.size, isFile: stats.isFile() };
}

/** @throws FileError with the line and the reason */
export function parseGpx(text: string): TrackPoint[] {
  const lines = new LineCounter(text);
  const odd = /<!--|<!\[CDATA\[/.exec(text);
  if (odd) throw new FileError(lines.at(odd.index), `${odd[0]} is not supported: export the track without it`);
  const points: TrackPoint[] = [];
  for (const match of text.matchAll(/<trkpt\b([^>]*)>/g)) {
    const line = lines.at(match.index);
    const attributes = match[1] ?? "";
    const end = attributes.endsWith("/") ? match.index : text.indexOf("</trkpt>", match.index);
    if (end < 0) throw new FileError(line, "<trkpt> is not closed");
    points.push({
      lat: readDegrees(attributes, { name: "lat", max: 90, line }),
      lng: readDegrees(attributes, { name: "lon", max: 180, line }),
      atMs: readTime(text.slice(match.index, end), line),
    });
    const last = points.at(-1)?.atMs;
    const before = points.at(-2)?.atMs;
    if (last !== undefined && before !== undefined && last < before) throw new FileError(line, "<time> goes back");
  }
  if (points.length === 0) throw new FileError(0, "there is no <trkpt> in it");
  return points;
}

/**
 * Where the track is `elapsedMs` after its start. With times: straight lines between the points around that time,
 * then the last one. Without: the next point with every `stepMs`.
 */
export function placeOnTrack(points: readonly TrackPoint[], elapsedMs: number, stepMs: number): Place {
  const [first] = points;
  const last = points.at(-1);
  if (first === undefined || last === undefined) throw new RangeError("a track has at least one point");
  const timed = points.filter((point): point is TrackPoint & { atMs: number } => point.atMs !== undefined);
  if (timed.length < points.length) return points[Math.floor(elapsedMs / stepMs)] ?? last;
  const atMs = (first.atMs ?? 0) + elapsedMs;
  const next = timed.findIndex((point) => point.atMs > atMs);
  const to = timed[next];
  const from = timed[next - 1];
  if (to === undefined || from === undefined) return next === 0 ? first : last;
  const share = (atMs - from.atMs) / (to.atMs - from.atMs);
  // Across the antimeridian the short way is the other one: jump there instead of around the globe.
  if (Math.abs(to.lng - from.lng) > 180) return share < 0.5 ? from : to;
  return { lat: from.lat + (to.lat - from.lat) * share, lng: from.lng + (to.lng - from.lng) * share };
}

function readDegrees(attributes: string, rule: { name: string; max: number; line: number }): number {
  const { name, max, line } = rule;
  const text = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`).exec(attributes);
  const digits = text?.[1] ?? text?.[2];
  if (digits === undefined) throw new FileError(line, `<trkpt> without ${name}`);
  const value = DECIMAL.test(digits) ? Number(digits) : Number.NaN;
  if (!(Math.abs(value) <= max)) throw new FileError(line, `${name} must be from -${max} to ${max}, not "${digits}"`);
  return value;
}

function readTime(point: string, line: number): number | undefined {
  const text = /<time>([^<]*)<\/time>/.exec(point)?.[1]?.trim();
  if (text === undefined) return undefined;
  const atMs = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(atMs)) throw new FileError(line, `<time> must look like 2026-01-31T12:00:00Z, not "${text}"`);
  return atMs;
}

/** Line numbers of ascending positions in a text. */
class LineCounter {
  readonly #text: string;
  #position = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  at(position: number): number {
    if (position < this.#position) {
      this.#position = 0;
      this.#line = 1;
    }
    for (; this.#position < position; this.#position += 1) {
      if (this.#text.charCodeAt(this.#position) === 10) this.#line += 1;
    }
    return this.#line;
  }
}
