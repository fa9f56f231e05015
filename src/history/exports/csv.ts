import { PLACE_DECIMALS } from "../../geo/place.ts";
import type { HistoryPoint } from "../point.ts";
import type { ExportPage } from "./page.ts";

const COLUMNS = "ts,time,lat,lng,accuracy,speed,heading,outlier";

/** RFC 4180, with a header row. What is not known is empty. No column holds text, so nothing is ever quoted. */
export function* writeCsv({ points }: ExportPage): Generator<string, void, undefined> {
  yield `${COLUMNS}\r\n`;
  for (const point of points) yield `${toRow(point)}\r\n`;
}

function toRow({ lat, lng, ts, accuracy, speed, heading, outlier }: HistoryPoint): string {
  const place = [lat, lng].map((degrees) => degrees.toFixed(PLACE_DECIMALS));
  return [ts, new Date(ts).toISOString(), ...place, accuracy, speed, heading, outlier].join(",");
}
