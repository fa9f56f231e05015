import { PLACE_DECIMALS } from "../../geo/place.ts";
import type { HistoryPoint } from "../point.ts";
import type { ExportPage } from "./page.ts";

/**
 * A longer silence starts a new segment: no map may draw a line through the night. The same ten minutes after which a
 * user counts as inactive by default.
 */
export const TRACK_GAP_MAX_MS = 10 * 60_000;

const GPX = "http://www.topografix.com/GPX/1/1";
/** GPX 1.1 has no speed and no course of its own; this extension is what recorders write and most tools read. */
const TRACK_POINT = "http://www.garmin.com/xmlschemas/TrackPointExtension/v2";

const HEAD =
  '<?xml version="1.0" encoding="UTF-8"?>\n' +
  `<gpx version="1.1" creator="nearby-friends" xmlns="${GPX}" xmlns:gpxtpx="${TRACK_POINT}"` +
  ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"' +
  ` xsi:schemaLocation="${GPX} ${GPX}/gpx.xsd ${TRACK_POINT} https://www8.garmin.com/xmlschemas/TrackPointExtensionv2.xsd">\n`;

/**
 * GPX 1.1: one track, a segment for each stretch without a gap. Every point is there, outliers marked by their `<type>`:
 * an export that leaves out what it holds to be wrong cannot be put back. The accuracy is left out: GPX has only
 * dilutions of precision, and metres are none.
 */
export function* writeGpx({ points }: ExportPage): Generator<string, void, undefined> {
  yield HEAD;
  if (points.length > 0) yield* writeTrack(points);
  yield "</gpx>\n";
}

function* writeTrack(points: readonly HistoryPoint[]): Generator<string, void, undefined> {
  yield "<trk>\n<trkseg>\n";
  let before: number | undefined;
  for (const point of points) {
    if (before !== undefined && point.ts - before > TRACK_GAP_MAX_MS) yield "</trkseg>\n<trkseg>\n";
    before = point.ts;
    yield toTrackPoint(point);
  }
  yield "</trkseg>\n</trk>\n";
}

/** The order of the elements is the schema's. */
function toTrackPoint({ lat, lng, ts, speed, heading, outlier }: HistoryPoint): string {
  // The schema ends before 180 (`longitudeType`): it is the same meridian as -180.
  const lon = lng === 180 ? -180 : lng;
  const type = outlier === true ? "<type>outlier</type>" : "";
  return (
    `<trkpt lat="${lat.toFixed(PLACE_DECIMALS)}" lon="${lon.toFixed(PLACE_DECIMALS)}">` +
    `<time>${new Date(ts).toISOString()}</time>${type}${toExtension(speed, heading)}</trkpt>\n`
  );
}

function toExtension(speed: number | undefined, heading: number | undefined): string {
  if (speed === undefined && heading === undefined) return "";
  const speedText = speed === undefined ? "" : `<gpxtpx:speed>${speed}</gpxtpx:speed>`;
  const courseText = heading === undefined ? "" : `<gpxtpx:course>${toCourse(heading)}</gpxtpx:course>`;
  return `<extensions><gpxtpx:TrackPointExtension>${speedText}${courseText}</gpxtpx:TrackPointExtension></extensions>`;
}

/** Plain digits below 360, as the extension's schema asks for; 0.001 degrees are what is stored. */
function toCourse(heading: number): string {
  return (Number(heading.toFixed(3)) % 360).toString();
}
