/** The import as an operator uses it: a command, a file, a server. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, onTestFinished } from "vitest";
import { signToken } from "../../src/auth/token.ts";
import { shows } from "./frames.ts";
import { expectProblem, request, secretsOf, test, type World } from "./helpers.ts";
import { HOME, offset } from "./places.ts";

const COMMAND = resolve(import.meta.dirname, "../../scripts/import.ts");
const PATH = "/v1/admin/friendships";

interface Ended {
  readonly code: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command as `npm run import` does. */
function run(world: World, args: readonly string[], stdin?: Uint8Array): Promise<Ended> {
  const env = { ...process.env, AUTH_SECRET: secretsOf(world.target)[0] };
  return new Promise((done) => {
    const words = ["--disable-warning=ExperimentalWarning", COMMAND, ...args, "--url", world.target.url];
    const child = execFile(process.execPath, words, { env }, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : error.code, stdout, stderr });
    });
    child.stdin?.end(stdin ?? "");
  });
}

function file(name: string, content: string | Uint8Array): string {
  const dir = mkdtempSync(join(tmpdir(), "import-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

async function adminToken(world: World): Promise<string> {
  const secret = new TextEncoder().encode(secretsOf(world.target)[0]);
  const at = { nowMs: Date.now(), lifetimeS: 600 };
  return (await signToken({ kind: "hs256", secrets: [secret] }, { user: "operator", role: "admin" }, at)).token;
}

const line = (a: { id: string }, b: { id: string }, more = {}): string => JSON.stringify({ a: a.id, b: b.id, ...more });

describe("the import", { timeout: 30_000 }, () => {
  test("[IMPORT1] friends of an import who are near see each other at once, and no more when it ends", async ({
    world,
  }) => {
    const [ana, ben] = [world.user("ana"), world.user("ben")];
    const [a, b] = [await ana.appear(HOME), await ben.appear(offset(HOME, { northM: 50 }))];
    const path = file("graph.ndjson", `${line(ana, ben)}\n`);
    expect(await run(world, [path])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^1 applied, 0 as before, 0 refused in /),
    });
    await a.next(shows(ben.id), "the friend that the import made");
    await b.next(shows(ana.id), "the friend that the import made");
    expect(await run(world, [path])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^0 applied, 1 as before, /),
    });
    const end = await run(world, ["-"], gzipSync(`${line(ben, ana, { remove: true })}\n`));
    expect(end).toMatchObject({ code: 0, stdout: expect.stringMatching(/^1 applied, /) });
    await a.until((view) => !view.has(ben.id), "the friend is gone");
    expect(await ben.friends()).toEqual([]);
  });

  test("[IMPORT3] a token without the role is not enough", async ({ world }) => {
    const ana = world.user("ana");
    const path = file("graph.ndjson", `${line(ana, world.user("ben"))}\n`);
    const refused = await run(world, [path, "--token", await ana.token()]);
    expect(refused).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("403") });
    expect(await ana.friends()).toEqual([]);
  });

  test("[IMPORT5] a request with a line too many applies none of them, whoever sends it", async ({ world }) => {
    const ana = world.user("ana");
    const lines = Array.from({ length: 4_001 }, (_, i) => line(ana, { id: `${i}.${world.unique}` }));
    const headers = { "content-type": "application/x-ndjson" };
    const options = { token: await adminToken(world), body: lines.join("\n"), headers };
    expectProblem(await request(world.target, "POST", PATH, options), 413, "too_large");
    // A large body is still on its way when its token is refused: the answer has to arrive all the same.
    for (let i = 0; i < 3; i += 1) {
      expectProblem(await request(world.target, "POST", PATH, { ...options, token: "a.b.c" }), 401, "unauthorized");
    }
    expectProblem(
      await request(world.target, "POST", PATH, { ...options, token: await ana.token() }),
      403,
      "forbidden",
    );
    expect(await ana.friends()).toEqual([]);
  });

  test("[IMPORT6] refused lines are told by their numbers in a file of several requests", async ({ world }) => {
    const ana = world.user("ana");
    // The same friendship again and again: a large file that is quickly read.
    const lines = Array.from({ length: 4_100 }, () => line(ana, world.user("ben")));
    lines[6] = line(ana, ana);
    lines[4_000] = "";
    lines[4_001] = "ana ben";
    lines[4_002] = "x".repeat(10_000);
    const { code, stdout } = await run(world, [file("graph.ndjson.gz", gzipSync(lines.join("\n")))]);
    expect(stdout.split("\n").slice(0, 3)).toEqual([
      expect.stringMatching(/^line 7: same_user: /),
      expect.stringMatching(/^line 4002: bad_json: /),
      expect.stringMatching(/^line 4003: bad_line: has more than /),
    ]);
    expect(stdout).toMatch(/^1 applied, 4095 as before, 3 refused in /m);
    expect(code).toBe(1);
    expect((await ana.friends()).map(({ state }) => state)).toEqual(["friend"]);
  });
});
