import { gunzipSync } from "node:zlib";
import { describe, expect } from "vitest";
import type { Connection } from "../blackbox/connection.ts";
import { is, shows } from "../blackbox/frames.ts";
import { test } from "../blackbox/helpers.ts";
import type { User } from "../blackbox/helpers.ts";
import { HOME, offset } from "../blackbox/places.ts";
import { readData } from "./data-folder.ts";

/** One file of JSONTestSuite: `n_` must be refused by a parser, `y_` accepted, `i_` may go either way. */
interface Case {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Of the contract: one frame, and what a fresh connection may send at once. */
const FRAME_MAX_BYTES = 16_384;
const GOOD_EVERY = 10;
/** Frames per connection: with the good ones between them they stay below the burst of 100. */
const BATCH = 80;

const BLOCK = 512;

/** The plain files of a tar archive (POSIX ustar: blocks of 512 bytes, sizes in octal). */
function untar(archive: Buffer): Case[] {
  const files: Case[] = [];
  for (let at = 0; archive[at] !== undefined && archive[at] !== 0;) {
    const name = archive.toString("latin1", at, at + 100).replace(/\0.*$/s, "");
    const size = Number.parseInt(archive.toString("latin1", at + 124, at + 136), 8);
    const isFile = archive[at + 156] === 0x30;
    if (isFile) {
      const start = at + BLOCK;
      files.push({ name: name.split("/").pop() ?? name, bytes: archive.subarray(start, start + size) });
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

function corpus(prefix: RegExp, count: number): Case[] {
  const cases = untar(gunzipSync(readData("json/test_parsing.tar.gz"))).filter((file) => prefix.test(file.name));
  expect(cases, `cases ${prefix} of the archive`).toHaveLength(count);
  return cases;
}

/** What a client's encoder makes of bytes: text, in which every broken sequence is U+FFFD. */
function asText(bytes: Buffer): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** Sends each case as a frame, a good frame after every tenth, and expects each to be refused and nothing to close. */
async function expectAllRefused(connection: Connection, cases: readonly Case[]): Promise<void> {
  await connection.welcome();
  for (const [n, { name, bytes }] of cases.entries()) {
    connection.sendRaw(asText(bytes));
    const error = await connection.next(is("error"), `error for ${name}`);
    expect(["bad_json", "bad_message"], name).toContain(error.code);
    expect(error.fatal, name).toBe(false);
    if (n % GOOD_EVERY === GOOD_EVERY - 1) {
      connection.move(offset(HOME, { northM: n }));
    }
  }
  connection.move(HOME);
  await connection.ping();
  expect(connection.isOpen).toBe(true);
  expect(connection.frames.filter(is("error"))).toHaveLength(cases.length);
  expect(connection.frames.filter(is("nearby")), "the good frames were applied").toHaveLength(1);
}

async function expectRefusedInBatches(user: (n: number) => User, cases: readonly Case[]): Promise<void> {
  for (let at = 0; at < cases.length; at += BATCH) {
    const connection = await user(at).connect();
    await expectAllRefused(connection, cases.slice(at, at + BATCH));
  }
}

describe("the cases of JSONTestSuite", { timeout: 60_000 }, () => {
  test("[FRAME1] every reject case is answered as a bad frame, or closes when it is too long, and disturbs nobody", async ({
    world,
  }) => {
    const { a, b, ben } = await world.pair(HOME, offset(HOME, { northM: 10 }));
    const seen = [a.frames.length, b.frames.length];
    const cases = corpus(/^n_/, 188);
    const isLong = ({ bytes }: Case): boolean => Buffer.byteLength(asText(bytes)) > FRAME_MAX_BYTES;
    await expectRefusedInBatches(
      (n) => world.user(`reject${n}`),
      cases.filter((one) => !isLong(one)),
    );
    const long = cases.filter(isLong);
    expect(long.map(({ name }) => name).toSorted()).toEqual([
      "n_structure_100000_opening_arrays.json",
      "n_structure_open_array_object.json",
    ]);
    const victim = world.user("long");
    const bystander = await victim.appear(HOME, { device: "bystander" });
    for (const { name, bytes } of long) {
      const connection = await victim.connect();
      connection.sendRaw(asText(bytes));
      expect((await connection.closeInfo()).code, name).toBe(1009);
    }
    await bystander.ping();
    expect(bystander.frames.map((frame) => frame.type)).toEqual(["welcome", "nearby"]);
    expect([a.frames.length, b.frames.length], "frames of people who had nothing to do with it").toEqual(seen);
    const there = offset(HOME, { northM: 20 });
    b.move(there);
    expect((await a.next(shows(ben.id), "the move")).friend).toMatchObject(there);
  });

  test("[FRAME1] accept and either cases are no messages of this protocol, and refused as such", async ({ world }) => {
    const cases = corpus(/^[yi]_/, 95 + 35);
    await expectRefusedInBatches((n) => world.user(`other${n}`), cases);
  });

  test("[HTTP4] as bodies none of them is a failure of the server, and none changes a profile", async ({ world }) => {
    const ana = world.user("ana");
    const token = await ana.token();
    await ana.patchMe({ name: "Ana" });
    for (const { name, bytes } of corpus(/^[nyi]_/, 318)) {
      const response = await fetch(`${world.target.url}/v1/me`, {
        method: "PATCH",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: new Uint8Array(bytes),
      });
      const text = await response.text();
      const expected = bytes.length > 200_000 ? [413] : bytes.length > FRAME_MAX_BYTES ? [400, 413] : [400];
      // An empty object is the patch that changes nothing.
      expect(/^y_object_empty|BOM_empty_object/.test(name) ? [200, 400] : expected, `${name}: ${text}`).toContain(
        response.status,
      );
    }
    const profile = { user: ana.id, name: "Ana", sharing: true, discoverable: false };
    expect((await ana.api("GET", "/v1/me")).body).toEqual(profile);
  });
});
