import { describe, expect, test } from "vitest";
import { decodeNotice, encodeNotice, encodePosition, type Notice } from "../../scripts/bench/classic/notice.ts";

const POSITION = { lat: 37.7749, lng: -122.4194, ts: 1_700_000_000_000, atMs: 1_700_000_000_123, rough: false };

describe("what travels on a channel", () => {
  test("a position is read as it was written", () => {
    const text = encodePosition("7", POSITION);
    expect(decodeNotice(text)).toEqual({ kind: "position", origin: "7", position: POSITION });
    expect(JSON.parse(text)).toEqual({ kind: "position", origin: "7", ...POSITION });
  });

  test.each<Exclude<Notice, { kind: "position" }>>([
    { kind: "profile", origin: "7" },
    { kind: "edge", origin: "7", friend: "ben" },
    { kind: "edge", origin: "7", friend: "ben", state: "removed" },
    { kind: "opened", origin: "7", device: "phone", atMs: 5, heard: [1, 2] },
    { kind: "opened", origin: "7", atMs: 5, heard: [] },
    { kind: "open", origin: "7", heard: [3] },
  ])("$kind is read as it was written", (notice) => {
    expect(decodeNotice(encodeNotice(notice))).toEqual(notice);
  });

  test.each([
    "",
    "{",
    "[]",
    "null",
    "{}",
    '{"kind":"profile"}',
    '{"kind":"dance","origin":"7"}',
    '{"kind":"edge","origin":"7"}',
    '{"kind":"opened","origin":"7","heard":[]}',
    '{"kind":"edge","origin":"7","friend":3}',
    '{"kind":"position","origin":"7","lat":1,"lng":2,"ts":3,"atMs":4}',
    '{"kind":"position","origin":"7","lat":"1","lng":2,"ts":3,"atMs":4,"rough":false}',
  ])("%s says nothing", (text) => {
    expect(decodeNotice(text)).toBeUndefined();
  });
});
