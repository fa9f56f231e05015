/** `npm run client`: one person in a terminal, on the same client that apps use. */
import { createNearbyClient } from "../src/client/index.ts";
import { signToken } from "../src/auth/token.ts";
import type { Place } from "../src/geo/place.ts";
import { isUserId } from "../src/protocol/user-id.ts";
import { readSettings, SettingsError } from "../src/settings.ts";
import { readOptions, refuseUsage, USAGE_EXIT_CODE } from "./options.ts";
import { showClient } from "./terminal/show.ts";
import { ApiError, callApi, textField } from "./town/api.ts";
import { placeOnTrack, readGpx } from "./town/gpx.ts";
import { FileError } from "./town/lines.ts";

const USAGE = "npm run client -- --url U --user X [--token T] [--track FILE.gpx | --at LAT,LNG]";
/** What the protocol asks of a phone. */
const SEND_EVERY_MS = 30_000;
/** Longer than a sitting in front of a terminal; a new one is signed for every connection. */
const TOKEN_LIFETIME_S = 12 * 3600;

const { values } = readOptions(USAGE, {
  url: { type: "string" },
  user: { type: "string" },
  token: { type: "string" },
  track: { type: "string" },
  at: { type: "string" },
});
const url = readUrl(values.url);
const user = readUser(values.user);
if (values.track !== undefined && values.at !== undefined) refuseUsage(USAGE, "--track and --at exclude each other");
const place = await readPlace();
const getToken = tokenSource();
await tryOut();
run();

function readUrl(text: string | undefined): string {
  if (text === undefined) refuseUsage(USAGE, "--url is missing, such as http://127.0.0.1:8787");
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) {
    refuseUsage(USAGE, "--url must be an address such as http://127.0.0.1:8787");
  }
  return text;
}

function readUser(text: string | undefined): string {
  if (text === undefined) refuseUsage(USAGE, "--user is missing");
  if (!isUserId(text)) refuseUsage(USAGE, "--user must be 1 to 64 of A-Z a-z 0-9 . _ : @ -, and not . or ..");
  return text;
}

/** Where this person is, some time after the start; undefined for one who only watches. */
async function readPlace(): Promise<((elapsedMs: number) => Place) | undefined> {
  const { at, track } = values;
  if (at !== undefined) {
    const [, lat, lng] = /^(-?\d+(?:\.\d+)?),(-?\d+(?:\.\d+)?)$/.exec(at) ?? [];
    const fixed = { lat: Number(lat), lng: Number(lng) };
    if (!(Math.abs(fixed.lat) <= 90 && Math.abs(fixed.lng) <= 180)) {
      refuseUsage(USAGE, "--at must be a latitude and a longitude, such as 37.5512,126.9882");
    }
    return () => fixed;
  }
  if (track === undefined) return undefined;
  try {
    const points = await readGpx(track);
    return (elapsedMs) => placeOnTrack(points, elapsedMs, SEND_EVERY_MS);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return end(`${track}${error.line > 0 ? `:${error.line}` : ""}: ${error.message}`, USAGE_EXIT_CODE);
  }
}

function tokenSource(): () => Promise<string> {
  const { token } = values;
  if (token !== undefined) return () => Promise.resolve(token);
  const { AUTH_SECRET, AUTH_ISSUER, AUTH_AUDIENCE } = process.env;
  if (AUTH_SECRET !== undefined && AUTH_SECRET !== "") {
    const auth = readAuth({ AUTH_SECRET, AUTH_ISSUER, AUTH_AUDIENCE });
    return async () => (await signToken(auth, { user }, { nowMs: Date.now(), lifetimeS: TOKEN_LIFETIME_S })).token;
  }
  return logIn;
}

function readAuth(env: Record<string, string | undefined>) {
  try {
    const { auth } = readSettings(env);
    if (auth.kind === "hs256") return auth;
    return end("AUTH_SECRET must be a secret to sign with", USAGE_EXIT_CODE);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return end(error.message, USAGE_EXIT_CODE);
  }
}

async function logIn(): Promise<string> {
  try {
    const token = textField(await callApi(url, { method: "POST", path: "/dev/login", body: { user } }), "token");
    if (token === undefined)
      throw new ApiError("/dev/login answered without a token: is this a nearby-friends server?");
    return token;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    throw new ApiError("this server hands out no tokens: give --token, or set AUTH_SECRET to the server's secret");
  }
}

/** One request before the socket: a refused handshake tells a client nothing, an HTTP answer says what is wrong. */
async function tryOut(): Promise<void> {
  try {
    await callApi(url, { method: "GET", path: "/v1/me", token: await getToken() });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const advice =
      error.status === 401 ? "\nthe token must be signed with the server's AUTH_SECRET and not be expired" : "";
    end(error.message + advice, 1);
  }
}

function run(): void {
  const client = createNearbyClient({ url, token: getToken });
  const show = showClient(client, { user, title: url, hint: "Ctrl-C ends" });
  const startMs = Date.now();
  const send = () => {
    if (place !== undefined) client.send(place(Date.now() - startMs));
  };
  send();
  const timer = setInterval(send, SEND_EVERY_MS);

  function finish(message: string, code: number): void {
    clearInterval(timer);
    client.close();
    show.close();
    if (message !== "") process.stderr.write(`${message}\n`);
    process.exitCode = code;
  }
  client.on("status", (status) => {
    // 1000 is our own close.
    if (status.state === "closed" && status.code !== 1000) finish(`closed by the server: ${status.reason}`, 1);
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => finish("", 0));
}

function end(message: string, code: number): never {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}
