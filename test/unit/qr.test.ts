import jsqr from "jsqr";
import { expect, test } from "vitest";

import { qrSvg } from "../../src/api/qr.ts";
import { ownTracksLink } from "../../src/ingest/owntracks/configuration.ts";

/** The package is the function itself, and its types say that it has one. */
const scan = jsqr as unknown as typeof jsqr.default;

const DOTS_PER_MODULE = 4;
const QUIET_MODULES = 4;

/** With a host name, a user id and a device password of as many characters as these may have. */
const longest = ownTracksLink({
  url: `https://${"host.".repeat(51)}com/owntracks`,
  user: "u".repeat(64),
  password: "Aa0_".repeat(33),
  encryptionKey: "Kk9-".repeat(8),
  tid: "AN",
  deviceId: "12345678",
});

/** The picture of an SVG whose paths are rectangles, as a camera would see it. */
function rasterize(svg: string): { pixels: Uint8ClampedArray; size: number } {
  const modules = Number(/viewBox="0 0 (\d+) /.exec(svg)?.[1]);
  const size = modules * DOTS_PER_MODULE;
  const pixels = new Uint8ClampedArray(size * size * 4).fill(255);
  const dark = /fill="#000" d="([^"]*)"/.exec(svg)?.[1] ?? "";
  for (const [, x, y, width] of dark.matchAll(/M(\d+) (\d+)h(\d+)v1h-\3z/g)) {
    for (let row = Number(y) * DOTS_PER_MODULE; row < (Number(y) + 1) * DOTS_PER_MODULE; row += 1) {
      const from = row * size + Number(x) * DOTS_PER_MODULE;
      for (let at = from; at < from + Number(width) * DOTS_PER_MODULE; at += 1) pixels.fill(0, at * 4, at * 4 + 3);
    }
  }
  return { pixels, size };
}

test.each([
  ["a word", "nearby"],
  ["a link of OwnTracks", `owntracks:///config?inline=${"e".repeat(480)}`],
  ["the longest one that there may be", longest],
])("[PASS1] a scanner reads %s", (_, text) => {
  const { pixels, size } = rasterize(qrSvg(text));
  expect(scan(pixels, size, size)?.data).toBe(text);
});

test("[PASS1] there is room around the code, as the standard asks for", () => {
  const { pixels, size } = rasterize(qrSvg("nearby"));
  const edge = QUIET_MODULES * DOTS_PER_MODULE;
  const isDark = (x: number, y: number): boolean => pixels[(y * size + x) * 4] === 0;
  for (let at = 0; at < size; at += 1) {
    for (const [x, y] of [
      [at, edge - 1],
      [edge - 1, at],
      [at, size - edge],
      [size - edge, at],
    ] as const) {
      expect(isDark(x, y)).toBe(false);
    }
  }
  expect(isDark(edge, edge)).toBe(true);
});
