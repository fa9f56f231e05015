/** The built page: how large it is, and what it may load. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import { OWN_MAX_KB, pageSizes, sizeLines, totals, WHOLE_MAX_KB } from "../../scripts/serve/page-sizes.ts";
import { buildPage, pagePaths } from "../../scripts/serve/page.ts";

/** The page is built first, beside other tests. */
const TIMEOUT_MS = 60_000;

async function built(): Promise<string> {
  const dir = await buildPage();
  if (dir === undefined) throw new Error("there is no page");
  return dir;
}

test("the page stays within its budget", { timeout: TIMEOUT_MS }, async () => {
  const files = pageSizes(await built());
  const { ownKb, wholeKb } = totals(files);
  expect(ownKb, sizeLines(files).join("\n")).toBeLessThanOrEqual(OWN_MAX_KB);
  expect(wholeKb, sizeLines(files).join("\n")).toBeLessThanOrEqual(WHOLE_MAX_KB);
  // What is counted is there: a map that is not found would cost nothing.
  expect(ownKb).toBeGreaterThan(10);
  expect(wholeKb - ownKb).toBeGreaterThan(300);
});

test("a page over its budget is found", () => {
  const file = (path: string, gzipBytes: number, isMapLibrary = false) => ({ path, gzipBytes, isMapLibrary });
  expect(totals([file("a.js", 60_001), file("maplibre.js", 460_000, true)])).toEqual({
    ownKb: 60.001,
    wholeKb: 520.001,
  });
});

test("nothing in the page needs a wider policy than its own", { timeout: TIMEOUT_MS }, async () => {
  const dir = await built();
  const html = readFileSync(join(dir, "index.html"), "utf8");
  expect(html).not.toMatch(/<script(?![^>]*\bsrc=)/);
  expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|https?:/);
  const headers = readFileSync(join(dir, "_headers"), "utf8");
  const policy = /Content-Security-Policy: (.*)/.exec(headers)?.[1] ?? "";
  expect(policy).not.toMatch(/unsafe|\*/);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self';");
  expect(policy).toContain("frame-ancestors 'none'");
  for (const header of ["Referrer-Policy", "Strict-Transport-Security", "X-Content-Type-Options: nosniff"]) {
    expect(headers).toContain(header);
  }
});

test("the service worker keeps the shell, and nothing of anybody's data", { timeout: TIMEOUT_MS }, async () => {
  const dir = await built();
  const worker = readFileSync(join(dir, "sw.js"), "utf8");
  const files: unknown = JSON.parse(/const FILES = (\[.*\]);/.exec(worker)?.[1] ?? "null");
  expect(files).toEqual(expect.arrayContaining(["/", "/manifest.webmanifest"]));
  const served = pagePaths(dir);
  for (const file of Array.isArray(files) ? files : [undefined]) expect(served).toContain(file);
  expect(worker).not.toMatch(/\/v1|\/app/);
});

test("the rules of the platform are no files of the page", { timeout: TIMEOUT_MS }, async () => {
  const paths = pagePaths(await built());
  expect(paths).toContain("/");
  expect(paths).toContain("/sw.js");
  expect(paths).not.toContain("/_headers");
});
