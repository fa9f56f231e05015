/** How much of the web app goes over the wire. */
import { readFileSync } from "node:fs";
import { relative, sep } from "node:path";
import { gzipSync } from "node:zlib";
import { filesUnder } from "./sources.ts";

const KB = 1000;

/** On a phone with 1 MB/s this is the first half second, before anything can be drawn. */
export const OWN_MAX_KB = 60;
export const WHOLE_MAX_KB = 520;

/** What a browser loads to show the page; pictures and the manifest come later or never. */
const LOADED = /\.(?:html|js|mjs|css)$/;
/** The map's chunks are named so in vite.config.ts. */
const MAP_LIBRARY = /\/maplibre[^/]*$/;
/** Loaded after the page by a browser that installs it. */
const LATER = /^sw\.js$/;

export interface PageFile {
  path: string;
  gzipBytes: number;
  isMapLibrary: boolean;
}

/** The files of a built page that a browser loads to show it, with their sizes after gzip. */
export function pageSizes(pageDir: string): PageFile[] {
  return filesUnder(pageDir)
    .map((file) => ({ file, path: relative(pageDir, file).split(sep).join("/") }))
    .filter(({ path }) => LOADED.test(path) && !LATER.test(path))
    .map(({ file, path }) => ({
      path,
      gzipBytes: gzipSync(readFileSync(file), { level: 9 }).byteLength,
      isMapLibrary: MAP_LIBRARY.test(path),
    }));
}

/** KB of the project's own code, and of everything. */
export function totals(files: readonly PageFile[]): { ownKb: number; wholeKb: number } {
  const sum = (some: readonly PageFile[]) => some.reduce((bytes, { gzipBytes }) => bytes + gzipBytes, 0) / KB;
  return { ownKb: sum(files.filter((file) => !file.isMapLibrary)), wholeKb: sum(files) };
}

export function sizeLines(files: readonly PageFile[]): string[] {
  const { ownKb, wholeKb } = totals(files);
  const width = Math.max(...files.map(({ path }) => path.length));
  const line = (name: string, kb: number, note = "") =>
    `${name.padEnd(width)} ${kb.toFixed(1).padStart(7)} KB gzip${note}`;
  return [
    ...files.map(({ path, gzipBytes }) => line(path, gzipBytes / KB)),
    line("own code", ownKb, `, at most ${OWN_MAX_KB}`),
    line("with the map", wholeKb, `, at most ${WHOLE_MAX_KB}`),
  ];
}
