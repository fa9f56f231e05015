/** `npm run openapi`: writes the descriptions of HTTP and of the WebSocket; `-- --check` only compares them. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";

const ROOT = join(import.meta.dirname, "..");

/** Types of the handlers are those of the Worker's runtime, so that this command knows the module by what it exports. */
const Module = v.object({ openApiDocument: v.function(), asyncApiDocument: v.function() });

async function build(): Promise<Record<string, unknown>> {
  const modules: unknown[] = await Promise.all(
    ["./openapi/document.ts", "./openapi/async.ts"].map((path) => import(new URL(path, import.meta.url).href)),
  );
  const { openApiDocument, asyncApiDocument } = v.parse(Module, Object.assign({}, ...modules));
  return { "docs/openapi.json": openApiDocument(), "docs/asyncapi.json": asyncApiDocument() };
}

function isCurrent(path: string, document: unknown): boolean {
  try {
    // The formatter decides about white space, the document about everything else.
    return JSON.stringify(JSON.parse(readFileSync(join(ROOT, path), "utf8"))) === JSON.stringify(document);
  } catch {
    return false;
  }
}

const documents = Object.entries(await build());
const old = documents.filter(([path, document]) => !isCurrent(path, document));
if (process.argv.includes("--check")) {
  for (const [path] of old) process.stdout.write(`${path} is not what the code says: run npm run openapi\n`);
  process.exitCode = old.length === 0 ? 0 : 1;
} else {
  for (const [path, document] of old) {
    writeFileSync(join(ROOT, path), JSON.stringify(document, null, 2));
    execFileSync(join(ROOT, "node_modules/.bin/oxfmt"), ["--write", join(ROOT, path)], { stdio: "inherit" });
  }
  process.stdout.write(
    old.length === 0 ? "nothing has changed\n" : `written: ${old.map(([path]) => path).join(", ")}\n`,
  );
}
