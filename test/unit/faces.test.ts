import { describe, expect, test, vi } from "vitest";

import { FACE_FETCHES_MAX, FACE_LOOKUPS_MAX, FACE_MAX_BYTES, FACES_MAX_BYTES, facesOf } from "../../src/api/faces.ts";
import { isPicture, isPublicPicture } from "../../src/ingest/picture.ts";

const HEAD = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

function png(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length).fill(7);
  bytes.set(HEAD);
  return bytes;
}

/** A Worker's cache, and a web of pictures. */
function world(answerOf: (address: string) => Response | Promise<Response>) {
  const kept = new Map<string, Response>();
  const work: Promise<void>[] = [];
  const fetch = vi.fn((address: string, _init: RequestInit) => Promise.resolve(answerOf(address)));
  const cache = {
    match: (key: string) => Promise.resolve(kept.get(key)?.clone()),
    put: (key: string, response: Response): Promise<void> => Promise.resolve(void kept.set(key, response)),
  };
  const parts = {
    cache,
    fetch,
    origin: "https://nearby.test",
    waitUntil: (one: Promise<void>) => void work.push(one),
  };
  const clock = { now: 1_795_000_000_000 };
  const ask = (...addresses: (string | undefined)[]) => facesOf(addresses, { ...parts, ...clock });
  const idle = async (): Promise<void> => void (await Promise.all(work.splice(0)));
  return { ask, idle, fetch, kept, clock };
}

const address = (name: string): string => `https://pictures.nearby-friends.dev/${name}`;

describe("[PHONE10] pictures", () => {
  test("the answer waits for none; the next one has it, and no one else asks for it again", async () => {
    const { promise, resolve } = Promise.withResolvers<Response>();
    const { ask, idle, fetch, kept } = world(() => promise);
    expect(await ask(address("a"))).toEqual([undefined]);
    expect(await ask(address("a"))).toEqual([undefined]);
    resolve(new Response(png(500)));
    await idle();
    expect(await ask(undefined, address("a"))).toEqual([undefined, png(500)]);
    expect(fetch.mock.calls).toEqual([[address("a"), expect.objectContaining({ redirect: "manual" })]]);
    expect([...kept.keys()]).toEqual([expect.stringMatching(/^https:\/\/nearby\.test\/face\/[0-9a-f]{64}$/)]);
    expect([...kept.values()][0]?.headers.get("cache-control")).toBe("max-age=21600");
  });

  const bad: [what: string, answer: () => Response | Promise<Response>][] = [
    ["a redirect", () => new Response(null, { status: 302, headers: { location: "https://127.0.0.1/" } })],
    ["an error", () => new Response(png(100), { status: 404 })],
    ["something else", () => new Response("<svg xmlns='http://www.w3.org/2000/svg'/>")],
    ["nothing", () => new Response(null)],
    ["one byte too many", () => new Response(png(FACE_MAX_BYTES + 1))],
    ["a server that is down", () => Promise.reject(new Error("getaddrinfo"))],
  ];
  test.each(bad)("%s is no picture, which is remembered for a while", async (what, answer) => {
    const { ask, idle, fetch, kept } = world(answer);
    const mine = address(encodeURIComponent(what));
    await ask(mine);
    await idle();
    expect(await ask(mine)).toEqual([undefined]);
    await idle();
    expect(fetch).toHaveBeenCalledTimes(1);
    expect([...kept.values()][0]?.headers.get("cache-control")).toBe("max-age=600");
  });

  test.each([FACE_MAX_BYTES - 1, FACE_MAX_BYTES])("%i bytes are a picture", async (length) => {
    const { ask, idle } = world(() => new Response(png(length)));
    await ask(address(`n${length}`));
    await idle();
    expect(await ask(address(`n${length}`))).toEqual([png(length)]);
  });

  test("an answer has room for so many bytes: the nearest first, and a smaller one that still fits", async () => {
    const sizes = [FACE_MAX_BYTES, FACE_MAX_BYTES, FACE_MAX_BYTES, 5_000, 4_096, 1_000];
    expect(3 * FACE_MAX_BYTES + 4_096).toBe(FACES_MAX_BYTES);
    const { ask, idle } = world((url) => new Response(png(Number(new URL(url).searchParams.get("size")))));
    const all = sizes.map((size, at) => address(`room${at}?size=${size}`));
    await ask(...all);
    await idle();
    await ask(...all);
    await idle();
    const faces = await ask(...all);
    expect(faces.map((face) => face?.length)).toEqual([20_480, 20_480, 20_480, undefined, 4_096, undefined]);
  });

  test("an answer starts so many fetches, the next one the others", async () => {
    const { ask, idle, fetch } = world(() => new Response(png(100)));
    const all = Array.from({ length: FACE_FETCHES_MAX + 1 }, (_, at) => address(`many${at}`));
    await ask(...all);
    await idle();
    expect(fetch).toHaveBeenCalledTimes(FACE_FETCHES_MAX);
    await ask(...all);
    await idle();
    expect(fetch).toHaveBeenCalledTimes(FACE_FETCHES_MAX + 1);
    expect((await ask(...all)).every((face) => face?.length === 100)).toBe(true);
  });
});

describe("[PHONE10] what bounds the work", () => {
  test.each([
    [FACE_LOOKUPS_MAX - 1, 1],
    [FACE_LOOKUPS_MAX, 0],
  ])("with %i friends before it, a picture is looked up %i times", async (before, times) => {
    const { ask, idle, fetch } = world(() => new Response(png(100)));
    await ask(...Array.from({ length: before }, () => undefined), address(`behind${before}`));
    await idle();
    expect(fetch).toHaveBeenCalledTimes(times);
  });

  test("where nothing is kept, an address is fetched once in ten minutes, not with every report", async () => {
    const { ask, idle, fetch, kept, clock } = world(() => new Response(png(100)));
    for (const [laterMs, times] of [
      [0, 1],
      [10_000, 1],
      [589_999, 1],
      [1, 2],
      [599_999, 2],
    ] as const) {
      clock.now += laterMs;
      expect(await ask(address("forgotten"))).toEqual([undefined]);
      await idle();
      kept.clear();
      expect(fetch).toHaveBeenCalledTimes(times);
    }
  });
});

describe("[PHONE10] a server looks for pictures in public places only", () => {
  test.each([
    "https://pictures.com/a.png",
    "https://a.b.c.co.kr/x?y=z",
    "https://xn--bcher-kva.ch/",
    "https://PICTURES.com./a",
  ])("%s is one", (url) => {
    expect(isPublicPicture(url)).toBe(true);
  });

  test.each([
    "http://pictures.com/a.png",
    "https://pictures.com:8443/a.png",
    "https://user@pictures.com/a.png",
    "https://localhost/a.png",
    "https://LOCALHOST./a.png",
    "https://db.localhost/a.png",
    "https://router/a.png",
    "https://printer.local/a.png",
    "https://metadata.google.internal/a.png",
    "https://nas.home.arpa/a.png",
    "https://wiki.corp/a.png",
    "https://127.0.0.1/a.png",
    "https://2130706433/a.png",
    "https://0x7f.1/a.png",
    "https://10.0.0.1/a.png",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/a.png",
    "https://[::ffff:10.0.0.1]/a.png",
    "data:image/png;base64,AAAA",
    "file:///etc/passwd",
    "",
  ])("%s is none", (url) => {
    expect(isPublicPicture(url)).toBe(false);
  });

  test("PNG and JPEG, by their first bytes", () => {
    expect(isPicture(png(8))).toBe(true);
    expect(isPicture(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0))).toBe(true);
    for (const bytes of [[], [0x89, 0x50], HEAD.slice(0, 7), [0xff, 0xd8], [0x47, 0x49, 0x46, 0x38]]) {
      expect(isPicture(Uint8Array.from(bytes))).toBe(false);
    }
  });
});
