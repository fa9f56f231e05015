import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

/** Folder of the public data sets, which are no part of the repository: NEARBY_DATA, else ../shared/data. */
const DATA = resolve(process.env["NEARBY_DATA"] ?? resolve(import.meta.dirname, "../../../shared/data"));

/** The bytes of one file of the data sets. @throws Error that says what to set when it is missing */
export function readData(path: string): Buffer {
  return readFileSync(dataFile(path));
}

/** Where one of them lies. @throws like `readData` */
export function dataFile(path: string): string {
  const file = resolve(DATA, path);
  if (!existsSync(file)) {
    throw new Error(`${file} is missing: NEARBY_DATA has to name the folder of the data sets that these tests run on`);
  }
  return file;
}
