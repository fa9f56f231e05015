/** Friends on their way from where they were shown to where they are: the screen never jumps. */
import { xOf, yOf } from "./mercator.ts";

/** Between these a move takes as long as the one before it took to come: at a steady pace friends never stand still. */
const GLIDE_MIN_MS = 250;
const GLIDE_MAX_MS = 3_000;
/** A share of the plane, 40 km at the equator: whoever is so far away was not seen to go there. */
const JUMP = 0.001;

/** One friend's way. Places are on the plane of mercator.ts. */
export interface Way {
  fromX: number;
  fromY: number;
  toX: number;
  toY: number;
  startMs: number;
  endMs: number;
  /** When the move came. */
  heardMs: number;
}

export function stand(lat: number, lng: number, nowMs: number): Way {
  const [x, y] = [xOf(lng), yOf(lat)];
  return { fromX: x, fromY: y, toX: x, toY: y, startMs: nowMs, endMs: nowMs, heardMs: nowMs };
}

/** Sends a friend on to a new place, from wherever the screen shows them at `nowMs`. */
export function sendTo(way: Way, lat: number, lng: number, nowMs: number): void {
  const sinceMs = nowMs - way.heardMs;
  const [x, y] = [xOf(lng), yOf(lat)];
  way.heardMs = nowMs;
  if (x === way.toX && y === way.toY) return;
  way.fromX = xAt(way, nowMs);
  way.fromY = yAt(way, nowMs);
  way.toX = x;
  way.toY = y;
  way.startMs = nowMs;
  const isJump = Math.abs(x - way.fromX) > JUMP || Math.abs(y - way.fromY) > JUMP;
  way.endMs = isJump ? nowMs : nowMs + Math.max(GLIDE_MIN_MS, Math.min(GLIDE_MAX_MS, sinceMs));
}

export function xAt({ fromX, toX, startMs, endMs }: Way, nowMs: number): number {
  return nowMs >= endMs ? toX : fromX + (toX - fromX) * shareAt(startMs, endMs, nowMs);
}

export function yAt({ fromY, toY, startMs, endMs }: Way, nowMs: number): number {
  return nowMs >= endMs ? toY : fromY + (toY - fromY) * shareAt(startMs, endMs, nowMs);
}

function shareAt(startMs: number, endMs: number, nowMs: number): number {
  return Math.max(0, (nowMs - startMs) / (endMs - startMs));
}
