/** What an app downloads: everything that `nearby-friends/client` brings along, as a bundler leaves it. */
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { expect, test } from "vitest";

const ENTRY = new URL("../../src/client/index.ts", import.meta.url).pathname;

/** Phones on slow networks load it before anything is shown. */
const GZIP_MAX_BYTES = 6_000;

async function bundle(minify: boolean): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: "silent",
    build: {
      write: false,
      minify,
      target: "es2022",
      // Bundlers leave the white space of an ES library to the app that uses it.
      lib: { entry: ENTRY, formats: ["iife"], name: "nearby" },
      // A tag on the library's object, which no app has that takes in what it imports.
      rolldownOptions: { output: { generatedCode: { symbols: false } } },
    },
  });
  const [output] = Array.isArray(built) ? built : [built];
  if (output === undefined || !("output" in output)) throw new Error("nothing was built");
  expect(output.output).toHaveLength(1);
  return output.output[0].code;
}

test(`the SDK is at most ${GZIP_MAX_BYTES} bytes of gzip`, async () => {
  const code = await bundle(true);
  expect(code).toContain("nearby.v1");
  expect(gzipSync(code).length).toBeLessThanOrEqual(GZIP_MAX_BYTES);
});

test("it has no validator, no table of error texts and no import in it", async () => {
  const code = await bundle(false);
  expect(code).not.toMatch(/valibot|safeParse|~standard/);
  expect(code).not.toContain("Send one JSON object per text frame");
  expect(code).not.toMatch(/\brequire\(|\bimport\b/);
});
