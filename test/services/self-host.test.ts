/** The service of docs/self-host.md, as systemd reads it. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const PAGE = resolve(import.meta.dirname, "../../docs/self-host.md");
const NODE = "/opt/nearby-friends/current/node_modules/.bin/node";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nearby-unit-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function unit(): string {
  const text = /```ini\n(\[Unit\]\n[\s\S]*?)```/.exec(readFileSync(PAGE, "utf8"))?.[1];
  if (text === undefined) throw new Error(`there is no unit in ${PAGE}`);
  return text;
}

/** What systemd has to say about a unit. The program has to be there, so another stands for it. */
function verify(text: string): { code: number | null; output: string } {
  const file = join(dir, "nearby-friends.service");
  writeFileSync(file, text.replace(NODE, process.execPath));
  const { status, stdout, stderr, error } = spawnSync("systemd-analyze", ["verify", "--man=no", file], {
    encoding: "utf8",
  });
  if (error !== undefined) throw new Error("systemd-analyze is missing: apt-get install systemd", { cause: error });
  // Units of the machine itself may have faults of their own.
  const output = `${stdout}${stderr}`.split("\n").filter((line) => line.includes("nearby-friends"));
  return { code: status, output: output.join("\n") };
}

test("systemd finds nothing wrong with the unit, and would with a wrong one", () => {
  expect(unit()).toContain(`ExecStart=${NODE} scripts/serve.ts`);
  expect(verify(unit())).toEqual({ code: 0, output: "" });
  expect(verify(unit().replace("KillMode=mixed", "KillMod=mixed")).output).toContain("KillMod");
});
