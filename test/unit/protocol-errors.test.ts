import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { CLOSE, CLOSE_REASON, ERROR_CODE_LIST, ERROR_CODES, errorDown } from "../../src/protocol/errors.ts";
import { decodeUp } from "../../src/protocol/up.ts";

const SPEC = readFileSync(new URL("../../src/protocol/SPEC.md", import.meta.url), "utf8");
const NOW_MS = 1_790_000_000_000;

test.each(ERROR_CODE_LIST)("[ERR1] %s has its shape, its sentence and its row in SPEC.md", (code) => {
  const { sentence, fatal } = ERROR_CODES[code];
  expect(sentence).toMatch(/^[A-Z].+\.$/);
  expect(errorDown(code)).toEqual({ type: "error", code, message: sentence, fatal });
  expect(errorDown(code, { message: "Do this.", ref: 0, index: 0 })).toEqual({
    type: "error",
    code,
    message: "Do this.",
    fatal,
    ref: 0,
    index: 0,
  });
  expect(SPEC).toMatch(new RegExp(`^\\| .*\`${code}\`.*\\| ${fatal ? "yes" : "no"} \\|$`, "m"));
});

test("[ERR1] only bad_token is fatal", () => {
  expect(ERROR_CODE_LIST.filter((code) => ERROR_CODES[code].fatal)).toEqual(["bad_token"]);
});

test("[ERR2] no message repeats what was sent", () => {
  const secret = "hunter2";
  const frames = [
    secret,
    { type: secret },
    { type: "location", lat: secret },
    { type: "location", lat: 1, lng: 1, ts: secret },
    { type: "location", lat: 1, lng: 1, ts: NOW_MS, speed: secret },
    { type: "locations", points: secret },
    { type: "locations", points: [secret] },
    { type: "subscribe", friend: `${secret} ` },
    { type: "discover", on: secret },
    { type: "token", token: [secret] },
    { type: "token", token: "", ref: secret },
    { [secret]: 1 },
  ];
  for (const frame of [...frames.map((it) => JSON.stringify(it)), secret, `{"${secret}`]) {
    const decoded = decodeUp(frame, NOW_MS);
    expect(decoded.ok).toBe(false);
    expect(JSON.stringify(decoded)).not.toContain(secret);
  }
});

test.each(Object.entries(CLOSE))("%s has a row in SPEC.md and a reason that fits a close frame", (kind, code) => {
  const reason = Object.entries(CLOSE_REASON).find(([name]) => name === kind)?.[1] ?? "";
  expect(reason).not.toBe("");
  // RFC 6455, 5.5: 125 bytes of payload, two of them for the code.
  expect(new TextEncoder().encode(reason).length).toBeLessThanOrEqual(123);
  expect(SPEC).toMatch(new RegExp(`^\\| ${code} \\|`, "m"));
});
