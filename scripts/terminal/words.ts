/** Distances, directions and times as people read them. */
import type { Place } from "../../src/geo/place.ts";

export type Units = "metric" | "miles";

const METRES_PER_MILE = 1609.344;
const FEET_PER_MILE = 5280;
const RADIANS = Math.PI / 180;
const ARROWS = ["↑", "↗", "→", "↘", "↓", "↙", "←", "↖"] as const;

/** Miles where the locale of the environment is one of a country that drives in miles. */
export function unitsOf(env: Readonly<Record<string, string | undefined>>): Units {
  const locale = env["LC_ALL"] || env["LC_MEASUREMENT"] || env["LANG"] || "";
  return /^en_(US|GB|LR)\b/.test(locale) ? "miles" : "metric";
}

/** "850 m", "1.24 km", "12.3 km"; "260 ft", "0.77 mi". */
export function distanceText(distanceM: number, units: Units): string {
  if (units === "miles") {
    const miles = distanceM / METRES_PER_MILE;
    if (miles < 0.1) return `${Math.round(miles * FEET_PER_MILE)} ft`;
    return `${miles.toFixed(miles < 10 ? 2 : 1)} mi`;
  }
  if (distanceM < 999.5) return `${Math.round(distanceM)} m`;
  return `${(distanceM / 1000).toFixed(distanceM < 9_995 ? 2 : 1)} km`;
}

/** "now", "12 s ago", "3 min ago", "2 h ago". */
export function ageText(ageMs: number): string {
  const seconds = Math.floor(ageMs / 1000);
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return `${Math.floor(seconds / 3600)} h ago`;
}

/** Initial bearing of the great circle, degrees clockwise from north in [0, 360). */
export function bearingDeg(from: Place, to: Place): number {
  const lat1 = from.lat * RADIANS;
  const lat2 = to.lat * RADIANS;
  const dLng = (to.lng - from.lng) * RADIANS;
  const y = Math.sin(dLng) * Math.cos(lat2);
  const x = Math.cos(lat1) * Math.sin(lat2) - Math.sin(lat1) * Math.cos(lat2) * Math.cos(dLng);
  return (Math.atan2(y, x) / RADIANS + 360) % 360;
}

/** The nearest of eight arrows. */
export function arrow(bearing: number): string {
  return ARROWS[Math.round(bearing / 45) % ARROWS.length] ?? "↑";
}

/** "10:45:03" by the local clock. */
export function clockText(atMs: number): string {
  return new Date(atMs).toTimeString().slice(0, 8);
}
