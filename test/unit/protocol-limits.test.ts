import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import * as limits from "../../src/protocol/limits.ts";

const SPEC = readFileSync(new URL("../../src/protocol/SPEC.md", import.meta.url), "utf8");

/** The tests of a rule use the constant; this is what ties the constant to the words of the rule. */
test.each([
  ["FRAME3", limits.FRAME_MAX_BYTES, 16_384, "16,384 bytes"],
  ["FRAME6", limits.PING_AFTER_SILENCE_MS, 30_000, "silent for 30 s"],
  ["FRAME6", limits.PING, "ping", "`ping` is answered"],
  ["FRAME6", limits.PONG, "pong", "the text frame `pong`"],
  ["FRAME7", limits.FRAME_BURST, 100, "a bucket of 100 frames"],
  ["FRAME7", limits.FRAMES_PER_S, 10, "refilled by 10 a second"],
  ["FRAME9", limits.BAD_FRAMES_IN_A_ROW_MAX, 20, "The 20th bad frame"],
  ["FRAME10", limits.TOO_FAST_FRAMES_MAX, 100, "The 100th frame refused"],
  ["UP3", limits.TS_MIN_MS, Date.UTC(2000, 0, 1), "before 2000-01-01"],
  ["UP3", limits.TS_AHEAD_MAX_MS, 86_400_000, "more than 24 h ahead"],
  ["UP4", limits.HEADING_MAX_DEG, 360, "from 0 to 360"],
  ["UP6", limits.POINTS_PER_FRAME_MAX, 100, "1 to 100 points"],
  ["CONN6", limits.SUBPROTOCOL, "nearby.v1", "`nearby.v1` is echoed"],
  ["CONN3", limits.BEARER_SUBPROTOCOL_PREFIX, "bearer.", "`bearer.<JWT>`"],
  ["CONN7", limits.USER_ID_MAX_CHARS, 64, "(1-64 of"],
  ["CONN8", limits.PROTOCOL_VERSION, 1, '"protocol":1'],
  ["SNAP4", limits.SNAPSHOT_WAIT_MS, 2_000, "at the latest after 2 s"],
  ["DEV3", limits.CONNECTIONS_PER_USER_MAX, 10, "Ten connections"],
  ["DISC2", limits.PEOPLE_MAX, 20, "at most 20"],
  ["DISC2", limits.DISCOVER_BURST, 5, "more often than five times"],
  ["DISC2", limits.DISCOVER_MIN_MS, 5_000, "once in 5 s"],
])("%s is the rule of a constant that is %j", (id, constant, value, words) => {
  expect(constant).toBe(value);
  const rule = SPEC.split("\n").find((line) => line.startsWith(`- **[${id}]**`)) ?? "";
  expect(rule).toContain(words);
});
