import { writeCsv } from "./csv.ts";
import { writeGeoJson } from "./geojson.ts";
import { writeGpx } from "./gpx.ts";
import { writeJson } from "./json.ts";
import type { WriteExport } from "./page.ts";

export interface Format {
  readonly contentType: string;
  readonly write: WriteExport;
  /** Name of the file that a browser saves; absent: the answer is data for an app. */
  readonly fileName?: string;
}

export const FORMATS = {
  json: { contentType: "application/json", write: writeJson },
  geojson: { contentType: "application/geo+json", write: writeGeoJson, fileName: "history.geojson" },
  gpx: { contentType: "application/gpx+xml", write: writeGpx, fileName: "history.gpx" },
  csv: { contentType: "text/csv; charset=utf-8", write: writeCsv, fileName: "history.csv" },
} as const satisfies Readonly<Record<string, Format>>;

export type FormatName = keyof typeof FORMATS;

export const FORMAT_NAMES: readonly string[] = Object.keys(FORMATS);

export function isFormatName(text: string): text is FormatName {
  return FORMAT_NAMES.includes(text);
}
