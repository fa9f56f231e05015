import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { openCode, sealCode } from "../../src/auth/link-code.ts";
import type { Link, LinkKind } from "../../src/auth/link-code.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const OLD = bytes("an-old-secret-of-at-least-32-bytes!!");
const NEW = bytes("a-new-secret-of-at-least-32-bytes!!!");
const ANN: Link = { owner: "ann", id: "AAECAwQFBgcICQoLDA0ODw" };

/** Bytes of everything around the owner's id: nonce, kind, rest of the id, tag. */
const OVERHEAD_BYTES = 12 + 1 + 4 + 16;

const kinds = fc.constantFrom<LinkKind>("invite", "share", "device");
const owners = fc.stringMatching(/^[A-Za-z0-9._:@-]{1,64}$/).filter((id) => id !== "." && id !== "..");
const ids = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((id) => Buffer.from(id).toString("base64url"));

describe("what was sealed", () => {
  test("opens again, for every owner and id, and the same input gives the same code", async () => {
    await fc.assert(
      fc.asyncProperty(kinds, owners, ids, async (kind, owner, id) => {
        const code = await sealCode([NEW], kind, { owner, id });
        expect(code).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(Buffer.from(code, "base64url")).toHaveLength(OVERHEAD_BYTES + owner.length);
        expect(await openCode([NEW], kind, code)).toEqual({ owner, id });
        expect(await sealCode([new Uint8Array(NEW)], kind, { owner, id })).toBe(code);
      }),
    );
  });

  test("has this form: what is handed out must open after every update", async () => {
    expect(await sealCode([OLD], "invite", ANN)).toBe("AAECAwQFBgcICQoLiQh7t1eGLuZMZuEyQBaDxxKZ6-mI2KWo");
    expect(await sealCode([OLD], "share", ANN)).toBe("AAECAwQFBgcICQoLigh7t1eGLua1gQ8wtwLDnjzCh-M29J-J");
  });

  test("does not show the owner", async () => {
    const owner = "ann.with.an.id.that.would.stand.out";
    const code = await sealCode([NEW], "share", { ...ANN, owner });
    for (const text of [code, Buffer.from(code, "base64url").toString("latin1")]) {
      expect(text).not.toContain(owner);
      expect(text).not.toContain(Buffer.from(owner).toString("base64url").slice(4, -4));
    }
  });

  test("opens with every secret of the list, and the first one seals", async () => {
    const before = await sealCode([OLD], "invite", ANN);
    const after = await sealCode([NEW, OLD], "invite", ANN);
    expect(after).not.toBe(before);
    expect(after).toBe(await sealCode([NEW], "invite", ANN));
    for (const code of [before, after]) expect(await openCode([NEW, OLD], "invite", code)).toEqual(ANN);
    expect(await openCode([NEW], "invite", before)).toBeNull();
    expect(await openCode([], "invite", before)).toBeNull();
  });

  test.each([
    ["no secret", [], ANN],
    ["an id of 15 bytes", [NEW], { ...ANN, id: "AAECAwQFBgcICQoLDA0O" }],
    ["an id of 17 bytes", [NEW], { ...ANN, id: "AAECAwQFBgcICQoLDA0ODxA" }],
    ["an id with a bit too many", [NEW], { ...ANN, id: "AAECAwQFBgcICQoLDA0ODx" }],
    ["no owner", [NEW], { ...ANN, owner: "" }],
    ["an owner of 65 characters", [NEW], { ...ANN, owner: "x".repeat(65) }],
  ])("is never made of %s", async (_, secrets, link) => {
    await expect(sealCode(secrets, "invite", link)).rejects.toThrow(RangeError);
  });
});

describe("a code that was not handed out", () => {
  const expectRefused = async (code: string, kind: LinkKind = "invite"): Promise<void> => {
    expect(await openCode([NEW, OLD], kind, code), code).toBeNull();
  };

  test("opens nothing of the other kind", async () => {
    await expectRefused(await sealCode([NEW], "invite", ANN), "share");
    await expectRefused(await sealCode([NEW], "share", ANN), "invite");
  });

  test("opens nothing when it was sealed with another secret", async () => {
    await expectRefused(await sealCode([bytes("a-secret-of-somebody-else-entirely!!!")], "invite", ANN));
  });

  test("opens nothing when any of its bits is another", async () => {
    for (const owner of ["a", "an", "ann"]) {
      const good = Buffer.from(await sealCode([NEW], "invite", { ...ANN, owner }), "base64url");
      for (let bit = 0; bit < good.length * 8; bit += 1) {
        const bad = Buffer.from(good);
        bad.writeUInt8(good.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        await expectRefused(bad.toString("base64url"));
      }
    }
  });

  test("opens nothing when any of its characters is another, the spare bits of the last one included", async () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (const owner of ["a", "an", "ann"]) {
      const good = await sealCode([NEW], "invite", { ...ANN, owner });
      for (const last of alphabet.replace(good.at(-1) ?? "", "")) await expectRefused(good.slice(0, -1) + last);
    }
  });

  test("opens nothing when it was cut, made longer or put together", async () => {
    const good = await sealCode([NEW], "invite", ANN);
    const other = await sealCode([NEW], "invite", { owner: "bob", id: randomBytes(16).toString("base64url") });
    for (let length = 0; length < good.length; length += 1) {
      await expectRefused(good.slice(0, length));
      await expectRefused(good.slice(good.length - length));
    }
    for (const more of ["A", "AA", "AAAA", "=", "==", "\n", " ", "."]) {
      await expectRefused(good + more);
      await expectRefused(more + good);
    }
    await expectRefused(good.slice(0, 16) + other.slice(16));
    await expectRefused(good + other);
  });

  test("opens nothing when it was made up", async () => {
    for (let length = 0; length <= OVERHEAD_BYTES + 66; length += 1) {
      for (let n = 0; n < 5; n += 1) await expectRefused(randomBytes(length).toString("base64url"));
    }
    await fc.assert(fc.asyncProperty(fc.string({ unit: "binary", maxLength: 150 }), (text) => expectRefused(text)));
    for (const code of ["", "ann", "..", "%2e", "é".repeat(50), "A".repeat(1_000_000)]) await expectRefused(code);
  });
});

test("a code opens, or is refused, in well under a millisecond", async () => {
  const good = await sealCode([NEW], "invite", ANN);
  const bad = Buffer.from(randomBytes(OVERHEAD_BYTES + 3)).toString("base64url");
  const rounds = 1_000;
  for (const code of [good, bad]) {
    const startMs = performance.now();
    for (let n = 0; n < rounds; n += 1) await openCode([OLD, NEW], "invite", code);
    expect((performance.now() - startMs) / rounds, "ms, two secrets tried").toBeLessThan(1);
  }
});
