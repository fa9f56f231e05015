/** A process that has started the classic design, for tests of what is left when it ends: prints the ids of its processes and their folder. */
import { readlinkSync } from "node:fs";
import { dirname } from "node:path";
import { startClassic } from "../../scripts/bench/classic/start.ts";

const ending = new AbortController();
const peer = await startClassic({
  redisServers: 1,
  servers: 2,
  settings: { AUTH_SECRET: process.env["AUTH_SECRET"] ?? "" },
  signal: ending.signal,
  onProgress: () => {},
});
process.on("SIGINT", () => {
  void peer.close().then(() => process.exit(0));
});
const pids = peer.pids().map(({ pid }) => pid);
// The servers of the classic design run in it: Redis has its own folder there.
const redis = peer.pids().find(({ name }) => name === "redis 1")?.pid ?? 0;
process.stdout.write(`${JSON.stringify({ pids, folder: dirname(readlinkSync(`/proc/${redis}/cwd`)) })}\n`);
