/** Recorded tracks: a CSV file with the columns entity_id, unix_seconds, lat, lng. */
import type { Place } from "../../src/geo/place.ts";
import { FRIENDS_MAX } from "../../src/protocol/limits.ts";
import { isUserId } from "../../src/protocol/user-id.ts";
import { eachLine, FileError } from "./lines.ts";

const HEADER = "entity_id,unix_seconds,lat,lng";
const COLUMNS = 4;
/** Digits with or without a fraction: no exponents, no "NaN", no empty text, which Number() takes for 0. */
const DECIMAL = /^-?\d{1,15}(?:\.\d{1,15})?$/;
/** Year 2100: milliseconds in this column are an error that would otherwise replay as year 55000. */
const UNIX_SECONDS_MAX = 4_102_444_800;
/** About 150 MB of memory: four days of a fleet of five hundred. */
const FIXES_MAX = 2_000_000;
/** Everybody of the file becomes a friend of one visitor. */
const ENTITIES_MAX = FRIENDS_MAX - 1;
/** Keeps the ids of a file apart from the visitor's. */
export const ENTITY_PREFIX = "track:";

const HOUR_S = 3600;

export interface TrackFix extends Place {
  /** Index of the entity. */
  readonly entity: number;
  readonly atS: number;
}

export interface Tracks {
  /** Ids as in the file, in order of appearance. */
  readonly entities: readonly string[];
  /** In the order of the file: by time within each entity. */
  readonly fixes: readonly TrackFix[];
}

/**
 * Reads and checks a whole file, plain or gzip.
 *
 * @throws FileError with the line and the reason
 */
export async function readTracks(path: string): Promise<Tracks> {
  const indexOf = new Map<string, number>();
  const lastS: number[] = [];
  const fixes: TrackFix[] = [];
  await eachLine(path, (text, line) => {
    if (line === 1) {
      // Spreadsheets write a byte order mark.
      if (text.replace(/^\u{FEFF}/u, "") !== HEADER) throw new FileError(1, `the first line must be ${HEADER}`);
      return;
    }
    if (fixes.length === FIXES_MAX) throw new FileError(line, `more than ${FIXES_MAX} fixes: split the file`);
    const { id, ...fix } = parseFix(text, line);
    let entity = indexOf.get(id);
    if (entity === undefined) {
      entity = indexOf.size;
      if (entity === ENTITIES_MAX) throw new FileError(line, `more than ${ENTITIES_MAX} entities`);
      indexOf.set(id, entity);
    } else if (fix.atS < (lastS[entity] ?? 0)) {
      throw new FileError(line, `unix_seconds goes back for ${id}: fixes of one entity must be sorted by time`);
    }
    lastS[entity] = fix.atS;
    fixes.push({ entity, ...fix });
  });
  if (fixes.length === 0) throw new FileError(0, "there are no fixes in it");
  return { entities: [...indexOf.keys()], fixes };
}

function parseFix(text: string, line: number): { id: string; atS: number } & Place {
  const cells = text.split(",");
  if (cells.length !== COLUMNS) throw new FileError(line, `${COLUMNS} columns expected, ${cells.length} found`);
  const [id = "", seconds = "", lat = "", lng = ""] = cells;
  if (id === "" || !isUserId(ENTITY_PREFIX + id)) {
    throw new FileError(line, "entity_id must be 1 to 58 of A-Z a-z 0-9 . _ : @ -");
  }
  return {
    id,
    atS: parseNumber(seconds, { line, column: "unix_seconds", min: 0, max: UNIX_SECONDS_MAX }),
    lat: parseNumber(lat, { line, column: "lat", min: -90, max: 90 }),
    lng: parseNumber(lng, { line, column: "lng", min: -180, max: 180 }),
  };
}

interface NumberRule {
  readonly line: number;
  readonly column: string;
  readonly min: number;
  readonly max: number;
}

function parseNumber(text: string, { line, column, min, max }: NumberRule): number {
  if (!DECIMAL.test(text)) throw new FileError(line, `${column} must be a decimal number, not ${JSON.stringify(text)}`);
  const value = Number(text);
  if (value < min || value > max) throw new FileError(line, `${column} must be from ${min} to ${max}, not ${text}`);
  return value;
}

/** The beginning of the hour with the most fixes, the first one of equals, in unix seconds. */
export function busiestHourS(fixes: readonly TrackFix[]): number {
  const counts = new Map<number, number>();
  for (const { atS } of fixes) {
    const hour = Math.floor(atS / HOUR_S);
    counts.set(hour, (counts.get(hour) ?? 0) + 1);
  }
  let best = { hour: 0, count: 0 };
  for (const [hour, count] of counts) {
    if (count > best.count || (count === best.count && hour < best.hour)) best = { hour, count };
  }
  return best.hour * HOUR_S;
}

/** What is sent, and when: `atS` of each fix counted from the start of the replay, in order of time. */
export interface Schedule {
  /** Where every entity was last seen shortly before the start, at 0; then the fixes as they come. */
  readonly fixes: readonly TrackFix[];
  /** Median latitude and longitude of the first hour: a place in the middle of the traffic. */
  readonly centre: Place;
  readonly startS: number;
}

/** @param recentS how old a place may be at the start to count as where somebody is */
export function scheduleFrom({ fixes }: Tracks, startS: number, recentS: number): Schedule {
  const latest = new Map<number, TrackFix>();
  const later: TrackFix[] = [];
  for (const fix of fixes) {
    if (fix.atS > startS) later.push({ ...fix, atS: fix.atS - startS });
    else if (fix.atS >= startS - recentS) latest.set(fix.entity, { ...fix, atS: 0 });
  }
  const scheduled = [...latest.values(), ...later.toSorted((a, b) => a.atS - b.atS)];
  const window = scheduled.filter((fix) => fix.atS <= HOUR_S);
  const centre = { lat: median(window.map((fix) => fix.lat)), lng: median(window.map((fix) => fix.lng)) };
  return { fixes: scheduled, centre, startS };
}

/** The lower median: always a value of the list. 0 for an empty one. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}
