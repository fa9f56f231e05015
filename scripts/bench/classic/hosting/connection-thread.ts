/** A server thread with one connection; started by `openThreads`. */
import { Duplex } from "node:stream";
import { parentPort, workerData } from "node:worker_threads";
import { readSettings } from "../../../../src/settings.ts";
import { Peer } from "../peer.ts";
import type { FromThread, ThreadData, ToThread } from "./threads.ts";

if (parentPort === null) throw new Error("this is the file of a thread");
const port = parentPort;
const { origin, databaseFile, redisUrls, vars }: ThreadData = workerData;

const stream = new Duplex({
  read: () => {},
  write: (chunk: Buffer, _encoding, done) => {
    say({ bytes: chunk });
    done();
  },
  final: (done) => {
    say({ end: true });
    done();
  },
});
stream.on("error", () => {});

const opening = Peer.open({
  origin,
  settings: readSettings(vars),
  databaseFile,
  redisUrls,
  onError: (error) => void process.stderr.write(`classic: ${error.message}\n`),
});

port.on("message", (message: ToThread) => {
  if ("bytes" in message) {
    stream.push(message.bytes);
  } else if ("end" in message) {
    stream.push(null);
    // Nothing is left to do for anybody: a thread ends as a process does.
    process.exit(0);
  } else {
    void opening.then((peer) => peer.useServers(message.redisUrls));
  }
});

const peer = await opening;
peer.http.emit("connection", stream);

function say(message: FromThread): void {
  port.postMessage(message);
}
