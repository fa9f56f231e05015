/** `npm run build`: the web app, into the folder that wrangler.toml names, and how large it is. */
import { readOptions } from "./options.ts";
import { pageSizes, sizeLines } from "./serve/page-sizes.ts";
import { publishPage } from "./serve/page.ts";

readOptions("npm run build", {});

try {
  const dir = await publishPage({ onProgress: (step) => process.stderr.write(`${step}\n`) });
  process.stdout.write(`${sizeLines(pageSizes(dir)).join("\n")}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
