/**
 * A server that is only as large as the page's own work can be measured beside: it serves the built page, and sends
 * frames of as many friends as asked for, as often as asked for. Nothing of it is checked or kept.
 */
import { readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { WebSocketServer, type WebSocket } from "ws";

import { buildPage } from "../../scripts/serve/page.ts";
import { away, HERE } from "./town.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".webmanifest": "application/manifest+json",
};
const TICK_MS = 20;
/** Everybody stays inside the circle. */
const SPREAD_M = 7_000;
const STEP_M = 15;

export interface FakeServer {
  readonly url: string;
  /** Moves of friends per second, over all of them. */
  setRate(perSecond: number): void;
  close(): Promise<void>;
}

interface Walker {
  readonly id: string;
  readonly name: string;
  eastM: number;
  northM: number;
  heading: number;
}

/** The path that signs in there, as somebody who only looks. */
export const FAKE_ENTRY = `/#token=${[{ alg: "none" }, { sub: "visitor", exp: 4_000_000_000, name: "Visitor" }]
  .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
  .join(".")}.x&at=${HERE.lat},${HERE.lng}`;

export async function startFakeServer(friends: number, perSecond: number): Promise<FakeServer> {
  const pageDir = await buildPage();
  if (pageDir === undefined) throw new Error("there is no page");
  const walkers = Array.from({ length: friends }, (_, i) => walker(i));
  const answers: Readonly<Record<string, unknown>> = {
    "/app/config.json": { mapStyleUrl: null, devLogin: false },
    "/v1/me": { user: "visitor", name: "Visitor", sharing: true, discoverable: false },
    "/v1/blocks": { blocks: [] },
    "/v1/friends": {
      friends: walkers.map(({ id, name }) => ({
        id,
        name,
        state: "friend",
        since: 0,
        visibility: "exact",
        muted: false,
      })),
    },
  };
  const server = createServer(({ url = "/" }, response) => {
    const { pathname } = new URL(url, "http://fake");
    const answer = answers[pathname];
    if (answer !== undefined) {
      response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
      return;
    }
    const file = join(pageDir, pathname === "/" ? "index.html" : pathname);
    if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) {
      response.writeHead(404).end();
      return;
    }
    response.setHeader("content-type", TYPES[extname(file)] ?? "application/octet-stream").end(readFileSync(file));
  });
  const sockets = new WebSocketServer({ server, handleProtocols: () => "nearby.v1" });
  sockets.on("connection", (socket) => greet(socket, walkers));
  const stop = moveAll(sockets.clients, walkers, { perSecond });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return {
    url: `http://127.0.0.1:${address.port}`,
    setRate: stop.setRate,
    async close() {
      stop.end();
      for (const socket of sockets.clients) socket.terminate();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}

function walker(i: number): Walker {
  const radiusM = SPREAD_M * Math.sqrt((i + 0.5) / 400 - Math.floor((i + 0.5) / 400));
  const name = `Friend ${String.fromCodePoint(65 + (i % 26))}${i}`;
  return { id: `f${i}`, name, eastM: radiusM * Math.cos(i * 2.4), northM: radiusM * Math.sin(i * 2.4), heading: i };
}

function friendOf({ id, eastM, northM }: Walker) {
  return { id, ...away(eastM, northM), ts: Date.now(), distance: Math.hypot(eastM, northM), precision: "exact" };
}

function greet(socket: WebSocket, walkers: readonly Walker[]): void {
  const send = (message: object): void => socket.send(JSON.stringify(message));
  socket.addEventListener("message", ({ data }) => {
    if (data === "ping") socket.send("pong");
  });
  send({
    type: "welcome",
    user: "visitor",
    radiusM: 8046.72,
    inactiveAfterS: 600,
    updateEveryS: 30,
    now: Date.now(),
    protocol: 1,
  });
  send({ type: "nearby", friends: walkers.map((one) => ({ ...friendOf(one), name: one.name })) });
}

function moveAll(clients: ReadonlySet<WebSocket>, walkers: readonly Walker[], pace: { perSecond: number }) {
  let next = 0;
  let owed = 0;
  const timer = setInterval(() => {
    owed += (pace.perSecond * TICK_MS) / 1000;
    for (; owed >= 1; owed--) {
      const one = walkers[next % walkers.length];
      next += 1;
      if (one === undefined) return;
      if (Math.hypot(one.eastM, one.northM) > SPREAD_M) one.heading += Math.PI / 2;
      one.eastM += Math.cos(one.heading) * STEP_M;
      one.northM += Math.sin(one.heading) * STEP_M;
      const text = JSON.stringify({ type: "friend", friend: friendOf(one) });
      for (const client of clients) client.send(text);
    }
  }, TICK_MS);
  return { setRate: (perSecond: number) => void (pace.perSecond = perSecond), end: () => clearInterval(timer) };
}
