import { Hono } from "hono";
import type { Context } from "hono";

import { encryptionKeysOf } from "../auth/device.ts";
import { basicCredentials, bearerToken } from "../auth/credentials.ts";
import { friendElements, platformOf, transitionElements } from "../ingest/owntracks/answer.ts";
import type { AnswerElement } from "../ingest/owntracks/answer.ts";
import { isEncrypted, parseMessage, readOwnTracks } from "../ingest/owntracks/report.ts";
import type { OwnTracksReport } from "../ingest/owntracks/report.ts";
import { NONCE_BYTES, openSecretbox, sealSecretbox } from "../ingest/owntracks/secretbox.ts";
import { OWNTRACKS_REST_MS, PHONE_BODY_MAX_BYTES } from "../protocol/limits.ts";
import { isUserId } from "../protocol/user-id.ts";
import { readUpTo } from "./body.ts";
import type { ApiEnv } from "./context.ts";
import { facesOf } from "./faces.ts";
import { bringReport, identify, phoneFailed } from "./phone.ts";
import type { PhoneLogin, PhoneOwner } from "./phone.ts";

/** What was sent, and the passphrase that it was sealed with, if it was. */
interface Opened {
  readonly message: unknown;
  readonly key?: string;
}

/**
 * OwnTracks in HTTP mode, at the address of its own recorder as well. Whatever a phone sends that nobody can use is answered
 * like the rest, with an empty list: it would be sent for ever otherwise.
 */
export const ownTracks = new Hono<ApiEnv>().post("/owntracks", (c) => take(c)).post("/pub", (c) => take(c));
ownTracks.onError(phoneFailed);

async function take(c: Context<ApiEnv>): Promise<Response> {
  const bytes = await readUpTo(c.req.raw.body, PHONE_BODY_MAX_BYTES);
  const identified = await identify(loginOf(c), c.var.settings);
  if (!identified.ok) return identified.response;
  const { owner } = identified;
  const platform = platformOf(c.req.header("user-agent") ?? "");
  const now = Date.now();
  const { message, key } = await open(c, owner, bytes === null ? undefined : parseMessage(bytes));
  const { points, invalid, tid } = readOwnTracks(message, now);
  const viewer = {
    device: deviceOf(c, owner),
    hearsTransitions: platform === "ios",
    ...(tid === undefined ? {} : { ownTid: tid }),
  };
  const taken = await bringReport(c, owner, { points, invalid, restMs: OWNTRACKS_REST_MS, viewer });
  if (!taken.ok) return taken.response;
  const { friends, transitions } = taken.answer;
  const faces = await facesOf(
    friends.map(({ avatar }) => avatar),
    {
      cache: caches.default,
      fetch: (address, init) => fetch(address, init),
      origin: new URL(c.req.url).origin,
      waitUntil: (work) => c.executionCtx.waitUntil(work),
      now,
    },
  );
  const shown = friends.map((friend, at) => ({ ...friend, ...(faces[at] === undefined ? {} : { face: faces[at] }) }));
  const elements = friendElements(shown, platform);
  return answer(c, [...elements, ...noticesOf(points, transitions, now)], key);
}

function noticesOf(
  points: OwnTracksReport["points"],
  transitions: Parameters<typeof transitionElements>[0],
  now: number,
): AnswerElement[] {
  const place = points.at(-1);
  return place === undefined ? [] : transitionElements(transitions, { lat: place.lat, lng: place.lng, now });
}

/** Sealed only if the question was: an app without a passphrase would refuse it, and one with it takes both. */
function answer(c: Context<ApiEnv>, elements: readonly AnswerElement[], key: string | undefined): Response {
  const headers = { "cache-control": "no-store" };
  if (key === undefined) return c.json(elements, 200, headers);
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const data = sealSecretbox(JSON.stringify(elements), key, nonce);
  return c.json({ _type: "encrypted", data }, 200, headers);
}

/** A message that cannot be opened stays what it is, which says nothing to anybody. */
async function open(c: Context<ApiEnv>, { secret }: PhoneOwner, message: unknown): Promise<Opened> {
  if (!isEncrypted(message) || secret === undefined) return { message };
  for (const key of await encryptionKeysOf(c.var.settings.linkSecrets, secret)) {
    const inside = openSecretbox(message.data, key);
    if (inside !== null) return { message: parseMessage(inside), key };
  }
  return { message };
}

/** By Basic authentication, which both apps have; iOS can send a header of its own instead. */
function loginOf(c: Context<ApiEnv>): PhoneLogin | undefined {
  const { headers } = c.req.raw;
  const token = bearerToken(headers);
  if (token !== undefined) return { password: token };
  const basic = basicCredentials(headers);
  if (basic === undefined) return undefined;
  // Android leaves the name out if it stands in the header of the recorder only.
  const user = basic.user === "" ? (c.req.header("x-limit-u") ?? c.req.query("u") ?? "") : basic.user;
  return { user, password: basic.password };
}

/** A phone with a token has no device of its own here; what it calls itself tells it from the others of the same user. */
function deviceOf(c: Context<ApiEnv>, { source }: PhoneOwner): string {
  if ("device" in source) return source.device;
  const name = c.req.header("x-limit-d") ?? c.req.query("d") ?? "";
  return isUserId(name) ? name : "";
}
