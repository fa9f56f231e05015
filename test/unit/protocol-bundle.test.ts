import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

const PROTOCOL = new URL("../../src/protocol/", import.meta.url);

/** Packages that a module brings along at run time; `import type` is erased and brings nothing. */
function packagesOf(file: URL, seen = new Set<string>()): Set<string> {
  const packages = new Set<string>();
  if (seen.has(file.href)) return packages;
  seen.add(file.href);
  for (const [, from = ""] of readFileSync(file, "utf8").matchAll(
    /^(?:import|export) (?!type )(?:[^;"=]*from )?"([^"]+)";/gm,
  )) {
    if (!from.startsWith(".")) packages.add(from);
    else for (const name of packagesOf(new URL(from, file), seen)) packages.add(name);
  }
  return packages;
}

test.each([
  "limits.ts",
  "errors.ts",
  "version.ts",
  "user-id.ts",
  "resources.ts",
  "down.ts",
  "pace.ts",
  "frame-size.ts",
])("%s brings no validator into the bundle of a client", (file) => {
  expect([...packagesOf(new URL(file, PROTOCOL))]).toEqual([]);
});

test("the check above sees a validator where there is one", () => {
  expect([...packagesOf(new URL("up.ts", PROTOCOL))]).toEqual(["valibot"]);
});
