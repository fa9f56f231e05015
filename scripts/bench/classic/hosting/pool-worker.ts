/** A worker of the pool; started by `openPool`. */
import { parentPort, workerData } from "node:worker_threads";
import { decodeUp } from "../../../../src/protocol/up.ts";
import { Store } from "../store.ts";
import type { Result, Task } from "./pool.ts";

if (parentPort === null) throw new Error("this is the file of a worker");
const port = parentPort;
const databaseFile: string = workerData;
const store = new Store(databaseFile);

port.on("message", (tasks: Task[]) => port.postMessage(tasks.map(perform)));

function perform(task: Task): Result {
  try {
    if (task.kind === "links") return { kind: "links", rows: store.links(task.user) };
    return { kind: "decode", decoded: decodeUp(task.text, task.nowMs) };
  } catch (error) {
    return { kind: "failed", message: error instanceof Error ? error.message : String(error) };
  }
}
