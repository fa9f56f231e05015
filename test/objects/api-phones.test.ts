import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterEach, describe, expect, test, vi } from "vitest";

import { DEVICES_MAX, OWNTRACKS_REST_MS, PHONE_BODY_MAX_BYTES } from "../../src/protocol/limits.ts";
import { openSecretbox, sealSecretbox } from "../../src/ingest/owntracks/secretbox.ts";
import worker from "../../src/worker.ts";
import {
  call,
  envWith,
  envWithObject,
  expectOk,
  expectPointers,
  expectProblem,
  silenceLog,
  someone,
  tokenOf,
} from "./api-calls.ts";
import type { Call } from "./api-calls.ts";
import { meter } from "./crowd.ts";

afterEach(() => void vi.restoreAllMocks());

const HOME = { lat: 37.7749, lng: -122.4194 };
const REALM = 'Basic realm="nearby-friends"';

interface NewDevice {
  readonly id: string;
  readonly user: string;
  readonly password: string;
  readonly endpoint: string;
  readonly encryptionKey: string;
  readonly url: string;
  readonly qr: string;
}

async function newDevice(user: string, json: object = { app: "owntracks" }): Promise<NewDevice> {
  return (await expectOk(await call("POST /v1/devices", { as: user, json }), 201)) as NewDevice;
}

function basic(user: string, password: string): Record<string, string> {
  return { authorization: `Basic ${btoa(`${user}:${password}`)}` };
}

const nowS = (): number => Math.floor(Date.now() / 1000);
const location = (more: object = {}) => ({ _type: "location", lat: HOME.lat, lon: HOME.lng, tst: nowS(), ...more });

/** A good message of so many bytes. */
const lwtOf = (bytes: number): string => `{"_type":"lwt","x":"${"x".repeat(bytes - 22)}"}`;

/** What OwnTracks gets for this message. */
async function ownTracks(device: NewDevice, json: unknown, options: Call = {}): Promise<unknown> {
  const headers = { ...basic(device.user, device.password), ...options.headers };
  return expectOk(await call("POST /owntracks", { json, ...options, headers }));
}

async function refused(response: Response): Promise<void> {
  await expectProblem(response, 401, "unauthorized");
  expect(response.headers.get("www-authenticate")).toBe(REALM);
}

async function befriend(a: string, b: string): Promise<void> {
  await call(`PUT /v1/friends/${b}`, { as: a });
  await expectOk(await call(`PUT /v1/friends/${a}`, { as: b }));
}

describe("/v1/devices", () => {
  test("[PASS1] OwnTracks gets a link that configures it, and the same as a picture", async () => {
    const ann = someone();
    const token = await tokenOf(ann, { name: "Ann Miller" });
    const json = { app: "owntracks", name: " Ann's phone " };
    const made = (await expectOk(await call("POST /v1/devices", { token, json }), 201)) as NewDevice;
    expect(made).toEqual({
      id: expect.stringMatching(/^[\w-]{43}$/),
      app: "owntracks",
      name: "Ann's phone",
      createdAt: expect.any(Number),
      user: ann,
      password: expect.stringMatching(/^[\w-]{46,}$/),
      endpoint: "https://nearby.test/owntracks",
      encryptionKey: expect.stringMatching(/^[\w-]{32}$/),
      url: expect.stringMatching(/^owntracks:\/\/\/config\?inline=/),
      qr: expect.stringMatching(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 (\d+) \1"[^]*<\/svg>$/),
    });
    const inline = new URL(made.url).searchParams.get("inline") ?? "";
    expect(JSON.parse(atob(inline))).toEqual({
      _type: "configuration",
      mode: 3,
      url: made.endpoint,
      auth: true,
      username: ann,
      password: made.password,
      deviceId: made.id.slice(0, 8),
      tid: "AM",
      encryptionKey: made.encryptionKey,
    });
  });

  test("[PASS1] Traccar Client gets an address and an identifier", async () => {
    const made = await newDevice(someone(), { app: "traccar" });
    expect(made).not.toHaveProperty("encryptionKey");
    const { protocol, host, searchParams } = new URL(made.url);
    expect([protocol, host]).toEqual(["org.traccar.client:", "config"]);
    expect(Object.fromEntries(searchParams)).toEqual({ url: "https://nearby.test/osmand", id: made.password });
  });

  test("[PASS1] a body of another kind is refused", async () => {
    const post = (json: unknown) => call("POST /v1/devices", { as: "ann", json });
    expect(await expectPointers(await post({}))).toEqual(["#/app"]);
    expect(await expectPointers(await post({ app: "gps", name: "" }))).toEqual(["#/app", "#/name"]);
    expect(await expectPointers(await post({ app: "traccar", name: "x".repeat(101) }))).toEqual(["#/name"]);
    expect(await expectPointers(await post({ app: "traccar", password: "x" }))).toEqual(["#/password"]);
    expect((await post({ app: "traccar", name: "x".repeat(100) })).status).toBe(201);
    await expectProblem(await call("POST /v1/devices", { as: "ann" }), 415, "wrong_type");
  });

  test("[PASS2] the 21st is 409", async () => {
    const ann = someone();
    for (let n = 1; n <= DEVICES_MAX; n += 1) await newDevice(ann);
    const json = { app: "owntracks" };
    await expectProblem(await call("POST /v1/devices", { as: ann, json }), 409, "device_limit");
  });

  test("[PASS3] the list has neither password nor key", async () => {
    const ann = someone();
    const { id, password, encryptionKey } = await newDevice(ann, { app: "owntracks", name: "Phone" });
    const response = await call("GET /v1/devices", { as: ann });
    const text = await response.text();
    expect(JSON.parse(text)).toEqual({
      devices: [{ id, app: "owntracks", name: "Phone", createdAt: expect.any(Number) }],
    });
    expect(text).not.toContain(password);
    expect(text).not.toContain(encryptionKey);
  });

  test("[PASS4] the password ends at once, for its owner only", async () => {
    const [ann, bob] = [someone(), someone()];
    const device = await newDevice(ann);
    await ownTracks(device, location());
    await expectProblem(await call(`DELETE /v1/devices/${device.id}`, { as: bob }), 404, "not_found");
    await ownTracks(device, location());
    expect((await call(`DELETE /v1/devices/${device.id}`, { as: ann })).status).toBe(204);
    await expectProblem(await call(`DELETE /v1/devices/${device.id}`, { as: ann }), 404, "not_found");
    await refused(await call("POST /owntracks", { json: location(), headers: basic(ann, device.password) }));
    await refused(await call(`GET /osmand?id=${device.password}&lat=1&lon=2`));
  });

  test("[PASS5] a password is no token anywhere else, and no code of a link", async () => {
    const ann = someone();
    const { password, id } = await newDevice(ann);
    const lines = ["GET /v1/me", "GET /v1/nearby", "POST /v1/location", "GET /v1/devices", `DELETE /v1/devices/${id}`];
    for (const line of [...lines, "GET /v1/connect", "GET /v1/history", "DELETE /v1/me"]) {
      for (const authorization of [`Bearer ${password}`, basic(ann, password)["authorization"] ?? ""]) {
        const response = await call(line, { headers: { authorization, upgrade: "websocket" } });
        await expectProblem(response, 401, "unauthorized");
      }
    }
    for (const path of [`/v1/invites/${password}`, `/v1/shares/${password}`]) {
      await expectProblem(await call(`DELETE ${path}`, { as: ann }), 404, "not_found");
    }
    expect((await call(`GET /i/${password}`)).status).toBe(404);
    expect((await call(`GET /s/${password}`)).status).toBe(404);
  });

  test("[PASS5] without a secret to seal with there are none, and a token reports all the same", async () => {
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    const keys = { keys: [{ ...(await exportJWK(publicKey)), alg: "ES256", kid: "a" }] };
    vi.spyOn(globalThis, "fetch").mockImplementation(() => Promise.resolve(Response.json(keys)));
    const env = envWith({
      AUTH_SECRET: undefined,
      AUTH_JWKS_URL: "https://keys.example/devices",
      AUTH_ISSUER: "i",
      AUTH_AUDIENCE: "a",
    });
    const ann = someone();
    const jwt = new SignJWT({}).setProtectedHeader({ alg: "ES256", kid: "a" }).setSubject(ann).setIssuer("i");
    const token = await jwt.setAudience("a").setExpirationTime("1h").sign(privateKey);
    for (const line of ["POST /v1/devices", "GET /v1/devices", "DELETE /v1/devices/x"]) {
      const { detail } = await expectProblem(await call(line, { token, env }), 500, "not_configured");
      expect(detail).toContain("LINK_SECRET");
    }
    await refused(await call("POST /owntracks", { headers: basic(ann, "x".repeat(60)), env }));
    const { env: withObject } = envWithObject(
      { phone: () => Promise.resolve({ friends: [], transitions: [] }) },
      { ...env },
    );
    const report = { json: location(), headers: basic(ann, token), env: withObject };
    expect(await expectOk(await call("POST /owntracks", report))).toEqual([]);
  });
});

describe("[PHONE1] credentials", () => {
  test("a guessed password is refused before any object is asked", async () => {
    const { env, getByName } = envWithObject({});
    const { password } = await newDevice(someone());
    const invite = (await expectOk(await call("POST /v1/invites", { as: "ann" }), 201)) as { code: string };
    const guesses = ["", "x", "ann", `${password}A`, password.slice(1), password.toUpperCase(), invite.code, "a.b.c"];
    for (const guess of [...guesses, await tokenOf("ann", {}, -10), `${await tokenOf("ann")}x`]) {
      await refused(await call("POST /owntracks", { json: location(), headers: basic("ann", guess), env }));
      await refused(await call("POST /pub", { json: location(), headers: { authorization: `Bearer ${guess}` }, env }));
      if (guess !== "") await refused(await call(`POST /osmand?lat=1&lon=2&id=${guess}`, { env }));
    }
    for (const headers of [{}, { authorization: "Basic" }, { authorization: "Digest x" }, { "x-limit-u": "ann" }]) {
      await refused(await call("POST /owntracks?u=ann&d=phone", { json: location(), headers, env }));
      await refused(await call("GET /osmand?lat=1&lon=2", { headers, env }));
    }
    expect(getByName).not.toHaveBeenCalled();
  });

  test("the user name must be the owner's; it may stand in the header of the recorder", async () => {
    const ann = someone();
    const { password } = await newDevice(ann);
    const token = await tokenOf(ann);
    for (const good of [password, token]) {
      const post = (line: string, headers: Record<string, string>) => call(line, { json: location(), headers });
      for (const response of [
        await post("POST /owntracks", basic(ann, good)),
        await post("POST /owntracks", { ...basic(ann, good), "x-limit-u": "anything", "x-limit-d": "phone" }),
        await post("POST /owntracks", { ...basic("", good), "x-limit-u": ann }),
        await post(`POST /owntracks?u=${ann}&d=phone`, basic("", good)),
        await post("POST /pub", { authorization: `Bearer ${good}` }),
      ]) {
        expect(await expectOk(response)).toEqual([]);
      }
      for (const user of [ann.toUpperCase(), `${ann} `, "bob", "", ann.slice(1)]) {
        await refused(await post("POST /owntracks", basic(user, good)));
      }
      await refused(await post("POST /owntracks", { ...basic("", good), "x-limit-u": "bob" }));
    }
  });

  test("/osmand takes it as id or deviceid, in the address or the body, or as everybody else does", async () => {
    const ann = someone();
    const { password } = await newDevice(ann, { app: "traccar" });
    const place = "lat=37.7749&lon=-122.4194";
    const client9 = { device_id: password, location: { timestamp: new Date().toISOString() } };
    const form = { "content-type": "application/x-www-form-urlencoded" };
    for (const response of [
      await call(`GET /osmand?id=${password}&${place}`),
      await call(`POST /osmand?deviceid=${password}&${place}`),
      await call("POST /osmand", { body: `id=${password}&${place}`, headers: form }),
      await call("POST /osmand", { json: client9 }),
      await call("POST /osmand", { json: [{ id: password, lat: 1, lon: 2 }] }),
      await call(`GET /osmand?${place}`, { headers: basic(ann, password) }),
      await call(`GET /osmand?${place}`, { as: ann }),
      await call(`GET /osmand?id=${await tokenOf(ann)}&${place}`),
    ]) {
      expect([response.status, await response.text()]).toEqual([200, ""]);
    }
  });

  test("an identifier that fails stands in no line of the log", async () => {
    const log = silenceLog();
    const { password } = await newDevice(someone());
    const { env } = envWithObject({ phone: () => Promise.reject(new Error("the object is on fire")) });
    const response = await call(`GET /osmand?id=${password}&lat=37.7749&lon=-122.4194`, { env });
    await expectProblem(response, 503, "unavailable");
    expect(response.headers.get("retry-after")).toBe("1");
    const lines = JSON.stringify(log.mock.calls);
    expect(lines).toContain("/osmand");
    for (const secret of [password, "37.7749", "?"]) expect(lines).not.toContain(secret);
  });

  test("while the keys of the host app cannot be had, both come again", async () => {
    silenceLog();
    vi.spyOn(globalThis, "fetch").mockRejectedValue(new Error("no network"));
    const env = envWith({
      AUTH_SECRET: undefined,
      AUTH_JWKS_URL: "https://keys.example/jwks",
      AUTH_ISSUER: "i",
      AUTH_AUDIENCE: "a",
    });
    const jwt = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ.eyJzdWIiOiJhbm4ifQ.AAAA";
    for (const response of [
      await call("POST /owntracks", { headers: basic("ann", jwt), env }),
      await call(`GET /osmand?id=${jwt}`, { env }),
    ]) {
      await expectProblem(response, 503, "unavailable");
      expect(response.headers.get("retry-after")).toBe("5");
    }
  });
});

describe("[PHONE8] no other error", () => {
  test("above the pace it is 503, never 429", async () => {
    const phone = vi.fn(() => Promise.resolve({ refused: "too_fast", retryAfterS: 0.05 }));
    const { env } = envWithObject({ phone }, { RATE_LIMIT: { limit: () => Promise.resolve({ success: false }) } });
    for (const response of [
      await call("POST /owntracks", { as: "ann", json: location(), env }),
      await call("GET /osmand?lat=1&lon=2", { as: "ann", env }),
    ]) {
      await expectProblem(response, 503, "unavailable");
      expect(response.headers.get("retry-after")).toBe("1");
    }
    expect(phone).toHaveBeenCalledTimes(2);
  });

  const NOTHING = { points: [], invalid: 1 };
  test.each([
    ["no JSON", "{", NOTHING],
    ["bytes that are no text", Uint8Array.of(0xff, 0xfe, 0x00), NOTHING],
    ["nothing", "", { points: [], invalid: 0 }],
    ["a word", '"location"', NOTHING],
    ["another type", '{"_type":"waypoints","waypoints":[]}', { points: [], invalid: 0 }],
    ["almost as long as allowed", lwtOf(PHONE_BODY_MAX_BYTES - 1), { points: [], invalid: 0 }],
    ["as long as allowed", lwtOf(PHONE_BODY_MAX_BYTES), { points: [], invalid: 0 }],
    ["a byte longer", lwtOf(PHONE_BODY_MAX_BYTES + 1), NOTHING],
    ["three times as long", "x".repeat(3 * PHONE_BODY_MAX_BYTES), NOTHING],
  ])("%s is 200 and an empty list, whatever type it is sent as", async (_, body, report) => {
    const phone = vi.fn(() => Promise.resolve({ friends: [], transitions: [] }));
    const { env } = envWithObject({ phone });
    for (const headers of [{}, { "content-type": "text/html" }] as Record<string, string>[]) {
      const response = await call("POST /owntracks", { as: "ann", body, headers, env });
      expect(await expectOk(response)).toEqual([]);
      expect(phone).toHaveBeenLastCalledWith(expect.anything(), expect.objectContaining(report));
    }
    const toOsmAnd = await call("POST /osmand", { as: "ann", body, env });
    expect([toOsmAnd.status, await toOsmAnd.text()]).toEqual([200, ""]);
  });

  test("[PHONE2] junk is counted in the user's meter", async () => {
    const ann = someone();
    const device = await newDevice(ann);
    const spent = await meter(ann);
    await ownTracks(device, location({ lat: 91 }));
    await ownTracks(device, [location({ tst: 0 }), location(), { _type: 7 }]);
    await call(`GET /osmand?id=${device.password}&lat=1&lon=x`);
    expect((await spent()).invalidReports).toBe(4);
  });

  test("[PHONE9] OwnTracks is given its 15 minutes, the others none", async () => {
    const phone = vi.fn(() => Promise.resolve({ friends: [], transitions: [] }));
    const { env } = envWithObject({ phone });
    await call("POST /owntracks", { as: "ann", json: location(), env });
    expect(phone).toHaveBeenLastCalledWith(
      { caller: expect.objectContaining({ user: "ann" }), requestId: expect.any(String) },
      expect.objectContaining({ restMs: OWNTRACKS_REST_MS }),
    );
    await call("GET /osmand?lat=1&lon=2", { as: "ann", env });
    expect(phone).toHaveBeenLastCalledWith(expect.anything(), expect.objectContaining({ restMs: 0, viewer: null }));
  });
});

describe("[PHONE5] friends in the answer", () => {
  test("[PHONE2] two phones see each other, and the position is in the history", async () => {
    const [ann, bob] = [someone(), someone()];
    await befriend(ann, bob);
    await call("PATCH /v1/me", { as: bob, json: { name: "Bob" } });
    const [annsPhone, bobsPhone] = [await newDevice(ann), await newDevice(bob)];
    const tst = nowS();
    expect(await ownTracks(bobsPhone, location({ tst, lat: 37.78, acc: 7, vel: 36 }))).toEqual([]);
    expect(await ownTracks(annsPhone, location())).toEqual([
      { _type: "card", tid: "BO", name: "Bob" },
      { _type: "location", tid: "BO", lat: 37.78, lon: HOME.lng, tst },
    ]);
    expect(await expectOk(await call("GET /v1/history", { as: bob }))).toMatchObject({
      points: [{ lat: 37.78, lng: HOME.lng, ts: tst * 1000, accuracy: 7, speed: 10 }],
    });
  });

  test("a friend of whom only the cell is known has its size as accuracy", async () => {
    const [ann, bob] = [someone(), someone()];
    await befriend(ann, bob);
    await expectOk(await call(`PATCH /v1/friends/${ann}`, { as: bob, json: { visibility: "coarse" } }));
    await ownTracks(await newDevice(bob), location());
    const answer = await ownTracks(await newDevice(ann), location());
    expect(answer).toMatchObject([{ _type: "card" }, { _type: "location", acc: 800 }]);
  });

  test("[PHONE6] iOS hears of a friend who came; its cards have an empty face", async () => {
    const [ann, bob] = [someone(), someone()];
    await befriend(ann, bob);
    const phone = await newDevice(ann);
    const headers = { "user-agent": "OwnTracks/26.3.1 CFNetwork/3826.500.131 Darwin/25.0.0" };
    expect(await ownTracks(phone, location(), { headers })).toEqual([]);
    await ownTracks(await newDevice(bob), location());
    expect(await ownTracks(phone, location(), { headers })).toMatchObject([
      { _type: "card", face: "" },
      { _type: "location" },
      { _type: "transition", event: "enter", desc: `your area (${bob})`, lat: HOME.lat, lon: HOME.lng },
    ]);
    const android = await ownTracks(phone, location(), { headers: { "user-agent": "Owntracks-Android/gms/1" } });
    expect(android).toEqual([
      { _type: "card", tid: expect.any(String), name: bob },
      expect.objectContaining({ _type: "location" }),
    ]);
  });

  test("[PHONE10] a picture is in one of the next answers", async () => {
    const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3);
    const fetched = vi.spyOn(globalThis, "fetch").mockImplementation(() => Promise.resolve(new Response(png)));
    const [ann, bob] = [someone(), someone()];
    await befriend(ann, bob);
    const avatar = `https://pictures.nearby-friends.dev/${bob}.png`;
    await call("PATCH /v1/me", { as: bob, json: { avatar } });
    await ownTracks(await newDevice(bob), location());
    const { user, password } = await newDevice(ann);
    const ask = async (): Promise<unknown> => {
      const context = createExecutionContext();
      const body = JSON.stringify(location());
      const request = new Request("https://nearby.test/owntracks", {
        method: "POST",
        body,
        headers: basic(user, password),
      });
      const answer: unknown = await (await worker.fetch(request, envWith(), context)).json();
      await waitOnExecutionContext(context);
      return answer;
    };
    expect(await ask()).toEqual([{ _type: "card", tid: "AP", name: bob }, expect.anything()]);
    expect(await ask()).toEqual([
      { _type: "card", tid: "AP", name: bob, face: btoa(String.fromCharCode(...png)) },
      expect.anything(),
    ]);
    expect(fetched.mock.calls.map(([url]) => url)).toEqual([avatar]);
  });
});

describe("[PHONE7] encryption", () => {
  const seal = (json: unknown, key: string) => ({
    _type: "encrypted",
    data: sealSecretbox(JSON.stringify(json), key, crypto.getRandomValues(new Uint8Array(24))),
  });

  test("a sealed report is stored, and its answer sealed with the same passphrase", async () => {
    const [ann, bob] = [someone(), someone()];
    await befriend(ann, bob);
    await ownTracks(await newDevice(bob), location());
    const phone = await newDevice(ann);
    const answer = await ownTracks(phone, seal(location(), phone.encryptionKey));
    expect(answer).toEqual({ _type: "encrypted", data: expect.any(String) });
    const opened = openSecretbox((answer as { data: string }).data, phone.encryptionKey);
    expect(JSON.parse(new TextDecoder().decode(opened ?? undefined))).toMatchObject([
      { _type: "card", name: bob },
      { _type: "location", lat: HOME.lat, lon: HOME.lng },
    ]);
    const other = await ownTracks(phone, seal({ _type: "lwt", tst: 1 }, phone.encryptionKey));
    expect(openSecretbox((other as { data: string }).data, phone.encryptionKey)).toEqual(
      new TextEncoder().encode("[]"),
    );
    expect(Array.isArray(await ownTracks(phone, location())), "an open question has an open answer").toBe(true);
  });

  test("with another passphrase, twice or under a token it is of no use", async () => {
    const ann = someone();
    const [phone, other] = [await newDevice(ann), await newDevice(ann)];
    const spent = await meter(ann);
    expect(await ownTracks(phone, seal(location(), other.encryptionKey))).toEqual([]);
    expect(await ownTracks(phone, { _type: "encrypted", data: "?" })).toEqual([]);
    const twice = seal(seal(location(), phone.encryptionKey), phone.encryptionKey);
    expect(await ownTracks(phone, twice)).toMatchObject({ _type: "encrypted" });
    const sealed = seal(location(), phone.encryptionKey);
    expect(await expectOk(await call("POST /owntracks", { as: ann, json: sealed }))).toEqual([]);
    expect((await spent()).invalidReports).toBe(4);
    expect(await expectOk(await call("GET /v1/history", { as: ann }))).toMatchObject({ points: [] });
  });

  test("[PASS5] passwords and passphrases outlive a change of the server's secrets", async () => {
    const ann = someone();
    const phone = await newDevice(ann);
    const secret = String(Reflect.get(envWith(), "AUTH_SECRET"));
    const env = envWith({ LINK_SECRET: `a-newer-secret-of-at-least-32-bytes,${secret}` });
    const answer = await ownTracks(phone, seal(location(), phone.encryptionKey), { env });
    expect(openSecretbox((answer as { data: string }).data, phone.encryptionKey)).not.toBeNull();
    const gone = envWith({ LINK_SECRET: "a-newer-secret-of-at-least-32-bytes" });
    await refused(await call("POST /owntracks", { json: location(), headers: basic(ann, phone.password), env: gone }));
  });
});
