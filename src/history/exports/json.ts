import type { HistoryPoint } from "../point.ts";
import type { ExportPage } from "./page.ts";

/** `{"points":[…],"since":…,"next":…}` */
export function* writeJson(page: ExportPage): Generator<string, void, undefined> {
  yield '{"points":[';
  yield* commaList(page.points, (point) => JSON.stringify(fields(point)));
  yield `]${tail(page)}}`;
}

/** A list without its brackets, one piece for each point. */
export function* commaList(
  points: readonly HistoryPoint[],
  toText: (point: HistoryPoint) => string,
): Generator<string, void, undefined> {
  let comma = "";
  for (const point of points) {
    yield `${comma}${toText(point)}`;
    comma = ",";
  }
}

/** The last members of a page's object. */
export function tail({ since, next }: ExportPage): string {
  return `,"since":${since}${next === undefined ? "" : `,"next":${JSON.stringify(next)}`}`;
}

/** In one order, and nothing else that a stored point may carry one day. */
function fields({ lat, lng, ts, accuracy, speed, heading, outlier }: HistoryPoint): object {
  return { lat, lng, ts, accuracy, speed, heading, outlier };
}
