import * as v from "valibot";
import { describe, expect, vi } from "vitest";
import { WebSocket } from "ws";
import { ANSWER_MS, SILENCE_MS } from "./connection.ts";
import type { User } from "./helpers.ts";
import { expectProblem, request, test as base } from "./helpers.ts";
import { HOME, offset } from "./places.ts";
import { rawRequest, upgradeHeaders } from "./raw-http.ts";
import type { Target } from "./setup.ts";

/** Of the contract: open shares of one user, viewers of one share, and how long it lives at most. */
const SHARES_MAX = 20;
const VIEWERS_MAX = 100;
const WEEK_MINUTES = 7 * 24 * 60;
const MINUTE_MS = 60_000;

const share = v.looseObject({
  code: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{40,150}$/)),
  url: v.pipe(v.string(), v.url()),
  expiresAt: v.pipe(v.number(), v.safeInteger()),
});
const shareList = v.looseObject({
  shares: v.array(v.looseObject({ ...share.entries, viewers: v.pipe(v.number(), v.safeInteger()) })),
});
/** Strict: what is not named here is nothing that a viewer may know. */
const frame = v.strictObject({
  type: v.literal("share"),
  lat: v.number(),
  lng: v.number(),
  ts: v.pipe(v.number(), v.safeInteger()),
  name: v.optional(v.string()),
  endsAt: v.pipe(v.number(), v.safeInteger()),
});

/** The runtime ends a connection late on which the client never sent anything; browsers wait as long. */
const CLOSE_TIMEOUT_MS = 2_000;

type Share = v.InferOutput<typeof share>;
type ShareFrame = v.InferOutput<typeof frame>;

async function makeShare(owner: User, minutes = 5): Promise<Share> {
  const answer = await owner.api("POST", "/v1/shares", { minutes });
  expect(answer.status, answer.text).toBe(201);
  return v.parse(share, answer.body);
}

async function listShares(owner: User): Promise<v.InferOutput<typeof shareList>["shares"]> {
  const answer = await owner.api("GET", "/v1/shares");
  expect(answer.status, answer.text).toBe(200);
  return v.parse(shareList, answer.body).shares;
}

/** Somebody with the link and nothing else. */
class Viewer {
  readonly texts: string[] = [];
  readonly closed: Promise<number>;
  readonly socket: WebSocket;
  #seen = 0;

  constructor(target: Target, code: string) {
    const address = new URL(`/s/${code}/connect`, target.url.replace(/^http/, "ws"));
    const settings = { handshakeTimeout: ANSWER_MS, closeTimeout: CLOSE_TIMEOUT_MS };
    this.socket = new WebSocket(address, settings);
    this.socket.on("message", (data: Buffer) => this.texts.push(data.toString("utf8")));
    this.closed = new Promise((resolve) => this.socket.on("close", resolve));
  }

  async opened(): Promise<this> {
    await new Promise((resolve, reject) => this.socket.once("open", resolve).once("error", reject));
    return this;
  }

  /** The next text after those that were waited for. */
  async text(): Promise<string> {
    const text = await soon(() => {
      const next = this.texts[this.#seen];
      if (next === undefined) throw new Error(`no frame after ${JSON.stringify(this.texts)}`);
      return next;
    });
    this.#seen += 1;
    return text;
  }

  async frame(): Promise<ShareFrame> {
    return v.parse(frame, JSON.parse(await this.text()));
  }

  /** Nothing but what was waited for has come, and nothing comes. */
  async silent(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, SILENCE_MS));
    expect(this.texts.slice(this.#seen)).toEqual([]);
  }
}

/** Tries until it does not throw. */
function soon<T>(attempt: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(attempt, { timeout: ANSWER_MS, interval: 10 });
}

/** `test` with viewers on the server with default settings, who leave at its end. */
const test = base.extend("watch", ({ world }, { onCleanup }) => {
  const viewers: Viewer[] = [];
  onCleanup(() => {
    for (const { socket } of viewers) socket.terminate();
  });
  return ({ code }: Share): Promise<Viewer> => {
    const viewer = new Viewer(world.target, code);
    viewers.push(viewer);
    return viewer.opened();
  };
});

function handshake(target: Target, code: string, headers: Record<string, string> = {}) {
  return rawRequest(target, { path: `/s/${code}/connect`, headers: { ...upgradeHeaders(), ...headers } });
}

describe("shares", { concurrent: true, timeout: 20_000 }, () => {
  test("[SHARE1] a link has a code, a page at this server and an end", async ({ world }) => {
    const ana = world.user("ana");
    for (const minutes of [1, 60, WEEK_MINUTES]) {
      const made = await makeShare(ana, minutes);
      expect(made.url).toBe(`${world.target.url}/s/${made.code}`);
      expect(Math.abs(made.expiresAt - Date.now() - minutes * MINUTE_MS)).toBeLessThan(MINUTE_MS / 2);
    }
    for (const wish of [{}, { minutes: 0 }, { minutes: WEEK_MINUTES + 1 }, { minutes: "5" }, { minutes: 5, x: 1 }]) {
      expectProblem(await ana.api("POST", "/v1/shares", wish), 400, "bad_request");
    }
    expect(await listShares(ana)).toHaveLength(3);
  });

  test("[SHARE2] twenty shares may be open, and room is made by ending one", async ({ world }) => {
    const ana = world.user("ana");
    const first = await makeShare(ana);
    for (let n = 2; n <= SHARES_MAX; n += 1) await makeShare(ana);
    expectProblem(await ana.api("POST", "/v1/shares", { minutes: 5 }), 409, "share_limit");
    expect(await listShares(ana)).toHaveLength(SHARES_MAX);
    expect((await ana.api("DELETE", `/v1/shares/${first.code}`)).status).toBe(204);
    await makeShare(ana);
    expectProblem(await ana.api("POST", "/v1/shares", { minutes: 5 }), 409, "share_limit");
  });

  test("[SHARE3] the list counts who is watching, and is the owner's only", async ({ world, watch }) => {
    const [ana, ben] = [world.user("ana"), world.user("ben")];
    const made = await makeShare(ana);
    expect(await listShares(ana)).toEqual([{ ...made, viewers: 0 }]);
    const viewer = await watch(made);
    await watch(made);
    await soon(async () => expect((await listShares(ana))[0]?.viewers).toBe(2));
    viewer.socket.close(1000);
    await soon(async () => expect((await listShares(ana))[0]?.viewers).toBe(1));
    expect(await listShares(ben)).toEqual([]);
  });

  test("[SHARE4] ending a share closes its viewers with 4404, and those of another stay", async ({ world, watch }) => {
    const [ana, ben] = [world.user("ana"), world.user("ben")];
    const [made, other] = [await makeShare(ana), await makeShare(ana)];
    const viewer = await watch(made);
    const stays = await watch(other);
    expectProblem(await ben.api("DELETE", `/v1/shares/${made.code}`), 404, "not_found");
    expect((await ana.api("DELETE", `/v1/shares/${made.code}`)).status).toBe(204);
    expect(await viewer.closed).toBe(4404);
    expectProblem(await ana.api("DELETE", `/v1/shares/${made.code}`), 404, "not_found");
    expect((await handshake(world.target, made.code)).status).toBe(404);
    expect((await request(world.target, "GET", `/s/${made.code}`)).status).toBe(404);
    await ana.appear(HOME);
    expect(await stays.frame()).toMatchObject(HOME);
    expect(viewer.texts).toEqual([]);
  });

  test("[SHARE5] a guess is 404 for the page and the socket", async ({ world }) => {
    const ana = world.user("ana");
    const { code } = await makeShare(ana);
    const invite = await ana.api("POST", "/v1/invites", {});
    const { code: inviteCode } = v.parse(v.looseObject({ code: v.string() }), invite.body);
    const flipped = code.slice(0, 20) + (code[20] === "A" ? "B" : "A") + code.slice(21);
    for (const guess of [inviteCode, flipped, code.slice(0, -1), `${code}A`, "a", ana.id, "%00", "%2e%2e%2fme"]) {
      const answer = await handshake(world.target, guess);
      expect(answer.status, guess).toBe(404);
      expect((await request(world.target, "GET", `/s/${guess}`)).status).toBe(404);
    }
  });

  test("[SHARE6] without an upgrade it is 426, and headers of a client say nothing to the object", async ({
    world,
  }) => {
    const ana = world.user("ana");
    const { code } = await makeShare(ana);
    expectProblem(await request(world.target, "GET", `/s/${code}/connect`), 426, "upgrade_required");
    const spoofed = { "x-nearby-caller": JSON.stringify({ user: ana.id, expMs: 9e12 }), "x-nearby-share": "x" };
    expect((await handshake(world.target, code, spoofed)).status).toBe(101);
    const asOwner = await handshake(world.target, "guess", spoofed);
    expect(asOwner.status).toBe(404);
  });

  test("[SHARE6] a viewer can only watch", async ({ world, watch }) => {
    const [ana, ben] = await world.friends();
    const a = await ana.appear(HOME);
    const made = await makeShare(ben);
    const viewer = await watch(made);
    viewer.socket.send(JSON.stringify({ type: "location", ...HOME, ts: Date.now() }));
    viewer.socket.send(JSON.stringify({ type: "subscribe", friend: ana.id }));
    await a.never((got) => got.type === "friend", "friend who was moved by a viewer");
    expect(viewer.texts).toEqual([]);
    const history = await ben.api("GET", "/v1/history");
    expect(history.body).toMatchObject({ points: [] });
  });

  test(
    "[SHARE7] a hundred people may watch, one more is told to come back",
    { timeout: 40_000 },
    async ({ world, watch }) => {
      const ana = world.user("ana");
      const made = await makeShare(ana);
      const viewers = await Promise.all(Array.from({ length: VIEWERS_MAX - 1 }, () => watch(made)));
      viewers.push(await watch(made));
      const full = await handshake(world.target, made.code);
      expect(full.status, full.text).toBe(503);
      expect(Number(full.headers["retry-after"])).toBeGreaterThan(0);
      await ana.appear(HOME);
      for (const viewer of viewers) expect(await viewer.frame()).toMatchObject(HOME);
      viewers[0]?.socket.close(1000);
      await soon(async () => expect((await handshake(world.target, made.code)).status).toBe(101));
    },
  );

  test("[SHARE8] a viewer sees the latest position at once and each new one, and not whose it is", async ({
    world,
    watch,
  }) => {
    const ana = world.user("ana");
    await ana.patchMe({ name: "Ana", avatar: "https://img.example/ana.png" });
    const a = await ana.appear(HOME);
    const made = await makeShare(ana);
    const viewer = await watch(made);
    const first = await viewer.frame();
    expect(first).toMatchObject({ ...HOME, name: "Ana", endsAt: made.expiresAt });
    for (let n = 1; n <= 3; n += 1) {
      const place = offset(HOME, { eastM: 10 * n });
      const ts = a.move(place);
      expect(await viewer.frame()).toEqual({ ...first, ...place, ts });
    }
    viewer.socket.send("ping");
    expect(await viewer.text()).toBe("pong");
    expect(viewer.texts.join()).not.toContain(ana.id);
    await viewer.silent();
  });

  test("[SHARE8] of a user who is not active or paused there is nothing to see", async ({ world, watch }) => {
    const ana = world.user("ana");
    const made = await makeShare(ana);
    const early = await watch(made);
    await early.silent();
    const a = await ana.appear(HOME);
    await early.frame();
    await ana.patchMe({ sharing: false });
    a.move(offset(HOME, { northM: 50 }));
    const late = await watch(made);
    await early.silent();
    await late.silent();
    await ana.patchMe({ sharing: true });
    for (const viewer of [early, late]) expect(await viewer.frame()).toMatchObject(offset(HOME, { northM: 50 }));
  });

  test("[SHARE4] a deleted account takes its shares along", async ({ world, watch }) => {
    const ana = world.user("ana");
    const made = await makeShare(ana);
    const viewer = await watch(made);
    expect((await ana.api("DELETE", "/v1/me")).status).toBe(204);
    expect(await viewer.closed).toBe(4404);
    expect((await handshake(world.target, made.code)).status).toBe(404);
  });

  test("[PAGE1] the page shows who shares and until when, never the id", async ({ world }) => {
    const ana = world.user("ana");
    await ana.patchMe({ name: "Ana <script>" });
    const made = await makeShare(ana);
    const page = await request(world.target, "GET", `/s/${made.code}`);
    expect(page.status, page.text).toBe(200);
    expect(page.text).toContain("Ana &lt;script&gt;");
    expect(page.text).toContain(`data-ends-at="${made.expiresAt}"`);
    expect(page.text).not.toContain(ana.id);
    expect(page.headers.get("cache-control")).toBe("no-store");
  });

  test("[PAGE4] HEAD tells whether the share goes on", async ({ world }) => {
    const ana = world.user("ana");
    const { code } = await makeShare(ana);
    const head = await request(world.target, "HEAD", `/s/${code}`);
    expect([head.status, head.text]).toEqual([200, ""]);
    await ana.api("DELETE", `/v1/shares/${code}`);
    expect((await request(world.target, "HEAD", `/s/${code}`)).status).toBe(404);
  });
});
