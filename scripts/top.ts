/** `npm run top`: what a server does, in a terminal, and what its process takes when that is on this machine. */
import { setTimeout as sleep } from "node:timers/promises";
import { adminTokens } from "./admin-token.ts";
import { readInteger, readOptions, refuseUsage } from "./options.ts";
import { openScreen, type Screen } from "./terminal/screen.ts";
import { LEAK_INTERVALS_MIN } from "./top/leak.ts";
import { plainLine, render } from "./top/render.ts";
import { jsonLine } from "./top/view.ts";
import { Watch } from "./top/watch.ts";
import { ApiError } from "./town/api.ts";

const USAGE = "npm run top -- [--url U] [--token T] [--interval S] [--intervals N] [--pid P] [--json]";
const URL_DEFAULT = "http://127.0.0.1:8787";
const INTERVAL_DEFAULT_S = 2;
/** Of an hour and more only a scraper needs to know. */
const INTERVAL_MAX_S = 3_600;
/** At the default interval six minutes: a collector has run many times, and a warm-up is over. */
const INTERVALS_DEFAULT = 180;
/** A day of two-second intervals. */
const INTERVALS_MAX = 43_200;
const PID_MAX = 4_194_304;

const stopped = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stopped.abort());
// `npm run top | head`: nobody reads any more.
process.stdout.on("error", () => stopped.abort());

const { values } = readOptions(USAGE, {
  url: { type: "string", default: URL_DEFAULT },
  token: { type: "string" },
  interval: { type: "string" },
  intervals: { type: "string" },
  pid: { type: "string" },
  json: { type: "boolean", default: false },
});
const { url } = values;
if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
  refuseUsage(USAGE, `--url must be an address such as ${URL_DEFAULT}`);
}
const intervalS = readInteger(USAGE, {
  option: "--interval",
  text: values.interval,
  fallback: INTERVAL_DEFAULT_S,
  max: INTERVAL_MAX_S,
});
const intervals = readInteger(USAGE, {
  option: "--intervals",
  text: values.intervals,
  fallback: INTERVALS_DEFAULT,
  min: LEAK_INTERVALS_MIN,
  max: INTERVALS_MAX,
});
const pid = readInteger(USAGE, { option: "--pid", text: values.pid, fallback: 0, max: PID_MAX });
const token = adminTokens({ usage: USAGE, token: values.token, user: "top" });
process.exitCode = await main();

async function main(): Promise<number> {
  const watch = new Watch({ url, token, intervalS, intervals, pid: pid === 0 ? undefined : pid });
  let screen: Screen | undefined;
  try {
    for (;;) {
      const view = await watch.look();
      if (stopped.signal.aborted) return 0;
      if (values.json) process.stdout.write(`${jsonLine(view)}\n`);
      else if (!process.stdout.isTTY) process.stdout.write(`${plainLine(view)}\n`);
      else if (screen !== undefined) screen.changed();
      else screen = openScreen(process.stdout, (size) => render(watch.view(), { ...size, nowMs: Date.now() }));
      await sleep(intervalS * 1000, undefined, { signal: stopped.signal });
    }
  } catch (error) {
    if (stopped.signal.aborted) return 0;
    screen?.close();
    screen = undefined;
    if (!(error instanceof ApiError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  } finally {
    screen?.close();
  }
}
