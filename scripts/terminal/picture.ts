/**
 * Takes the README's picture from a running `npm start`:
 * `node scripts/terminal/picture.ts --url http://127.0.0.1:8787 --at 37.5512,126.9882 > docs/terminal.svg`
 */
import { setTimeout as sleep } from "node:timers/promises";
import { createNearbyClient } from "../../src/client/index.ts";
import { readInteger, readOptions, refuseUsage } from "../options.ts";
import { callApi, textField } from "../town/api.ts";
import { render } from "./render.ts";
import { frameToSvg } from "./svg.ts";
import { watchClient } from "./watch.ts";

const USAGE = "node scripts/terminal/picture.ts --url U --at LAT,LNG [--user X] [--title T] [--seconds N]";
/** Wide enough for a readable map, narrow enough for a README's column. */
const COLUMNS = 100;
const ROWS = 30;
const SECONDS_DEFAULT = 45;

const { values } = readOptions(USAGE, {
  url: { type: "string" },
  at: { type: "string" },
  user: { type: "string", default: "visitor" },
  title: { type: "string", default: "Namsan Park, Seoul" },
  seconds: { type: "string" },
});
const { url, at, user, title } = values;
if (url === undefined || at === undefined) refuseUsage(USAGE, "--url and --at are needed");
const [lat = Number.NaN, lng = Number.NaN] = at.split(",").map(Number);
const seconds = readInteger(USAGE, { option: "--seconds", text: values.seconds, fallback: SECONDS_DEFAULT });

const token = textField(await callApi(url, { method: "POST", path: "/dev/login", body: { user } }), "token") ?? "";
const client = createNearbyClient({ url, token: () => Promise.resolve(token) });
const watch = watchClient(client, { user, title, hint: `${url} · Ctrl-C ends`, units: "metric", nowMs: Date.now });
client.send({ lat, lng });
await sleep(seconds * 1000);
const frame = render(watch.state(), { columns: COLUMNS, rows: ROWS, nowMs: Date.now(), color: true });
client.close();
process.stdout.write(frameToSvg(frame, COLUMNS, `Terminal view of nearby-friends: ${title}`));
