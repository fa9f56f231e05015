import type { HistoryPoint } from "../point.ts";
import { commaList, tail } from "./json.ts";
import type { ExportPage } from "./page.ts";

/**
 * A FeatureCollection (RFC 7946) with one Point for each position. Not one LineString: a line has no place for the time
 * and accuracy of its positions, has to be cut at the antimeridian (3.1.9), and cannot have fewer than two. `since` and
 * `next` are foreign members (6.1).
 */
export function* writeGeoJson(page: ExportPage): Generator<string, void, undefined> {
  yield '{"type":"FeatureCollection","features":[';
  yield* commaList(page.points, (point) => JSON.stringify(toFeature(point)));
  yield `]${tail(page)}}`;
}

function toFeature({ lat, lng, ts, accuracy, speed, heading, outlier }: HistoryPoint): object {
  return {
    type: "Feature",
    geometry: { type: "Point", coordinates: [lng, lat] },
    // Map tools read `time` as a date; `ts` is the exact name of the point, as in JSON.
    properties: { ts, time: new Date(ts).toISOString(), accuracy, speed, heading, outlier },
  };
}
