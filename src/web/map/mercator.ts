/** The map's plane: x and y from 0 to 1, from the antimeridian eastwards and from 85° north southwards. */
import type { Place } from "../../geo/place.ts";

/** Pixels of the whole world at zoom 0, as MapLibre has it. */
export const WORLD_PX = 512;
/** Beyond it the plane ends. */
const LAT_MAX = 85.051129;
const RADIANS = Math.PI / 180;
const EARTH_CIRCUMFERENCE_M = 40_030_228.9;

export function xOf(lng: number): number {
  return (lng + 180) / 360;
}

export function yOf(lat: number): number {
  const held = Math.max(-LAT_MAX, Math.min(LAT_MAX, lat));
  return 0.5 - Math.log(Math.tan(Math.PI / 4 + (held * RADIANS) / 2)) / (2 * Math.PI);
}

export function latOf(y: number): number {
  return (2 * Math.atan(Math.exp((0.5 - y) * 2 * Math.PI)) - Math.PI / 2) / RADIANS;
}

export function lngOf(x: number): number {
  return x * 360 - 180;
}

/** How much of the plane a metre is at a latitude. */
export function planePerMetre(lat: number): number {
  return 1 / (EARTH_CIRCUMFERENCE_M * Math.cos(lat * RADIANS));
}

/** What the screen shows. North is always up, so a position takes two multiplications. */
export interface View {
  readonly centerX: number;
  readonly centerY: number;
  /** Pixels of the whole world. */
  readonly worldPx: number;
  readonly widthPx: number;
  readonly heightPx: number;
}

/** Pixels from the left; the copy of the world that is nearest to the middle. */
export function screenX(view: View, x: number): number {
  const away = x - view.centerX;
  return (away - Math.round(away)) * view.worldPx + view.widthPx / 2;
}

export function screenY(view: View, y: number): number {
  return (y - view.centerY) * view.worldPx + view.heightPx / 2;
}

/**
 * A circle on the globe as points of the plane, `count` of them: x and y in turn. At the latitudes of cities it is one
 * on the map, too; far north it is not.
 */
export function circleAround(center: Place, radiusM: number, count = 96): Float64Array {
  const points = new Float64Array(2 * count);
  const angle = (radiusM / EARTH_CIRCUMFERENCE_M) * 2 * Math.PI;
  const lat = center.lat * RADIANS;
  for (let i = 0; i < count; i++) {
    const bearing = (i / count) * 2 * Math.PI;
    const to = Math.asin(Math.sin(lat) * Math.cos(angle) + Math.cos(lat) * Math.sin(angle) * Math.cos(bearing));
    const east = Math.atan2(
      Math.sin(bearing) * Math.sin(angle) * Math.cos(lat),
      Math.cos(angle) - Math.sin(lat) * Math.sin(to),
    );
    points[2 * i] = xOf(center.lng + east / RADIANS);
    points[2 * i + 1] = yOf(to / RADIANS);
  }
  return points;
}
