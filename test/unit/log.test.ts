import { afterEach, expect, test, vi } from "vitest";

import { logAudit, logDebug, logError, logInfo } from "../../src/observe/log.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const LEVELS = [
  { level: "error", log: logError, method: "error" },
  { level: "audit", log: logAudit, method: "warn" },
  { level: "info", log: logInfo, method: "info" },
] as const;

test.each(LEVELS)(
  "$level: one line of JSON, at the severity that the platform files it under",
  ({ level, log, method }) => {
    const written = vi.spyOn(console, method).mockImplementation(() => {});
    log("door_opened", { door: "north\nsouth", times: 3 });
    expect(written).toHaveBeenCalledTimes(1);
    const text: unknown = written.mock.calls[0]?.[0];
    expect(text).not.toContain("\n");
    expect(JSON.parse(String(text))).toEqual({ level, event: "door_opened", door: "north\nsouth", times: 3 });
  },
);

test("debug: only when it was asked for", () => {
  const written = vi.spyOn(console, "debug").mockImplementation(() => {});
  logDebug({ logLevel: "info" }, "request", { ms: 1 });
  expect(written).not.toHaveBeenCalled();
  logDebug({ logLevel: "debug" }, "request", { ms: 1 });
  expect(written).toHaveBeenCalledExactlyOnceWith('{"level":"debug","event":"request","ms":1}');
});
