import { describe, expect, test } from "vitest";
import { Backlog, UNSAVED_MAX } from "../../src/client/backlog.ts";
import type { Fix } from "../../src/protocol/fix.ts";
import { frameBytes } from "../../src/protocol/frame-size.ts";
import { FRAME_MAX_BYTES, POINTS_PER_FRAME_MAX } from "../../src/protocol/limits.ts";

const T0 = 1_800_000_000_000;

function aFix(second: number): Fix {
  return { lat: 1, lng: 2, ts: T0 + second * 1000 };
}

function filled(count: number): Backlog {
  const backlog = new Backlog();
  for (let second = 0; second < count; second += 1) backlog.add(aFix(second));
  return backlog;
}

/** Sends the next frame. @returns its `ref` and the seconds of its points */
function sendFrame(backlog: Backlog): { ref: number; seconds: number[] } | undefined {
  const draft = backlog.draft();
  if (draft === undefined) return undefined;
  backlog.sentFrame(draft);
  const { ref, points } = JSON.parse(draft.text) as { ref: number; points: Fix[] };
  expect(points).toEqual(draft.points);
  return { ref, seconds: secondsOf(points) };
}

function sendAlone(backlog: Backlog, second: number): void {
  const fix = aFix(second);
  backlog.add(fix);
  backlog.sentAlone(fix);
}

/** What a new connection would send. */
function leftIn(backlog: Backlog): number[] {
  backlog.restart();
  const seconds: number[] = [];
  for (let frame = sendFrame(backlog); frame !== undefined; frame = sendFrame(backlog)) seconds.push(...frame.seconds);
  return seconds;
}

function secondsOf(points: readonly Fix[]): number[] {
  return points.map(({ ts }) => (ts - T0) / 1000);
}

describe("frames", () => {
  test.each([
    [POINTS_PER_FRAME_MAX - 1, [POINTS_PER_FRAME_MAX - 1]],
    [POINTS_PER_FRAME_MAX, [POINTS_PER_FRAME_MAX]],
    [POINTS_PER_FRAME_MAX + 1, [POINTS_PER_FRAME_MAX, 1]],
  ])("%d points go out oldest first, in frames of %j", (count, sizes) => {
    const backlog = filled(count);
    const frames = sizes.map(() => sendFrame(backlog));
    expect(frames.map((frame) => frame?.seconds.length)).toEqual(sizes);
    expect(frames.flatMap((frame) => frame?.seconds)).toEqual(Array.from({ length: count }, (_, second) => second));
    expect(sendFrame(backlog)).toBeUndefined();
  });

  test("points with many digits end a frame before the next one would make it too long", () => {
    const backlog = new Backlog();
    const long = 1.234_567_890_123_456_7e-100;
    const fix: Fix = { lat: -long, lng: -long, ts: T0, accuracy: long, speed: long, heading: long };
    for (let i = 0; i < POINTS_PER_FRAME_MAX; i += 1) backlog.add({ ...fix });
    const draft = backlog.draft();
    const bytes = frameBytes(draft?.text ?? "");
    expect(draft?.points.length).toBeLessThan(POINTS_PER_FRAME_MAX);
    expect(bytes).toBeLessThanOrEqual(FRAME_MAX_BYTES);
    expect(bytes + 1 + JSON.stringify(fix).length).toBeGreaterThan(FRAME_MAX_BYTES);
  });

  test("the ref of a frame is how many points of the connection went before it", () => {
    const backlog = filled(150);
    sendAlone(backlog, 1000);
    expect(sendFrame(backlog)?.ref).toBe(1);
    backlog.cover(60);
    expect(sendFrame(backlog)?.ref).toBe(101);
    backlog.restart();
    expect(sendFrame(backlog)?.ref).toBe(0);
  });
});

describe("saved", () => {
  test("[SAVE2] exactly the first points in the order sent are forgotten, live ones and frames alike", () => {
    const backlog = filled(3);
    sendAlone(backlog, 10);
    sendFrame(backlog);
    sendAlone(backlog, 11);
    expect(backlog.unsaved).toBe(5);
    backlog.cover(1);
    expect(backlog.unsaved).toBe(4);
    backlog.cover(3);
    expect(leftIn(backlog)).toEqual([2, 11]);
  });

  test("the count goes on from where it was", () => {
    const backlog = new Backlog();
    for (let second = 0; second < 5; second += 1) sendAlone(backlog, second);
    backlog.cover(2);
    backlog.cover(4);
    expect(leftIn(backlog)).toEqual([4]);
  });

  test.each([0, -1, 1, 2, Number.NaN, Number.NEGATIVE_INFINITY, 2.9])(
    "a count of %d after 2 changes nothing",
    (count) => {
      const backlog = new Backlog();
      for (let second = 0; second < 4; second += 1) sendAlone(backlog, second);
      backlog.cover(2);
      backlog.cover(count);
      expect(leftIn(backlog)).toEqual([2, 3]);
    },
  );

  test("a count beyond what was sent covers what was sent, and nothing that is sent later", () => {
    const backlog = filled(2);
    sendFrame(backlog);
    backlog.cover(1_000_000);
    expect(backlog.unsaved).toBe(0);
    sendAlone(backlog, 7);
    expect(backlog.unsaved).toBe(1);
    expect(backlog.nextPlace).toBe(3);
    backlog.cover(3);
    expect(backlog.unsaved).toBe(0);
  });

  test("points that wait are never covered", () => {
    const backlog = filled(2);
    backlog.cover(2);
    expect(backlog.unsaved).toBe(2);
  });

  test("a frame is under way until all of it is covered", () => {
    const backlog = filled(2);
    sendFrame(backlog);
    backlog.cover(1);
    expect(backlog.framesUnanswered).toBe(1);
    backlog.cover(2);
    expect(backlog.framesUnanswered).toBe(0);
  });

  test("a stored point that goes out again counts at its place, and is not kept", () => {
    const backlog = new Backlog();
    const fix = aFix(1);
    backlog.add(fix);
    backlog.sentAlone(fix);
    backlog.cover(1);
    backlog.restart();
    backlog.sentAlone(fix);
    expect(backlog).toMatchObject({ unsaved: 0, nextPlace: 1 });
    sendAlone(backlog, 2);
    backlog.cover(1);
    expect(backlog.unsaved).toBe(1);
    backlog.cover(2);
    expect(backlog.unsaved).toBe(0);
  });
});

describe("a new connection", () => {
  test("starts with everything that was not covered, oldest first", () => {
    const backlog = filled(2);
    sendAlone(backlog, 5);
    sendFrame(backlog);
    sendAlone(backlog, 6);
    backlog.cover(1);
    backlog.add(aFix(4));
    expect(leftIn(backlog)).toEqual([0, 1, 4, 6]);
  });

  test("the newest may go first, and then not a second time", () => {
    const backlog = filled(2);
    const newest = aFix(2);
    backlog.add(newest);
    backlog.sentAlone(newest);
    expect(sendFrame(backlog)).toEqual({ ref: 1, seconds: [0, 1] });
    expect(backlog.unsaved).toBe(3);
  });
});

describe("refused points", () => {
  test("the bad one of a frame is forgotten, the others go out again as new points", () => {
    const backlog = filled(3);
    sendAlone(backlog, 10);
    expect(backlog.refuse(sendFrame(backlog)?.ref ?? -1, 1)).toEqual(aFix(1));
    expect(backlog).toMatchObject({ unsaved: 3, framesUnanswered: 0, nextPlace: 4 });
    expect(sendFrame(backlog)).toEqual({ ref: 4, seconds: [0, 2] });
    // The refused frame counts with all its points.
    backlog.cover(4);
    expect(leftIn(backlog)).toEqual([0, 2]);
  });

  test("a single one is forgotten, and counts", () => {
    const backlog = new Backlog();
    sendAlone(backlog, 0);
    sendAlone(backlog, 1);
    sendAlone(backlog, 2);
    expect(backlog.refuse(1, undefined)).toEqual(aFix(1));
    expect(backlog.unsaved).toBe(2);
    backlog.cover(2);
    expect(leftIn(backlog)).toEqual([2]);
  });

  test.each([undefined, 3, -1])(
    "a frame refused with the index %d is forgotten: it would be refused again",
    (index) => {
      const backlog = filled(3);
      sendFrame(backlog);
      expect(backlog.refuse(0, index)).toBeUndefined();
      expect(backlog.unsaved).toBe(0);
    },
  );

  test("an error about a frame that is covered, or was never sent, changes nothing", () => {
    const backlog = filled(3);
    sendFrame(backlog);
    sendAlone(backlog, 5);
    backlog.cover(3);
    for (const ref of [0, 2, 4, -1, 1e9]) {
      expect(backlog.refuse(ref, 0)).toBeUndefined();
      backlog.sendAgain(ref, false);
    }
    expect(leftIn(backlog)).toEqual([5]);
  });

  test("of a frame that is covered in part, the rest is sent again", () => {
    const backlog = filled(4);
    sendFrame(backlog);
    backlog.cover(2);
    expect(backlog.refuse(0, 3)).toEqual(aFix(3));
    expect(sendFrame(backlog)).toEqual({ ref: 4, seconds: [2] });
  });

  test("points from a time on are forgotten where they wait", () => {
    const backlog = filled(5);
    backlog.forgetFrom(aFix(3).ts);
    expect(backlog.unsaved).toBe(3);
    expect(leftIn(backlog)).toEqual([0, 1, 2]);
  });
});

describe("sending again", () => {
  test("goes behind what waits, as new points", () => {
    const backlog = filled(2);
    sendFrame(backlog);
    backlog.add(aFix(5));
    backlog.sendAgain(0, false);
    expect(sendFrame(backlog)).toEqual({ ref: 2, seconds: [5, 0, 1] });
    backlog.cover(2);
    expect(backlog.unsaved).toBe(3);
    backlog.cover(5);
    expect(backlog.unsaved).toBe(0);
  });

  test("once means once on a connection, then the points stay in their place", () => {
    const backlog = filled(2);
    sendFrame(backlog);
    backlog.sendAgain(0, true);
    expect(sendFrame(backlog)?.ref).toBe(2);
    backlog.sendAgain(2, true);
    expect(sendFrame(backlog)).toBeUndefined();
    backlog.restart();
    sendFrame(backlog);
    backlog.sendAgain(0, true);
    expect(sendFrame(backlog)?.seconds).toEqual([0, 1]);
  });
});

describe("limit", () => {
  test("the oldest point goes, never more than one for one, and is counted", () => {
    const backlog = filled(UNSAVED_MAX);
    expect(backlog).toMatchObject({ unsaved: UNSAVED_MAX, dropped: 0 });
    backlog.add(aFix(UNSAVED_MAX));
    expect(backlog).toMatchObject({ unsaved: UNSAVED_MAX, dropped: 1 });
    expect(sendFrame(backlog)?.seconds[0]).toBe(1);
  });

  test("points under way go too when they are older, and the count of the connection stays right", () => {
    const backlog = new Backlog();
    sendAlone(backlog, 0);
    sendAlone(backlog, 1);
    for (let second = 2; second <= UNSAVED_MAX; second += 1) backlog.add(aFix(second));
    expect(backlog).toMatchObject({ unsaved: UNSAVED_MAX, dropped: 1, nextPlace: 2 });
    backlog.cover(1);
    expect(backlog.unsaved).toBe(UNSAVED_MAX);
    backlog.cover(2);
    expect(backlog.unsaved).toBe(UNSAVED_MAX - 1);
  });

  test("a server that never says `saved` costs no more than the limit", () => {
    const backlog = new Backlog();
    const count = UNSAVED_MAX + 500;
    for (let second = 0; second < count; second += 1) sendAlone(backlog, second);
    expect(backlog).toMatchObject({ unsaved: UNSAVED_MAX, dropped: 500, nextPlace: count });
    const left = leftIn(backlog);
    expect(left).toHaveLength(UNSAVED_MAX);
    expect(left[0]).toBe(500);
  });
});
