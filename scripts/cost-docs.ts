/** `npm run cost:docs`: writes the figures of `npm run cost` into the pages that quote them, when a price or a measurement has changed. */
import { readFileSync, writeFileSync } from "node:fs";

import { withFigures } from "./cost/docs.ts";
import { readOptions } from "./options.ts";

readOptions("npm run cost:docs", {});
for (const name of ["cost.md", "scale.md"]) {
  const path = new URL(`../docs/${name}`, import.meta.url);
  const page = readFileSync(path, "utf8");
  const written = withFigures(page);
  if (written !== page) writeFileSync(path, written);
  process.stderr.write(`docs/${name}: ${written === page ? "as it was" : "written"}\n`);
}
