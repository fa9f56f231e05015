import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocketServer } from "ws";
import {
  contextSwitches,
  cpuOf,
  descriptorCount,
  machineCpuSeconds,
  mappingCount,
  mappingLimit,
  memoryMiB,
  threadCount,
  treeOf,
} from "../../scripts/bench/models/processes.ts";
import { ramp } from "../../scripts/bench/models/ramp.ts";
import {
  breaksOf,
  formatModelsReport,
  makeModelsReport,
  type ModelFigures,
} from "../../scripts/bench/models/report.ts";
import type { Machine } from "../../scripts/bench/machine.ts";

const MACHINE: Machine = {
  cpus: 2,
  cpu: "a CPU",
  memoryGiB: 24,
  kernel: "6",
  node: "24",
  workerd: null,
  redis: null,
  etcd: null,
  descriptors: 20_000,
};

const FIGURES: ModelFigures = {
  model: "loop",
  held: 4_000,
  stop: "cap",
  refusal: null,
  survived: true,
  openedPerS: 1_000,
  memoryMiB: 400,
  perConnectionMiB: 0.1,
  descriptorsPerConnection: 1,
  mappingsPerConnection: 1,
  threads: 11,
  processes: 1,
  updatesPerS: 900,
  deliveriesPerS: 90_000,
  lost: 0,
  paceBound: false,
  switchesPerUpdate: 2,
  serverCpus: 0.95,
  redisCpus: 0.05,
  loadCpus: 0.3,
  machineCpus: 1.35,
};

describe("what the figures of a model say", () => {
  test.each<[Partial<ModelFigures>, string]>([
    [{}, "All 4000 connections that were tried are held; at 102 KiB each, its descriptors end at about 20,000."],
    [
      { stop: "time", held: 150, openedPerS: 4.2, perConnectionMiB: 4_000, processes: 151 },
      "Connections are opened at 4.2 a second",
    ],
    [{ stop: "time", perConnectionMiB: 4_000, processes: 151 }, "the memory of this machine ends at about"],
    [{ stop: "memory", held: 290, perConnectionMiB: 67 }, "Memory: at 67 MiB each, 290 connections left no more"],
    [{ stop: "stalled", held: 12 }, "After 12 connections (102 KiB each) no other was opened for 5 s."],
    [
      { stop: "refused", mappingsPerConnection: mappingLimit() / 240 },
      "its memory mappings (vm.max_map_count) end at about 240.",
    ],
    [{ stop: "refused", survived: false }, "one failed (without a word), and all others with it;"],
    [{ stop: "refused", held: 12, refusal: "closed with 1006" }, "one failed (closed with 1006); its descriptors end"],
    [
      {},
      "Updates end with the one CPU that its thread can use (server 0.95, Redis 0.05, load 0.30 CPUs; 2.0 context switches an update).",
    ],
    [{ machineCpus: 1.9, loadCpus: 0.85 }, "Updates end with the machine's 2 CPUs (server"],
    [{ machineCpus: 1.9 }, "of which 0.60 went to what ran beside"],
    [{ serverCpus: 0.3 }, "Updates end by waiting, with CPU to spare"],
    [{ paceBound: true }, "Updates were bound by what the clients may send"],
    [{ lost: 3 }, "3 deliveries were lost."],
  ])("%o", (more, sentence) => {
    expect(breaksOf({ ...FIGURES, ...more }, MACHINE)).toContain(sentence);
  });

  test("the table has a row and a sentence for each model that was measured", () => {
    const text = formatModelsReport(
      makeModelsReport([FIGURES, { ...FIGURES, model: "threads", stop: "time" }], MACHINE),
    );
    expect(text).toMatch(/^\| one event loop +\| +4000 \(the cap\) \|/m);
    expect(text).toMatch(/^\| a thread per connection +\| +4000 \(time\) \|/m);
    expect(text.match(/^- \*\*/gm)).toHaveLength(2);
  });
});

describe("what processes use", () => {
  test("a process and what it has started, until they end", async () => {
    const child = spawn("sh", ["-c", "sleep 30 & wait"], { stdio: "ignore" });
    const { pid } = child;
    if (pid === undefined) throw new Error("sh was not started");
    await vi.waitFor(() => expect(treeOf(pid)).toHaveLength(2));
    const pids = treeOf(pid);
    onTestFinished(() => pids.forEach((each) => void process.kill(each, "SIGKILL")));
    expect(treeOf(process.pid)).toEqual(expect.arrayContaining(pids));
    expect(threadCount(pids)).toBe(2);
    expect(mappingCount(pids)).toBeGreaterThan(5);
    expect(descriptorCount(pids)).toBeGreaterThanOrEqual(6);
    expect(memoryMiB(pids)).toBeGreaterThan(0);
    expect(memoryMiB(pids)).toBeLessThan(20);
  });

  test("CPU and context switches grow", async () => {
    const before = [contextSwitches([process.pid]), cpuOf([process.pid]), machineCpuSeconds()];
    const endMs = performance.now() + 300;
    while (performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 1));
    for (const endOfWorkMs = performance.now() + 200; performance.now() < endOfWorkMs;);
    const after = [contextSwitches([process.pid]), cpuOf([process.pid]), machineCpuSeconds()];
    for (const [at, value] of after.entries()) expect(value).toBeGreaterThan(before[at] ?? Infinity);
  });

  test("of a process that has ended nothing is counted", () => {
    const none = [2 ** 30];
    expect([contextSwitches(none), cpuOf(none), memoryMiB(none), threadCount(none), descriptorCount(none)]).toEqual([
      0, 0, 0, 0, 0,
    ]);
  });
});

describe("the ramp", () => {
  /** A server that gives so many a snapshot, and ends the next one. */
  async function serve(most: number, more: "close" | "silence" = "close"): Promise<{ url: string; headers: {} }[]> {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    let count = 0;
    server.on("connection", (socket) => {
      count += 1;
      const isServed = count <= most;
      socket.on("message", () => {
        if (isServed) socket.send('{"type":"nearby","friends":[]}');
        else if (more === "close") socket.close(1013);
      });
    });
    await once(server, "listening");
    onTestFinished(() => {
      for (const socket of server.clients) socket.terminate();
      server.close();
    });
    const address = server.address();
    const url = `ws://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
    return Array.from({ length: 30 }, () => ({ url, headers: {} }));
  }

  const options = { label: "test", timeMs: 60_000, onOpen: () => {} };

  test.each([
    ["cap", 30, "close", 60_000, 30],
    ["refused", 17, "close", 60_000, 17],
    ["time", 17, "silence", 600, 17],
    ["stalled", 17, "silence", 60_000, 17],
  ] as const)("ends by %s", { timeout: 20_000 }, async (stop, most, more, timeMs, held) => {
    const signal = new AbortController().signal;
    const opened: number[] = [];
    const doors = await serve(most, more);
    const result = await ramp({ ...options, doors, timeMs, signal, onOpen: () => void opened.push(1) });
    onTestFinished(() => result.held.forEach((client) => client.cut()));
    expect([result.stop, result.held.length, opened.length]).toEqual([stop, held, held]);
    expect(result.refusal).toBe(stop === "refused" ? "closed with 1013" : undefined);
  });

  test("an abort ends it with its reason", async () => {
    const ending = new AbortController();
    setTimeout(() => ending.abort(new Error("enough")), 100);
    await expect(ramp({ ...options, doors: await serve(3, "silence"), signal: ending.signal })).rejects.toThrow(
      "enough",
    );
  });
});
