/** The operations API as a test plays it: figures that move, one user, and faults on request. Nothing is kept. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

import type { Stats, UserDetails } from "../../src/protocol/admin.ts";
import { busyAt } from "./admin-stats.ts";

/** Who may ask: the token itself is not looked into. */
export const ADMIN_TOKEN = tokenOf("ops");
export const USER_TOKEN = tokenOf("ana");

function tokenOf(sub: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part({ sub, exp: 4_000_000_000 })}.x`;
}

export const ANA = "ana.bek";

/** All times are around this moment. */
function detailsAt(nowMs: number): UserDetails {
  return {
    user: ANA,
    active: true,
    activeUntil: nowMs + 540_000,
    sharing: true,
    connections: [
      { device: "phone-1", lastHeardAt: nowMs - 4_000, tokenUntil: nowMs + 3_600_000 },
      { device: "tablet", lastHeardAt: nowMs - 31_000, tokenUntil: nowMs + 1_800_000 },
      { device: null, lastHeardAt: nowMs - 9_000, tokenUntil: nowMs + 600_000 },
    ],
    phones: 1,
    friends: 412,
    contacts: { near: 17, far: 24, unknown: 1 },
    deadlines: { alarmAt: nowMs + 540_000, outboxAt: null, unsavedSince: nowMs - 60_000 },
    queue: { waiting: 2, oldestAt: nowMs - 3_000 },
    meter: { positions: 210, calls_out: 1_930, deliveries: 3_602, rows_written: 12, alarms_set: 1 },
    unfed: { positions: 3, "error.too_fast": 4 },
  };
}

export interface FakeAdmin {
  readonly url: string;
  /** Disconnections that were asked for: the device, or all. */
  readonly disconnected: (string | undefined)[];
  /** Seconds since the start of what the next figures are of. */
  seconds: number;
  /** Changes every answer of figures. */
  change: (stats: Stats) => Stats;
  /** Answered instead of figures, to everybody. */
  status: number | undefined;
  /** Ends all streams; new ones are refused until it is open again. */
  setStreams(isOpen: boolean): void;
  close(): Promise<void>;
}

export interface FakeAdminOptions {
  /** Of the stream. */
  readonly everyMs: number;
  /** Answers what is no part of the API. */
  readonly other?: (request: IncomingMessage, response: ServerResponse) => void;
}

export async function startFakeAdmin({ everyMs, other }: FakeAdminOptions): Promise<FakeAdmin> {
  const streams = new Set<ServerResponse>();
  let areStreamsOpen = true;
  const ana = detailsAt(Date.now());
  let { connections } = ana;
  const next = (): Stats => {
    fake.seconds += 2;
    return fake.change(busyAt(fake.seconds));
  };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://fake");
    if (!pathname.startsWith("/v1/admin/")) {
      if (other === undefined) response.writeHead(404).end();
      else other(request, response);
      return;
    }
    const status = fake.status ?? statusOf(request);
    if (status !== 200) {
      problem(response, status);
      return;
    }
    if (pathname === "/v1/admin/events") {
      if (areStreamsOpen) stream(response);
      else response.destroy();
    } else if (pathname === "/v1/admin/stats") json(response, next());
    else if (pathname === `/v1/admin/users/${ANA}`) json(response, { ...ana, connections });
    else if (pathname === `/v1/admin/users/${ANA}/disconnect`) void disconnect(request, response);
    else problem(response, 404);
  });

  function stream(response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    const send = () => response.write(`event: stats\ndata: ${JSON.stringify(next())}\n\n`);
    send();
    const timer = setInterval(send, everyMs);
    streams.add(response);
    response.on("close", () => {
      clearInterval(timer);
      streams.delete(response);
    });
  }

  async function disconnect(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const { device } = JSON.parse(text) as { device?: string };
    fake.disconnected.push(device);
    const before = connections.length;
    connections = device === undefined ? [] : connections.filter((one) => one.device !== device);
    json(response, { closed: before - connections.length });
  }

  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  const fake: FakeAdmin = {
    url: `http://127.0.0.1:${address.port}`,
    disconnected: [],
    seconds: 0,
    change: (stats) => stats,
    status: undefined,
    setStreams(isOpen) {
      areStreamsOpen = isOpen;
      if (!isOpen) for (const one of streams) one.destroy();
    },
    async close() {
      for (const one of streams) one.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
  return fake;
}

function statusOf({ headers }: IncomingMessage): number {
  if (headers.authorization === `Bearer ${ADMIN_TOKEN}`) return 200;
  return headers.authorization === `Bearer ${USER_TOKEN}` ? 403 : 401;
}

function json(response: ServerResponse, body: object): void {
  response.setHeader("content-type", "application/json").end(JSON.stringify(body));
}

function problem(response: ServerResponse, status: number): void {
  response
    .writeHead(status, { "content-type": "application/problem+json" })
    .end(JSON.stringify({ type: "about:blank", title: "Refused", status, code: "refused", detail: "Not now." }));
}
