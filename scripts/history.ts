/** `npm run history`: what a local server has written to R2, as files that any reader of Parquet takes. */
import { exportHistory } from "./history/export.ts";
import { readOptions, refuseUsage } from "./options.ts";
import { progress, type Progress } from "./progress.ts";

const USAGE = "npm run history -- --out DIR [--state DIR]";
const STATE_DEFAULT = ".nearby";

const { values } = readOptions(USAGE, {
  state: { type: "string", default: STATE_DEFAULT },
  out: { type: "string" },
});
if (!values.out) refuseUsage(USAGE, "--out needs a directory");
if (values.state === "") refuseUsage(USAGE, "--state needs a directory");

process.exitCode = await run(values.state, values.out);

async function run(stateDir: string, outDir: string): Promise<number> {
  let bar: Progress | undefined;
  const onStart = (objects: number) => (bar = progress("objects copied", objects));
  try {
    const counts = await exportHistory({ stateDir, outDir, onStart, onObject: () => bar?.tick() });
    bar?.done();
    const folders = Object.entries(counts.folders).map(([name, count]) => `${name}/ ${count}`);
    const parts = folders.length > 0 ? ` (${folders.join(", ")})` : "";
    process.stdout.write(`${counts.objects} objects, ${counts.bytes} bytes in ${outDir}${parts}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}
