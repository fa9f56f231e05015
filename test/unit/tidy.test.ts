import { describe, expect, test } from "vitest";

import { checkCommands, checkLinks, checkSettings, type Setting, settingRow } from "../../scripts/tidy/docs.ts";
import { cycles, importsOf, toEdges } from "../../scripts/tidy/graph.ts";
import { checkClientBundle, checkCycles, checkDeadFiles, checkDirection, ZONES } from "../../scripts/tidy/imports.ts";
import { checkPins } from "../../scripts/tidy/packages.ts";
import { checkMessages, checkRules, checkTestsRun, checkTitles } from "../../scripts/tidy/rules.ts";
import type { Check, Finding, TextFile } from "../../scripts/tidy/tree.ts";
import { withoutComments } from "../../scripts/tidy/tree.ts";
import { checkAsserting, checkDisables, checkWords } from "../../scripts/tidy/words.ts";

const BACKTICK = "`";

/** Files from path to text, as the checks take them. */
function tree(files: Record<string, string>): TextFile[] {
  return Object.entries(files).map(([path, text]) => ({ path, text }));
}

function lines(findings: readonly Finding[]): string[] {
  return findings.map(({ path, line, message }) => `${path}:${line} ${message}`);
}

/** The check finds nothing in `good`, and in `bad` exactly one thing, at `where`, whose message has `says`. */
function expectTold(
  run: Check["run"],
  {
    good,
    bad,
    where,
    says,
  }: { good: Record<string, string>; bad: Record<string, string>; where: string; says: string },
): void {
  expect(lines(run(tree(good)))).toEqual([]);
  const [first, ...others] = lines(run(tree(bad)));
  expect(others).toEqual([]);
  expect(first).toContain(`${where} `);
  expect(first).toContain(says);
}

describe("reading imports", () => {
  test("static, type, several lines, bare, re-export and dynamic", () => {
    const text = [
      'import { a } from "./a.ts";',
      'import type { B } from "../b.ts";',
      "import {",
      "  c,",
      "  type D,",
      '} from "hono/cors";',
      'import "./side.ts";',
      'export { e } from "./e.ts";',
      'export const f = "./f.ts";',
      'const g = await import("./g.ts");',
    ].join("\n");
    const found = importsOf({ path: "src/api/x.ts", text });
    expect(found.map(({ line, to, specifier, typeOnly }) => [line, to ?? specifier, typeOnly])).toEqual([
      [1, "src/api/a.ts", false],
      [2, "src/b.ts", true],
      [3, "hono/cors", false],
      [7, "src/api/side.ts", false],
      [8, "src/api/e.ts", false],
      [10, "src/api/g.ts", false],
    ]);
  });

  test("comments and generated code import nothing", () => {
    const text = [
      '/** import { a } from "./a.ts"; */',
      '// import("./b.ts")',
      `const code = ${BACKTICK}`,
      'import { c } from "./c.ts";',
      `${BACKTICK};`,
    ].join("\n");
    expect(importsOf({ path: "src/x.ts", text })).toEqual([]);
  });

  test("only comments are blanked: not what looks like one in a string or a regular expression", () => {
    const code = 'const url = "http://a"; const all = /[/"]\\/\\/x/g; // gone';
    expect(withoutComments(code).trimEnd()).toBe('const url = "http://a"; const all = /[/"]\\/\\/x/g;');
    expect(withoutComments("a /* b\nc */ d")).toBe("a     \n     d");
  });
});

describe("imports", () => {
  test("a layer may not import one above it", () => {
    expectTold(checkDirection, {
      good: { "src/api/me.ts": 'import { a } from "../auth/a.ts";', "src/auth/a.ts": "" },
      bad: { "src/auth/a.ts": '\nimport { me } from "../api/me.ts";', "src/api/me.ts": "" },
      where: "src/auth/a.ts:2",
      says: "nothing of src/api/",
    });
  });

  test("types of the objects may go where their code may not", () => {
    const object = { "durable-objects/user/object.ts": "" };
    expectTold(checkDirection, {
      good: { "src/api/a.ts": 'import type { U } from "../../durable-objects/user/object.ts";', ...object },
      bad: { "src/api/a.ts": 'import { U } from "../../durable-objects/user/object.ts";', ...object },
      where: "src/api/a.ts:1",
      says: "only types of durable-objects/",
    });
  });

  test.each([
    ["src/geo/a.ts", "valibot"],
    ["src/nearby/a.ts", "cloudflare:workers"],
    ["src/friendship/a.ts", "node:crypto"],
    ["src/protocol/a.ts", "hono"],
    ["src/client/a.ts", "ws"],
  ])("%s may not import %s", (path, name) => {
    expectTold(checkDirection, {
      good: {
        "src/protocol/b.ts": 'import * as v from "valibot";',
        "scripts/c.ts": 'import { join } from "node:path";',
      },
      bad: { [path]: `import { x } from "${name}";` },
      where: `${path}:1`,
      says: `may not import ${name}`,
    });
  });

  test("nothing but tests imports tests, nothing but scripts and tests imports scripts", () => {
    expectTold(checkDirection, {
      good: { "test/unit/a.test.ts": 'import { b } from "../../scripts/b.ts";', "scripts/b.ts": "" },
      bad: { "src/api/a.ts": 'import { b } from "../../scripts/b.ts";', "scripts/b.ts": "" },
      where: "src/api/a.ts:1",
      says: "nothing of scripts/",
    });
    expectTold(checkDirection, {
      good: {},
      bad: { "scripts/b.ts": 'import { a } from "../test/a.ts";', "test/a.ts": "" },
      where: "scripts/b.ts:1",
      says: "nothing of test/",
    });
  });

  test("an import of a missing file, and a folder that no rule knows", () => {
    expectTold(checkDirection, {
      good: { "src/geo/a.ts": 'import { b } from "./b.ts";', "src/geo/b.ts": "" },
      bad: { "src/geo/a.ts": 'import { b } from "./b.ts";' },
      where: "src/geo/a.ts:1",
      says: "src/geo/b.ts, which does not exist",
    });
    expectTold(checkDirection, { good: {}, bad: { "src/new/a.ts": "" }, where: "src/new/a.ts:1", says: "in no zone" });
  });

  test("the SDK takes values from the listed files only, types from all of the protocol", () => {
    const protocol = { "src/protocol/up.ts": "", "src/protocol/limits.ts": "" };
    expectTold(checkDirection, {
      good: {
        "src/client/a.ts": 'import type { U } from "../protocol/up.ts";\nimport { L } from "../protocol/limits.ts";',
        ...protocol,
      },
      bad: { "src/client/a.ts": 'import { U } from "../protocol/up.ts";', ...protocol },
      where: "src/client/a.ts:1",
      says: "only types of src/protocol/up.ts",
    });
  });

  test("no package gets into the SDK's bundle through another file", () => {
    const client = { "src/client/a.ts": 'import { L } from "../protocol/limits.ts";' };
    expectTold(checkClientBundle, {
      good: { ...client, "src/protocol/limits.ts": 'import type { X } from "valibot";' },
      bad: { ...client, "src/protocol/limits.ts": 'import * as v from "valibot";' },
      where: "src/protocol/limits.ts:1",
      says: "valibot gets into the SDK's bundle",
    });
  });

  test("cycles between files, types left out", () => {
    expectTold(checkCycles, {
      good: { "src/geo/a.ts": 'import { b } from "./b.ts";', "src/geo/b.ts": 'import type { A } from "./a.ts";' },
      bad: { "src/geo/a.ts": 'import { b } from "./b.ts";', "src/geo/b.ts": 'import { a } from "./a.ts";' },
      where: "src/geo/a.ts:1",
      says: "src/geo/a.ts -> src/geo/b.ts -> src/geo/a.ts",
    });
  });

  test("cycles between folders whose files have none", () => {
    expectTold(checkCycles, {
      good: {},
      bad: { "src/geo/a.ts": 'import { b } from "../auth/b.ts";', "src/auth/c.ts": 'import { d } from "../geo/d.ts";' },
      where: "src/geo/:1",
      says: "src/geo/ -> src/auth/ -> src/geo/",
    });
  });

  test("the table of directions has no cycle itself, and names only zones that exist in it", () => {
    const named = ZONES.flatMap((zone) => zone.may.filter((to) => to !== "*").map((to) => [zone.path, to] as const));
    expect(cycles(toEdges(named))).toEqual([]);
    const paths = new Set(ZONES.map((zone) => zone.path));
    expect(named.filter(([, to]) => !paths.has(to) && !to.endsWith(".json"))).toEqual([]);
  });

  test("files that nothing reaches, or only tests", () => {
    const manifest = { "package.json": '{ "scripts": { "x": "node scripts/x.ts" } }' };
    const good = {
      ...manifest,
      "scripts/x.ts": 'import { y } from "./y.ts";\nfork(new URL("./z.ts", import.meta.url));',
      "scripts/y.ts": "",
      "scripts/z.ts": "",
      "src/worker.ts": 'export { W } from "./w.ts";',
      "src/w.ts": "",
      "test/unit/a.test.ts": 'import { help } from "./help.ts";\nimport { w } from "../../src/w.ts";',
      "test/unit/help.ts": "",
    };
    const dead = { where: "src/dead.ts:1", says: "no command, Worker or test reaches this file" };
    expectTold(checkDeadFiles, { good, bad: { ...good, "src/dead.ts": "" }, ...dead });
    expectTold(checkDeadFiles, {
      good,
      bad: { ...good, "test/unit/b.test.ts": 'import { d } from "../../src/dead.ts";', "src/dead.ts": "" },
      where: "src/dead.ts:1",
      says: "only tests use this file",
    });
    expectTold(checkDeadFiles, {
      good,
      bad: { ...good, "test/unit/unused.ts": "" },
      where: "test/unit/unused.ts:1",
      says: "no command, Worker or test reaches this file",
    });
  });
});

describe("rules", () => {
  const spec = [
    "# Protocol",
    "- **[A1]** first.",
    "- **[B2]** second.",
    "## Defined, not yet served",
    "- **[C1]** later.",
    "## Versions",
    "- **[D1]** last.",
  ].join("\n");
  const SPEC = "src/protocol/SPEC.md";
  const HTTP = "docs/http.md";
  const all = 'test("[A1][B2] both", f);\ntest(`[D1] ${x}`, f);';

  const good = {
    [SPEC]: spec,
    [HTTP]: "- **[H1]** asked.",
    "test/unit/a.test.ts": all,
    "test/blackbox/h.test.ts": 'test("[H1] x", f);',
  };

  test("every served rule has a test, those not served need none", () => {
    expectTold(checkRules, {
      good,
      bad: { ...good, "test/unit/a.test.ts": 'test("[A1] one", f);\ntest("[D1] x", f);' },
      where: `${SPEC}:3`,
      says: "[B2] has no test",
    });
    expectTold(checkRules, {
      good,
      bad: { ...good, "test/unit/a.test.ts": 'test("[A1] [B2] both", f);' },
      where: `${SPEC}:7`,
      says: "[D1] has no test",
    });
    expectTold(checkRules, {
      good,
      bad: { ...good, "test/blackbox/h.test.ts": "" },
      where: `${HTTP}:1`,
      says: "[H1] has no test",
    });
  });

  test("a test cites rules that exist", () => {
    expectTold(checkRules, {
      good,
      bad: { ...good, "test/unit/a.test.ts": `${all}\ntest("[Z9] gone", f);` },
      where: "test/unit/a.test.ts:3",
      says: "[Z9], which is no rule",
    });
  });

  test("a rule points at rules that exist, each exists once, and there are rules at all", () => {
    expectTold(checkRules, {
      good,
      bad: { ...good, [SPEC]: `${spec}\nAs [Z9] says.` },
      where: `${SPEC}:8`,
      says: "[Z9], which is no rule",
    });
    expectTold(checkRules, {
      good,
      bad: { ...good, [HTTP]: `${good[HTTP]}\n- **[A1]** again.` },
      where: `${HTTP}:2`,
      says: "[A1] is there twice",
    });
    const { [SPEC]: _, ...without } = good;
    expect(lines(checkRules(tree(without)))).toContainEqual(expect.stringContaining(`${SPEC}:1 is missing`));
  });

  test("black-box tests cite a rule, others need not", () => {
    expectTold(checkTitles, {
      good: {
        "test/blackbox/a.test.ts": 'describe("x", () => {\n  test("[A1] one", f);\n  test.each(t)("[A1] %s", f);\n});',
        "test/unit/a.test.ts": 'test("none", f);',
      },
      bad: { "test/blackbox/a.test.ts": '  test("[A1] one", f);\n  test("none", f);' },
      where: "test/blackbox/a.test.ts:2",
      says: "cites no rule",
    });
  });

  test("a title on its own line is read too", () => {
    const text = 'test(\n  "none",\n  f,\n);';
    expect(lines(checkTitles(tree({ "test/blackbox/a.test.ts": text })))).toHaveLength(1);
  });

  test("every message is united", () => {
    const message = { "src/protocol/messages/gone.ts": "" };
    expectTold(checkMessages, {
      good: { ...message, "src/protocol/down.ts": 'import { Gone } from "./messages/gone.ts";' },
      bad: { ...message, "src/protocol/up.ts": 'import { Other } from "./messages/gone-other.ts";' },
      where: "src/protocol/messages/gone.ts:1",
      says: "neither up.ts nor down.ts",
    });
  });

  test("every test file is run by a configuration", () => {
    const config = { "vitest.config.ts": 'include: ["test/unit/**/*.test.ts"]' };
    expectTold(checkTestsRun, {
      good: { ...config, "test/unit/a/b.test.ts": "" },
      bad: { ...config, "test/lost/b.test.ts": "" },
      where: "test/lost/b.test.ts:1",
      says: "it never runs",
    });
  });

  test("every test file asserts", () => {
    expectTold(checkAsserting, {
      good: { "test/unit/a.test.ts": "expect(1).toBe(1);" },
      bad: { "test/unit/a.test.ts": "// expect(1).toBe(1);" },
      where: "test/unit/a.test.ts:1",
      says: "asserts nothing",
    });
  });
});

describe("documentation", () => {
  const manifest = { "package.json": '{ "scripts": { "serve": "node scripts/serve.ts", "test": "vitest" } }' };
  const tools = { "scripts/serve.ts": 'readOptions({ port: { type: "string" } });' };

  test.each([
    ["`npm run missing`", "npm run missing"],
    ["`npm start`", "npm start"],
    ["`node scripts/gone.ts`", "scripts/gone.ts does not exist"],
    ["`npm run serve -- --prot 1`", "--prot is read by no script"],
  ])("a command that is not there: %s", (command, says) => {
    const good = { ...manifest, ...tools, "README.md": "`npm ci && npm test`, then `npm run serve -- --port 8787`" };
    expectTold(checkCommands, { good, bad: { ...good, "README.md": command }, where: "README.md:1", says });
  });

  test("a script of package.json that runs a missing file or script", () => {
    const serveOnly = { "package.json": '{ "scripts": { "serve": "node scripts/serve.ts" } }' };
    expectTold(checkCommands, {
      good: { ...serveOnly, ...tools },
      bad: serveOnly,
      where: "package.json:1",
      says: "scripts/serve.ts does not exist",
    });
  });

  test("settings are those of the code, word for word", () => {
    const settings: Setting[] = [
      { name: "RADIUS_M", default: "8046.72", meaning: "How far." },
      { name: "AUTH_SECRET", default: undefined, meaning: "A secret." },
    ];
    const run = (files: readonly TextFile[]) => checkSettings(files, settings);
    const rows = settings.map(settingRow);
    expect(rows).toEqual(["| `RADIUS_M` | `8046.72` | How far. |", "| `AUTH_SECRET` | none | A secret. |"]);
    const good = { "README.md": rows.join("\n") };
    expectTold(run, {
      good,
      bad: { "README.md": rows.join("\n").replace("8046.72", "8000") },
      where: "README.md:1",
      says: "row 1 of the settings differs",
    });
    expectTold(run, { good, bad: { "README.md": rows[0] ?? "" }, where: "README.md:1", says: "row 2" });
    expectTold(run, {
      good,
      bad: { "README.md": `${rows.join("\n")}\n| \`GONE\` | none | x |` },
      where: "README.md:3",
      says: "is no setting",
    });
  });

  test.each([
    ["[a](docs/gone.md)", "there is no docs/gone.md"],
    ['<img src="docs/gone.svg">', "there is no docs/gone.svg"],
    ["[a](docs/a.md#gone)", "docs/a.md has no such heading"],
    ["[a](#gone)", "README.md has no such heading"],
    ["see `src/gone.ts`", "there is no src/gone.ts"],
  ])("a link that leads nowhere: %s", (text, says) => {
    const target = { "docs/a.md": "# One & two\n[up](../README.md)", "src/a.ts": "" };
    const good =
      "# Top\n[a](docs/a.md) [b](docs/a.md#one--two) [c](docs) [d](#top) [e](https://e.example) `src/` `src/a.ts`";
    expectTold(checkLinks, {
      good: { ...target, "README.md": good },
      bad: { ...target, "README.md": text },
      where: "README.md:1",
      says,
    });
  });
});

describe("words", () => {
  test.each([
    ["README.md", "TODO", "is a promise to nobody"],
    ["src/a.ts", "// FIXME later", "is a promise to nobody"],
    ["src/api/a.ts", "console.log(1);", "logs per event"],
    ["durable-objects/user/a.ts", "console.info(1);", "logs per event"],
    ["src/a.ts", "  private x = 1;", "use #name"],
    ["src/a.ts", "x as any;", "switches the types off"],
    ["src/a.ts", "// @ts-ignore", "hides an error"],
    ["test/unit/a.test.ts", 'test.only("a", f);', "leaves tests out"],
    ["test/unit/a.test.ts", 'describe.concurrent.skip("a", f);', "leaves tests out"],
    ["test/unit/a.test.ts", 'test("a", { retry: 2 }, f);', "hides a test that fails sometimes"],
    ["vitest.config.ts", "retry: 1,", "hides a test that fails sometimes"],
    ["src/nearby/a.ts", "const now = new Date();", "reads the clock"],
    ["docs/a.md", "see /home/ann/x", "path of one machine"],
    [".ci/run", "cd /root/x", "path of one machine"],
    ["README.md", "https://registry.example.com:4873", "names a package registry"],
  ])("%s: %s", (path, text, says) => {
    expectTold(checkWords, {
      good: {
        "src/observe/log.ts": 'console.log("a");',
        "src/api/a.ts": "// console.log is dear\nconsole.error(1);\nclass A {\n  private constructor() {}\n}",
        "scripts/a.ts": "console.log(new Date());",
        "test/unit/a.test.ts": 'test("what to do", f);',
      },
      bad: { [path]: text },
      where: `${path}:1`,
      says,
    });
  });

  test("a lint rule is switched off with a reason only", () => {
    expectTold(checkDisables, {
      good: { "src/a.ts": "// oxlint-disable-next-line no-bitwise -- a hash is made of bits" },
      bad: { "src/a.ts": "\n// oxlint-disable-next-line no-bitwise" },
      where: "src/a.ts:2",
      says: "without a reason",
    });
  });
});

describe("packages", () => {
  function pair(wanted: string, locked: string, resolved?: string): Record<string, string> {
    const entry = { version: locked, ...(resolved === undefined ? {} : { resolved }) };
    return {
      "package.json": JSON.stringify({ dependencies: { "@a/b": wanted } }, undefined, 2),
      "package-lock.json": JSON.stringify({
        packages: { "": { dependencies: { "@a/b": wanted } }, "node_modules/@a/b": entry },
      }),
    };
  }
  const good = pair("1.2.3-alpha.1", "1.2.3-alpha.1", "https://registry.example/@a/b/-/b.tgz");

  test("versions are exact", () => {
    expectTold(checkPins, { good, bad: pair("^1.2.3", "^1.2.3"), where: "package.json:3", says: "@a/b is not pinned" });
  });

  test("the lock file holds the same versions, no other packages, and no host of one network", () => {
    expectTold(checkPins, { good, bad: pair("1.2.3", "1.2.4"), where: "package.json:3", says: "run npm install" });
    expectTold(checkPins, {
      good,
      bad: { ...pair("1.2.3", "1.2.3"), "package.json": "{}" },
      where: "package-lock.json:1",
      says: "@a/b is not in package.json",
    });
    expectTold(checkPins, {
      good,
      bad: pair("1.2.3", "1.2.3", "http://cache.lan/b.tgz"),
      where: "package-lock.json:1",
      says: "host of one network",
    });
    expectTold(checkPins, { good, bad: { "package.json": "{}" }, where: "package-lock.json:1", says: "is missing" });
  });

  test("the lock file holds what its packages need, for every platform", () => {
    function lockWith(more: Record<string, object>): Record<string, string> {
      const packages = {
        "": { dependencies: { a: "1.0.0" } },
        "node_modules/a": {
          version: "1.0.0",
          dependencies: { b: "^1.0.0" },
          optionalDependencies: { "a-linux": "1.0.0" },
        },
        "node_modules/a/node_modules/b": { version: "1.0.0", dependencies: { "a-linux": "1.0.0" } },
        ...more,
      };
      return {
        "package.json": JSON.stringify({ dependencies: { a: "1.0.0" } }),
        "package-lock.json": JSON.stringify({ packages }, undefined, 2),
      };
    }
    const whole = lockWith({ "node_modules/a-linux": { version: "1.0.0" } });
    expectTold(checkPins, {
      good: whole,
      bad: lockWith({
        "node_modules/a/node_modules/a-linux": { version: "1.0.0" },
        "node_modules/c": { dependencies: { d: "1" } },
      }),
      where: "package-lock.json:26",
      says: "d of node_modules/c is missing",
    });
    expect(lines(checkPins(tree(lockWith({}))))).toHaveLength(2);
  });
});
