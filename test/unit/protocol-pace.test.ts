import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { BAD_FRAMES_IN_A_ROW_MAX, FRAME_BURST, FRAMES_PER_S, TOO_FAST_FRAMES_MAX } from "../../src/protocol/limits.ts";
import { admit, frameArrived, frameDecoded, NEW_PACE } from "../../src/protocol/pace.ts";
import type { FramePace, FrameVerdict } from "../../src/protocol/pace.ts";

const NOW_MS = 1_790_000_000_000;
const FRAME_MIN_MS = 1_000 / FRAMES_PER_S;
const FULL_AGAIN_MS = FRAME_BURST * FRAME_MIN_MS;

/** `count` frames at one moment. */
function send(from: FramePace, count: number, nowMs: number): { pace: FramePace; verdicts: FrameVerdict[] } {
  let pace = from;
  const verdicts: FrameVerdict[] = [];
  for (let sent = 0; sent < count; sent += 1) {
    const paced = frameArrived(pace, nowMs);
    pace = paced.pace;
    verdicts.push(paced.verdict);
  }
  return { pace, verdicts };
}

function times(verdicts: FrameVerdict[], verdict: FrameVerdict): number {
  return verdicts.filter((it) => it === verdict).length;
}

describe("frames", () => {
  test("[FRAME7] a burst of 99 and of 100 passes, the 101st is refused", () => {
    for (const count of [FRAME_BURST - 1, FRAME_BURST]) {
      expect(times(send(NEW_PACE, count, NOW_MS).verdicts, "admitted")).toBe(count);
    }
    expect(send(NEW_PACE, FRAME_BURST + 1, NOW_MS).verdicts.at(-1)).toBe("refused");
  });

  test("[FRAME7] after the burst one frame is admitted every 100 ms, not a millisecond earlier", () => {
    const { pace } = send(NEW_PACE, FRAME_BURST, NOW_MS);
    expect(frameArrived(pace, NOW_MS + FRAME_MIN_MS - 1).verdict).toBe("refused");
    const next = frameArrived(pace, NOW_MS + FRAME_MIN_MS);
    expect(next.verdict).toBe("admitted");
    expect(frameArrived(next.pace, NOW_MS + FRAME_MIN_MS).verdict).toBe("refused");
  });

  test("[FRAME7] a steady ten a second is never refused", () => {
    let pace = NEW_PACE;
    for (let sent = 0; sent < 1_000; sent += 1) {
      const paced = frameArrived(pace, NOW_MS + sent * FRAME_MIN_MS);
      expect(paced.verdict).toBe("admitted");
      pace = paced.pace;
    }
  });

  test("[FRAME7] in any window no more than the burst and the refill are admitted", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 300 }), { minLength: 1, maxLength: 400 }), (gapsMs) => {
        let pace = NEW_PACE;
        let nowMs = NOW_MS;
        let admitted = 0;
        for (const gapMs of gapsMs) {
          nowMs += gapMs;
          const paced = frameArrived(pace, nowMs);
          pace = paced.pace;
          if (paced.verdict === "admitted") admitted += 1;
        }
        expect(admitted).toBeLessThanOrEqual(FRAME_BURST + (nowMs - NOW_MS) / FRAME_MIN_MS);
      }),
    );
  });

  test("[FRAME7] a clock that was set back by an hour refuses nobody for an hour", () => {
    const { pace } = send(NEW_PACE, FRAME_BURST, NOW_MS);
    expect(frameArrived(pace, NOW_MS - 3_600_000).verdict).toBe("admitted");
  });

  test("[FRAME10] the 99th refused frame leaves the connection open, the 100th closes it", () => {
    const { verdicts } = send(NEW_PACE, FRAME_BURST + TOO_FAST_FRAMES_MAX + 1, NOW_MS);
    expect(verdicts.indexOf("close")).toBe(FRAME_BURST + TOO_FAST_FRAMES_MAX - 1);
    expect(verdicts.at(-1)).toBe("close");
  });

  test("[FRAME10] the count starts again when the bucket is full again, not a millisecond earlier", () => {
    const almost = send(NEW_PACE, FRAME_BURST + TOO_FAST_FRAMES_MAX - 1, NOW_MS).pace;
    const early = frameArrived(almost, NOW_MS + FULL_AGAIN_MS - 1);
    expect(early).toMatchObject({ verdict: "admitted", pace: { refused: TOO_FAST_FRAMES_MAX - 1 } });
    const full = frameArrived(almost, NOW_MS + FULL_AGAIN_MS);
    expect(full).toMatchObject({ verdict: "admitted", pace: { refused: 0 } });
  });

  test("[FRAME9] the 19th bad frame in a row leaves the connection open, the 20th closes it", () => {
    let pace = NEW_PACE;
    for (let bad = 1; bad < BAD_FRAMES_IN_A_ROW_MAX; bad += 1) {
      const paced = frameDecoded(pace, false);
      expect(paced.verdict).toBe("refused");
      pace = paced.pace;
    }
    expect(frameDecoded(pace, false).verdict).toBe("close");

    const good = frameDecoded(pace, true);
    expect(good).toMatchObject({ verdict: "admitted", pace: { badInARow: 0 } });
    expect(frameDecoded(good.pace, false)).toMatchObject({ verdict: "refused", pace: { badInARow: 1 } });
  });

  test("[FRAME9] a frame refused as too fast neither counts as bad nor starts the count again", () => {
    const bad = frameDecoded(NEW_PACE, false).pace;
    expect(send(bad, FRAME_BURST + 1, NOW_MS).pace.badInARow).toBe(1);
  });

  test("the pace survives being written down as plain JSON", () => {
    const { pace } = send(frameDecoded(NEW_PACE, false).pace, FRAME_BURST + 1, NOW_MS);
    expect(JSON.parse(JSON.stringify(pace))).toEqual(pace);
    expect(Object.values(pace).every((value) => Number.isSafeInteger(value))).toBe(true);
  });
});

describe("live positions", () => {
  const BURST = 30;
  const MIN_MS = 5_000;

  function spend(count: number): number {
    let tatMs = 0;
    for (let at = 0; at < count; at += 1) {
      const admission = admit(tatMs, NOW_MS, BURST, MIN_MS);
      if (!admission.ok) throw new Error(`refused at ${at}`);
      tatMs = admission.tatMs;
    }
    return tatMs;
  }

  test("[UP14] a burst passes, the next one has to wait", () => {
    expect(admit(spend(BURST - 1), NOW_MS, BURST, MIN_MS).ok).toBe(true);
    expect(admit(spend(BURST), NOW_MS, BURST, MIN_MS)).toEqual({ ok: false, retryAfterMs: MIN_MS });
  });

  test("[UP14] it is admitted after the time that was told, not a millisecond earlier", () => {
    const tatMs = spend(BURST);
    expect(admit(tatMs, NOW_MS + MIN_MS - 1, BURST, MIN_MS)).toEqual({ ok: false, retryAfterMs: 1 });
    expect(admit(tatMs, NOW_MS + MIN_MS, BURST, MIN_MS).ok).toBe(true);
  });

  test("[UP14] a burst of one is a plain pace, and no pause refuses nothing", () => {
    const first = admit(0, NOW_MS, 1, MIN_MS);
    if (!first.ok) throw new Error("the first one was refused");
    expect(admit(first.tatMs, NOW_MS, 1, MIN_MS)).toEqual({ ok: false, retryAfterMs: MIN_MS });
    expect(admit(NOW_MS, NOW_MS, 1, 0)).toEqual({ ok: true, tatMs: NOW_MS });
  });
});
