/** `npm run top`: its frame, its lines, and the command against a server that the test plays. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterEach, describe, expect, test } from "vitest";

import { columnsOf } from "../../scripts/terminal/width.ts";
import { plainLine, render } from "../../scripts/top/render.ts";
import { jsonLine, memoryText, type View } from "../../scripts/top/view.ts";
import { Watch } from "../../scripts/top/watch.ts";
import { busyAt, START_MS, statsOf } from "./admin-stats.ts";
import { ADMIN_TOKEN, type FakeAdmin, startFakeAdmin, USER_TOKEN } from "./fake-admin.ts";

const PROJECT_DIR = resolve(import.meta.dirname, "../..");
const SECONDS = Array.from({ length: 90 }, (_, i) => i * 2);
const NOW_MS = START_MS + 180_000;

function viewOf(change: Partial<View> = {}): View {
  return {
    url: "http://127.0.0.1:8787",
    samples: SECONDS.map(busyAt),
    uses: SECONDS.map((s) => ({ pid: 4711, cpuCores: s === 0 ? undefined : 0.5 + s / 400, residentMiB: 300 + s })),
    noProcess: undefined,
    trend: { kind: "steady" },
    window: { intervals: 90, intervalS: 2 },
    trouble: undefined,
    ...change,
  };
}

function frame(view: View, columns = 100, rows = 30): string[] {
  return render(view, { columns, rows, nowMs: NOW_MS, color: false }).split("\n");
}

describe("the frame", () => {
  test.each([
    [100, 30],
    [200, 60],
    [80, 24],
    [50, 12],
    [20, 5],
    [12, 2],
  ])("fills %i x %i and no line is wider", (columns, rows) => {
    const lines = frame(viewOf({ trouble: "http://127.0.0.1:8787 cannot be reached: 김".repeat(4) }), columns, rows);
    expect(lines).toHaveLength(rows);
    for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(columns);
  });

  test("has figures with bars, the process, queue and sinks, and errors", () => {
    const text = frame(viewOf()).join("\n");
    expect(text).toMatch(/Active people +1,180 {2}█/);
    expect(text).toMatch(/CPU of process 4711 +95 % +▁?/);
    expect(text).toMatch(/Resident memory +478 MiB/);
    expect(text).toContain("queue: 17 chunks waiting, the oldest for 4 s; 2 dead letters");
    expect(text).toContain("sink cassandra: 5190 stored, 12 failed, 95 s behind");
    expect(text).toMatch(/12 s ago +call_failed · user ana\.bek/);
    expect(text).toMatch(/4 min ago +timeout · history cassandra \(12 times\)/);
  });

  test("says why there is no process, what drains, and what is missing", () => {
    const stats = statsOf({
      shards: { asked: 40, answered: 39 },
      draining: { left: 12, until: START_MS + 20_000 },
    });
    const text = frame(viewOf({ samples: [stats], uses: [undefined], noProcess: "the server is not on this machine" }));
    expect(text.join("\n")).toContain("no local process: the server is not on this machine");
    expect(text.join("\n")).toMatch(/draining: 12 people left, until \S+ \(20 s\)/);
    expect(text[0]).toContain("39 of 40 shards answer");
    expect(text.join("\n")).toContain("no errors lately");
  });

  test("names of others move no cursor, and colour changes nothing but colour", () => {
    const evil = { at: START_MS, source: "user", user: "x\u{1B}[2J", code: "a\u{202E}b", count: 1 };
    const view = viewOf({ samples: [statsOf({ recentErrors: [evil] })] });
    for (const char of ["\u{1B}", "\u{202E}"]) expect(frame(view).join("\n")).not.toContain(char);
    const colored = render(viewOf(), { columns: 100, rows: 30, nowMs: NOW_MS, color: true });
    expect(stripVTControlCharacters(colored)).toBe(frame(viewOf()).join("\n"));
    expect(colored).toContain("\u{1B}[");
  });

  test("a leak is told, load is explained, and neither without a process", () => {
    const leak = viewOf({ trend: { kind: "leak", risenMiB: 52.4 } });
    expect(memoryText(leak)).toEqual({
      text: "leak? memory has risen by 52 MiB in 3 min without more connections",
      isLeak: true,
    });
    expect(frame(leak).join("\n")).toContain("leak? memory has risen by 52 MiB");
    expect(plainLine(leak)).toContain("! leak?");
    const load = memoryText(viewOf({ trend: { kind: "load", risenMiB: 52.4 } }));
    expect(load).toEqual({ text: "memory has risen by 52 MiB in 3 min, and so have the connections", isLeak: false });
    expect(memoryText(viewOf({ trend: { kind: "leak", risenMiB: 52.4 }, uses: [undefined] }))).toBeUndefined();
  });
});

describe("lines", () => {
  test("plain: the whole view in one", () => {
    const line = plainLine(viewOf());
    expect(line).toMatch(/^\d\d:\d\d:\d\d 1,\d+ connections, 1,180 active, positions \d+(?:\.\d+)?\/s, /);
    expect(line).toContain("17 chunks waiting, cpu 95 %, 478 MiB");
  });

  test("JSON: figures by id, null for what is not known", () => {
    const first = JSON.parse(jsonLine(viewOf({ samples: [busyAt(0)], uses: [undefined] }))) as Record<string, unknown>;
    expect(first).toMatchObject({ figures: { active: 1_180, positions: null }, process: null, trouble: null });
    const later = JSON.parse(jsonLine(viewOf())) as Record<string, unknown>;
    expect(later).toMatchObject({ memory: { kind: "steady" }, process: { pid: 4711, residentMiB: 478 } });
  });
});

describe("the command", { timeout: 30_000 }, () => {
  let fake: FakeAdmin | undefined;
  afterEach(() => fake?.close());

  async function run(args: readonly string[], lines: number, env: Record<string, string> = {}) {
    const child = spawn(process.execPath, ["scripts/top.ts", ...args], {
      cwd: PROJECT_DIR,
      env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
      if (lines > 0 && stdout.split("\n").length > lines) child.kill("SIGINT");
    });
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    await once(child, "close");
    return { code: child.exitCode, lines: stdout.split("\n").filter((line) => line !== ""), stderr };
  }

  test("prints a line per interval, finds the process by its socket, and ends with Ctrl-C", async () => {
    fake = await startFakeAdmin({ everyMs: 1_000 });
    const args = ["--url", fake.url, "--token", ADMIN_TOKEN, "--interval", "1", "--json"];
    const { code, lines, stderr } = await run(args, 2);
    expect([code, stderr]).toEqual([0, ""]);
    const [first, second] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(first).toMatchObject({ figures: { active: 1_180, positions: null }, process: { pid: process.pid } });
    expect(second).toMatchObject({ memory: { kind: "short" }, process: { cpuCores: expect.any(Number) } });
  });

  test("a server that goes away is told, and found again", async () => {
    fake = await startFakeAdmin({ everyMs: 1_000 });
    const token = () => Promise.resolve(ADMIN_TOKEN);
    const watch = new Watch({ url: fake.url, token, pid: undefined, intervalS: 1, intervals: 12 });
    expect((await watch.look()).trouble).toBeUndefined();
    fake.status = 503;
    const away = await watch.look();
    expect(away.trouble).toContain("503: Not now.; trying again");
    expect(away.samples).toHaveLength(1);
    fake.status = undefined;
    const back = await watch.look();
    expect([back.trouble, back.samples.length]).toEqual([undefined, 2]);
  });

  test("refusals say what to do", async () => {
    fake = await startFakeAdmin({ everyMs: 1_000 });
    const refused = await run(["--url", fake.url, "--token", USER_TOKEN], 1);
    expect([refused.code, refused.lines]).toEqual([1, []]);
    expect(refused.stderr).toContain('"npm run token -- NAME --role admin"');
    fake.status = 404;
    expect((await run(["--url", fake.url, "--token", ADMIN_TOKEN], 1)).stderr).toContain("no operations API");
    await fake.close();
    const nobody = await run(["--url", fake.url, "--token", ADMIN_TOKEN], 1);
    fake = undefined;
    expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringContaining("nothing listens at")]);
  });

  test.each([
    [["--url", "ftp://x"], "--url"],
    [["--interval", "0"], "--interval"],
    [["--interval", "3601"], "--interval"],
    [["--intervals", "11"], "--intervals"],
    [["--pid", "x"], "--pid"],
    [[], "--token"],
  ])("%j is refused with the usage", async (args, names) => {
    const { code, stderr } = await run(args, 0);
    expect(code).toBe(2);
    expect(stderr.split("\n")[0]).toContain(names);
    expect(stderr).toContain("usage: npm run top -- ");
  });
});
