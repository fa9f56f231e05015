/** The built page: how large it is, and what it may load. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import {
  CONSOLE_MAX_KB,
  OWN_MAX_KB,
  type PageFile,
  pageSizes,
  sizeLines,
  totals,
  WHOLE_MAX_KB,
} from "../../scripts/serve/page-sizes.ts";
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
  const { ownKb, wholeKb, consoleKb } = totals(files);
  expect(ownKb, sizeLines(files).join("\n")).toBeLessThanOrEqual(OWN_MAX_KB);
  expect(consoleKb, sizeLines(files).join("\n")).toBeLessThanOrEqual(CONSOLE_MAX_KB);
  expect(wholeKb, sizeLines(files).join("\n")).toBeLessThanOrEqual(WHOLE_MAX_KB);
  // What is counted is there: a map that is not found would cost nothing.
  expect(ownKb).toBeGreaterThan(10);
  expect(wholeKb - ownKb).toBeGreaterThan(300);
  expect(consoleKb).toBeGreaterThan(3);
});

test("a page over its budget is found", () => {
  const file = (path: string, gzipBytes: number, part: PageFile["part"]) => ({ path, gzipBytes, part });
  const files = [
    file("a.js", 60_001, "app"),
    file("maplibre.js", 460_000, "map"),
    file("admin-a.js", 20_001, "console"),
  ];
  expect(totals(files)).toEqual({ ownKb: 60.001, wholeKb: 520.001, consoleKb: 20.001 });
});

test("nothing in the page needs a wider policy than its own", { timeout: TIMEOUT_MS }, async () => {
  const dir = await built();
  for (const page of ["index.html", "admin.html"]) {
    const html = readFileSync(join(dir, page), "utf8");
    expect(html).toContain("<script");
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)/);
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|https?:/);
  }
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

test(
  "the console loads nothing of the map, and has a policy that lets it talk to its own server only",
  {
    timeout: TIMEOUT_MS,
  },
  async () => {
    const dir = await built();
    const html = readFileSync(join(dir, "admin.html"), "utf8");
    expect(html).toMatch(/\/assets\/admin-[^"]*\.js/);
    expect(html).not.toMatch(/maplibre|start-/);
    const [, rules = ""] = readFileSync(join(dir, "_headers"), "utf8").split("\n/admin\n");
    const policy = /^ {2}Content-Security-Policy: (.*)$/m.exec(rules)?.[1] ?? "";
    expect(policy).toContain("connect-src 'self';");
    expect(policy).not.toMatch(/unsafe|\*|https:|wss:/);
    // Taken away first: two policies of one page would both be sent.
    expect(rules).toMatch(/^ {2}! Content-Security-Policy$/m);
  },
);

test("the service worker keeps the shell, and nothing of anybody's data", { timeout: TIMEOUT_MS }, async () => {
  const dir = await built();
  const worker = readFileSync(join(dir, "sw.js"), "utf8");
  const files: unknown = JSON.parse(/const FILES = (\[.*\]);/.exec(worker)?.[1] ?? "null");
  expect(files).toEqual(expect.arrayContaining(["/", "/manifest.webmanifest"]));
  const served = pagePaths(dir);
  for (const file of Array.isArray(files) ? files : [undefined]) expect(served).toContain(file);
  expect(worker).not.toMatch(/\/v1|\/app|admin/);
});

test("the rules of the platform are no files of the page", { timeout: TIMEOUT_MS }, async () => {
  const paths = pagePaths(await built());
  expect(paths).toContain("/");
  expect(paths).toContain("/sw.js");
  expect(paths).toEqual(expect.arrayContaining(["/admin", "/admin.html", "/index.html"]));
  expect(paths).not.toContain("/_headers");
});
