/** How much of the web app, and of the operations console, goes over the wire. */
import { readFileSync } from "node:fs";
import { relative, sep } from "node:path";
import { gzipSync } from "node:zlib";
import { filesUnder } from "./sources.ts";

const KB = 1000;

/** On a phone with 1 MB/s this is the first half second, before anything can be drawn. */
export const OWN_MAX_KB = 60;
export const WHOLE_MAX_KB = 520;
/** Of what only the console loads: it is opened when something is wrong, maybe from a phone. */
export const CONSOLE_MAX_KB = 20;

/** What a browser loads to show the page; pictures and the manifest come later or never. */
const LOADED = /\.(?:html|js|mjs|css)$/;
/** The map's chunks are named so in vite.config.ts. */
const MAP_LIBRARY = /\/maplibre[^/]*$/;
/** Named so in vite.config.ts; what it shares with the app is counted there. */
const CONSOLE = /(?:^admin\.html|\/admin-[^/]*)$/;
/** Loaded after the page by a browser that installs it. */
const LATER = /^sw\.js$/;

export interface PageFile {
  path: string;
  gzipBytes: number;
  part: "app" | "map" | "console";
}

/** The files of a built page that a browser loads to show it, with their sizes after gzip. */
export function pageSizes(pageDir: string): PageFile[] {
  return filesUnder(pageDir)
    .map((file) => ({ file, path: relative(pageDir, file).split(sep).join("/") }))
    .filter(({ path }) => LOADED.test(path) && !LATER.test(path))
    .map(({ file, path }) => ({
      path,
      gzipBytes: gzipSync(readFileSync(file), { level: 9 }).byteLength,
      part: MAP_LIBRARY.test(path) ? "map" : CONSOLE.test(path) ? "console" : "app",
    }));
}

/** KB of the app's own code, of the app with the map, and of what only the console loads. */
export function totals(files: readonly PageFile[]): { ownKb: number; wholeKb: number; consoleKb: number } {
  const sum = (...parts: readonly PageFile["part"][]) =>
    files.filter(({ part }) => parts.includes(part)).reduce((bytes, { gzipBytes }) => bytes + gzipBytes, 0) / KB;
  return { ownKb: sum("app"), wholeKb: sum("app", "map"), consoleKb: sum("console") };
}

export function sizeLines(files: readonly PageFile[]): string[] {
  const { ownKb, wholeKb, consoleKb } = totals(files);
  const width = Math.max(...files.map(({ path }) => path.length));
  const line = (name: string, kb: number, note = "") =>
    `${name.padEnd(width)} ${kb.toFixed(1).padStart(7)} KB gzip${note}`;
  return [
    ...files.map(({ path, gzipBytes }) => line(path, gzipBytes / KB)),
    line("own code", ownKb, `, at most ${OWN_MAX_KB}`),
    line("with the map", wholeKb, `, at most ${WHOLE_MAX_KB}`),
    line("console", consoleKb, `, at most ${CONSOLE_MAX_KB}, and what it shares with the app`),
  ];
}
