/** The price of a month: each component against a sum made by hand. */
import { describe, expect, test } from "vitest";

import { billOf, COMPONENTS, totalOf } from "../../scripts/cost/bill.ts";
import { farShare, nearShare, TAXIS } from "../../scripts/cost/measured.ts";
import { type Meter, OBJECT_GB, priceOf, PRICES } from "../../scripts/cost/prices.ts";
import { readCostOptions } from "../../scripts/cost/options.ts";
import { makeReport } from "../../scripts/cost/report.ts";
import { cellsOf, type Usage, usageOf, wholeMonthS } from "../../scripts/cost/usage.ts";
import { answerMsOf, batchesOf, chunksPerDay, meetingsOf, type Workload } from "../../scripts/cost/workload.ts";

const MILLION = 1_000_000;

const NOTHING: Usage = {
  messagesIn: 0,
  calls: 0,
  wakingCalls: 0,
  strangerCalls: 0,
  cellS: 0,
  alarmsSet: 0,
  alarmRuns: 0,
  rowsWritten: 0,
  rowsRead: 0,
  keptGB: 0,
  queueMessages: 0,
  batches: 0,
  storedGB: 0,
  redisCommands: 0,
  connects: 0,
  objectS: 0,
  logLines: 0,
};

/** 1,000 users of whom 100 are connected at once, with small round numbers. */
const SMALL: Workload = {
  mode: "exact",
  users: 1_000,
  online: 100,
  friends: 50,
  active: 5,
  near: 4,
  positionsPerDay: 1_000,
  sessionsPerDay: 2,
  meetings: 4.5,
  wakingPerPosition: null,
  answerMs: 200,
  history: true,
  index: false,
  strangersShare: 0,
  loggedShare: 0,
};
/** 100 people x 1,000 positions x 30 days. */
const POSITIONS = 3 * MILLION;
/** 1,000 users x 2 x 30 days. */
const SESSIONS = 60_000;

describe("prices", () => {
  test("each row names its price, its unit, where it is published and of which month it is", () => {
    expect(Object.keys(PRICES).length).toBeGreaterThan(0);
    for (const [meter, { usd, per, unit, source, asOf }] of Object.entries(PRICES)) {
      expect(usd, meter).toBeGreaterThan(0);
      expect([1, MILLION, 20 * MILLION], meter).toContain(per);
      expect(unit, meter).toMatch(/\w/);
      expect(source, meter).toMatch(
        /^https:\/\/(developers\.cloudflare\.com\/.+\/pricing\/|upstash\.com\/pricing\/redis)$/,
      );
      expect(asOf, meter).toMatch(/^20\d\d-(0[1-9]|1[0-2])$/);
    }
  });

  const cases: [meter: Meter, usdPerMillion: number][] = [
    ["objectRequest", 0.15],
    ["messageIn", 0.0075],
    ["duration", 12.5],
    ["rowWritten", 1],
    ["rowRead", 0.001],
    ["objectStorage", 200_000],
    ["workerRequest", 0.3],
    ["workerCpu", 0.02],
    ["logLine", 0.6],
    ["queueOperation", 0.4],
    ["objectStored", 4.5],
    ["storage", 15_000],
    ["redisCommand", 2],
  ];
  for (const [meter, usdPerMillion] of cases) {
    test(`a million units of ${meter} cost $${usdPerMillion}`, () => {
      expect(priceOf(meter, MILLION)).toBeCloseTo(usdPerMillion, 9);
      expect(priceOf(meter, 0)).toBe(0);
    });
  }

  test("every meter has a case above", () => {
    expect(cases.map(([meter]) => meter).toSorted()).toEqual(Object.keys(PRICES).toSorted());
  });

  test("an object that is billed all month costs $4.15", () => {
    expect(priceOf("duration", wholeMonthS(1) * OBJECT_GB)).toBeCloseTo(4.147, 3);
  });
});

describe("a bill", () => {
  const cases: [usage: Partial<Usage>, component: (typeof COMPONENTS)[number][0], usd: number][] = [
    [{ calls: 20 * MILLION }, "calls", 3],
    [{ wakingCalls: 2 * MILLION }, "wakingCalls", 0.3],
    [{ messagesIn: 20 * MILLION }, "messages", 0.15],
    [{ strangerCalls: 2 * MILLION }, "strangers", 0.3],
    // A million seconds of cells, at the same price as other objects.
    [{ cellS: MILLION }, "strangers", 1.6],
    // 1,000,000 s x 0.128 GB x $12.50 per million.
    [{ objectS: MILLION }, "duration", 1.6],
    // A row each, and a request for each that runs.
    [{ alarmsSet: 3 * MILLION, alarmRuns: 2 * MILLION }, "alarms", 3.3],
    [{ rowsWritten: 2 * MILLION, rowsRead: 500 * MILLION }, "rows", 2.5],
    [{ keptGB: 100 }, "stored", 20],
    // Three operations a message.
    [{ queueMessages: MILLION }, "queue", 1.2],
    // What is kept for a month.
    [{ storedGB: 100 }, "r2", 1.5],
    [{ redisCommands: MILLION }, "redis", 2],
    // The Worker's request and 2 ms of its CPU, and the object's request.
    [{ connects: MILLION }, "connects", 0.49],
    [{ logLines: 5 * MILLION }, "logs", 3],
  ];
  for (const [usage, component, usd] of cases) {
    test(`${component}: ${JSON.stringify(usage)} cost $${usd}, and nothing else does`, () => {
      const bill = billOf({ ...NOTHING, ...usage });
      expect(bill[component]).toBeCloseTo(usd, 9);
      expect(totalOf(bill)).toBeCloseTo(usd, 9);
    });
  }

  test("a batch is a run of the consumer and an object", () => {
    const bill = billOf({ ...NOTHING, batches: MILLION });
    // A request, and 10 ms of CPU at $0.02 per million ms.
    expect(bill.queue).toBeCloseTo(0.5, 9);
    expect(bill.r2).toBeCloseTo(4.5, 9);
    expect(totalOf(bill)).toBeCloseTo(5, 9);
  });

  test("every component has a case above, and a line in the table", () => {
    const bill = billOf(NOTHING);
    expect([...new Set(cases.map(([, component]) => component))].toSorted()).toEqual(Object.keys(bill).toSorted());
    expect(COMPONENTS.map(([name]) => name).toSorted()).toEqual(Object.keys(bill).toSorted());
  });
});

describe("the usage of a month", () => {
  test("this design: calls by meetings, an alarm and a chunk in ten minutes", () => {
    const usage = usageOf(SMALL, "this");
    // 1,000 positions a day are fewer than 20 in ten minutes: 144 chunks a day, and one at the end of each session.
    const chunks = 432_000 + SESSIONS;
    // 144 alarms a day of 100 people for 30 days, and the last one of each session.
    const alarmRuns = 432_000 + SESSIONS;
    expect(usage).toEqual({
      messagesIn: POSITIONS,
      calls: 4.5 * POSITIONS,
      wakingCalls: SESSIONS * (50 + 4),
      strangerCalls: 0,
      cellS: 0,
      alarmsSet: 432_000 + 2 * SESSIONS,
      alarmRuns,
      // Each chunk is inserted, and removed when it is 90 days old.
      rowsWritten: 2 * SESSIONS + 2 * chunks,
      // For each chunk those of the last four hours.
      rowsRead: alarmRuns * 4 + SESSIONS * 103 + chunks * 24,
      // 1,000 databases with 50 friends each, and the chunks of three months.
      keptGB: expect.closeTo((1_000 * (80_000 + 50 * 160) + 3 * chunks * 280) / 1e9, 9),
      queueMessages: chunks,
      // Six messages in 30 s: the wait ends each batch, not its size.
      batches: 86_400,
      storedGB: expect.closeTo((POSITIONS * 19.4) / 1e9, 9),
      redisCommands: 0,
      connects: SESSIONS,
      objectS: expect.closeTo(
        ((POSITIONS + SESSIONS) * 200 + (POSITIONS + 4.5 * POSITIONS + 54 * SESSIONS + alarmRuns) * 0.1) / 1_000,
        6,
      ),
      logLines: 0,
    });
  });

  test("with an index: calls to listed friends only, and two commands per wake and in ten minutes", () => {
    const [without, index] = [usageOf(SMALL, "this"), usageOf({ ...SMALL, index: true }, "this")];
    // 5 are active; of 50 who come twice a day, 1.39 have left within the last 20 minutes. 4 are told at the end.
    const lingering = (50 * 2 * 20) / (24 * 60);
    const questions = SESSIONS + 432_000;
    const waking = SESSIONS * (5 + lingering + 4);
    expect(index.wakingCalls).toBeCloseTo(waking, 6);
    expect(index.redisCommands).toBe(2 * questions);
    expect(index.rowsRead - without.rowsRead).toBe(questions * 50);
    const moreMs = questions * 20 + (waking - without.wakingCalls) * 0.1;
    expect(index.objectS - without.objectS).toBeCloseTo(moreMs / 1_000, 6);
    expect(usageOf({ ...SMALL, index: true }, "naive")).toEqual(usageOf(SMALL, "naive"));
  });

  test("with an index and measured calls: those to inactive friends are spared, but for who has just left", () => {
    const measured = { ...SMALL, index: true, wakingPerPosition: 0.9 };
    const lingering = (50 * 2 * 20) / (24 * 60);
    expect(usageOf(measured, "this").wakingCalls).toBeCloseTo(SESSIONS * (lingering + 4), 6);
  });

  test("with an index no more can be listed than there are friends", () => {
    const busy = { ...SMALL, index: true, sessionsPerDay: 1_000 };
    expect(usageOf(busy, "this").wakingCalls).toBeCloseTo(1_000 * 1_000 * 30 * (50 + 4), 3);
  });

  test("the naive design: a call per active friend, and a row, an alarm and a queue message per position", () => {
    expect(usageOf(SMALL, "naive")).toMatchObject({
      messagesIn: POSITIONS,
      calls: 5 * POSITIONS,
      wakingCalls: SESSIONS * 54,
      alarmsSet: POSITIONS + 2 * SESSIONS,
      alarmRuns: SESSIONS,
      rowsWritten: POSITIONS + 2 * SESSIONS,
      queueMessages: POSITIONS,
      batches: 0,
      storedGB: 0,
      connects: SESSIONS,
    });
  });

  test("without history neither design has a chunk, a queue message or an object", () => {
    const off: Workload = { ...SMALL, history: false };
    const nothing = {
      keptGB: expect.closeTo((1_000 * (80_000 + 50 * 160)) / 1e9, 9),
      queueMessages: 0,
      batches: 0,
      storedGB: 0,
    };
    expect(usageOf(off, "this")).toMatchObject({ ...nothing, rowsWritten: 2 * SESSIONS });
    expect(usageOf(off, "naive")).toMatchObject({ ...nothing, rowsWritten: POSITIONS + 2 * SESSIONS });
  });

  test("no chunk is empty, however many sessions there are", () => {
    const hasty: Workload = { ...SMALL, sessionsPerDay: 1_000 };
    expect(usageOf(hasty, "this").queueMessages).toBe(POSITIONS);
  });

  test("strangers: calls to cells for each position of somebody whom they may see, and as few cells as can be", () => {
    const [without, with10] = [usageOf(SMALL, "this"), usageOf({ ...SMALL, strangersShare: 0.1 }, "this")];
    expect(with10.strangerCalls).toBeCloseTo(POSITIONS * 0.1 * 3.03, 6);
    expect(with10.objectS - without.objectS).toBeCloseTo((POSITIONS * 0.1 * 3.03 * 0.1) / 1_000, 6);
    expect(with10.cellS).toBe(30 * 86_400);
    expect({ ...with10, strangerCalls: 0, cellS: 0, objectS: 0 }).toEqual({ ...without, objectS: 0 });
    // 4,000 people to a cell.
    const cells: [online: number, share: number, cells: number][] = [
      [100, 0, 0],
      [7_999, 0.5, 1],
      [8_000, 0.5, 1],
      [8_001, 0.5, 2],
    ];
    for (const [online, strangersShare, count] of cells) {
      expect(cellsOf({ ...SMALL, online, strangersShare }), `${online} x ${strangersShare}`).toBe(count);
    }
  });

  test("a measured number of waking calls replaces that of the sessions", () => {
    const usage = usageOf({ ...SMALL, wakingPerPosition: 0.5 }, "this");
    expect(usage.wakingCalls).toBe(0.5 * POSITIONS + 4 * SESSIONS);
  });

  test("an object waits once per position, however many calls are out, and not at all without one", () => {
    const quiet: Workload = { ...SMALL, sessionsPerDay: 0, answerMs: 1_000 };
    const waitedS = (meetings: number): number => {
      const { objectS, calls, alarmRuns } = usageOf({ ...quiet, meetings }, "this");
      return objectS - (POSITIONS + calls + alarmRuns) / 10_000;
    };
    expect(waitedS(0)).toBeCloseTo(0, 6);
    expect(waitedS(0.5)).toBeCloseTo(POSITIONS / 2, 3);
    expect(waitedS(1)).toBeCloseTo(POSITIONS, 3);
    expect(waitedS(50)).toBeCloseTo(POSITIONS, 3);
  });

  test("an object is never billed for more than the whole month", () => {
    const busy: Workload = { ...SMALL, positionsPerDay: 86_400, answerMs: 2_000 };
    expect(usageOf(busy, "this").objectS).toBe(100 * 30 * 86_400);
  });

  test("logs: a line for each invocation that is kept", () => {
    const usage = usageOf({ ...SMALL, loggedShare: 0.5 }, "this");
    const { strangerCalls } = usageOf({ ...SMALL, strangersShare: 1 }, "this");
    expect(usageOf({ ...SMALL, strangersShare: 1, loggedShare: 1 }, "this").logLines).toBe(
      2 * usage.logLines + strangerCalls,
    );
    const { logLines, messagesIn, calls, wakingCalls, alarmRuns, connects, batches } = usage;
    expect(logLines).toBe((messagesIn + calls + wakingCalls + alarmRuns + 2 * connects + batches) / 2);
  });
});

describe("chunks and batches", () => {
  test("a chunk per 20 positions or ten minutes, whichever comes first", () => {
    const cases: [positionsPerDay: number, chunks: number][] = [
      [145, 144],
      [288, 144],
      [2_880, 144],
      [2_900, 145],
      [86_400, 4_320],
    ];
    for (const [positions, chunks] of cases) expect(chunksPerDay(positions), String(positions)).toBe(chunks);
  });

  test("a batch per 100 messages or 30 s of each queue, whichever comes first, and none is empty", () => {
    const monthS = 30 * 86_400;
    const cases: [perS: number, batches: number][] = [
      [1 / 60, monthS / 60],
      [1 / 30, monthS / 30],
      [1, monthS / 30],
      [100 / 30, monthS / 30],
      [10, monthS / 10],
      [5_000, 50 * monthS],
      // Two queues, each with 25 full batches a second.
      [5_001, 50.01 * monthS],
    ];
    for (const [perS, batches] of cases) expect(batchesOf(perS * monthS), `${perS}/s`).toBeCloseTo(batches, 3);
    expect(batchesOf(0)).toBe(0);
  });
});

describe("answers", () => {
  test("one friend in another region is enough for the long wait", () => {
    expect(answerMsOf(0, 40)).toBe(30);
    expect(answerMsOf(1, 40)).toBe(300);
    expect(answerMsOf(0.5, 1)).toBe(165);
    // 1 - 0.99^40 = 0.331.
    expect(answerMsOf(0.01, 40)).toBeCloseTo(30 + 270 * 0.33103, 2);
    expect(answerMsOf(0.5, 0)).toBe(30);
  });
});

describe("meetings per position", () => {
  const sample = { active: 30, near: 20, meetings: 21 };

  test("the shares of near and far friends come from a measurement", () => {
    expect(farShare(sample)).toBeCloseTo(0.1, 12);
    expect(nearShare({ ...sample, meetings: 9 }, 0.1)).toBeCloseTo(0.4, 12);
  });

  test("they give back what was measured", () => {
    expect(meetingsOf("exact", TAXIS.exact)).toBeCloseTo(TAXIS.exact.meetings, 9);
    expect(meetingsOf("economy", TAXIS.economy)).toBeCloseTo(TAXIS.economy.meetings, 9);
    expect(meetingsOf("naive", TAXIS.exact)).toBe(TAXIS.exact.active);
  });

  test("with everybody near, exact meets each of them", () => {
    expect(meetingsOf("exact", { active: 40, near: 40 })).toBe(40);
    expect(meetingsOf("economy", { active: 40, near: 40 })).toBeLessThan(20);
    expect(meetingsOf("exact", { active: 0, near: 0 })).toBe(0);
  });
});

describe("the report", () => {
  const options = (serverDeliveriesPerS: number) => ({ ...readCostOptions([]), serverDeliveriesPerS });

  test("adds up, and puts the naive design beside it", () => {
    const { thisDesign, naive, naiveOverThis, callsShare, historyShare } = makeReport(SMALL, options(100));
    const sum = Object.values(thisDesign.usd).reduce((total, usd) => total + usd, 0);
    expect(thisDesign.totalUsd).toBeCloseTo(sum, 6);
    expect(thisDesign.usdPerUser).toBeCloseTo(sum / 1_000, 6);
    expect(thisDesign.usdPerOnline).toBeCloseTo(sum / 100, 6);
    expect(naiveOverThis).toBeCloseTo(naive.totalUsd / thisDesign.totalUsd, 3);
    const off = makeReport({ ...SMALL, history: false }, options(100));
    expect(off.historyShare).toBe(0);
    expect(historyShare).toBeCloseTo(1 - off.thisDesign.totalUsd / sum, 4);
    expect(callsShare).toBeCloseTo(thisDesign.usd.calls / sum, 4);
  });

  test("mode naive is the naive design", () => {
    const { thisDesign, naive, naiveOverThis } = makeReport({ ...SMALL, mode: "naive", meetings: 5 }, options(100));
    expect(thisDesign).toEqual(naive);
    expect(naiveOverThis).toBe(1);
  });

  test("counts what reaches an object, and what servers would have to deliver", () => {
    // A position every 86.4 s, and 4.5 calls made and received for each.
    const { eventsPerS, servers, thisDesign, durationIfIdleWereBilledUsd } = makeReport(SMALL, options(1));
    expect(eventsPerS).toBeCloseTo(5.5 / 86.4, 3);
    expect(durationIfIdleWereBilledUsd).toBeCloseTo(414.72, 2);
    // 100 people x 1,000 a day x 5 active / 86,400 s = 5.8 deliveries/s: 6 servers of 1/s.
    expect(servers).toMatchObject({ deliveriesPerS: 5.8, deliveriesPerSOfOne: 1, count: 6 });
    expect(servers.breakEvenUsdEach).toBeCloseTo(thisDesign.totalUsd / 6, 2);
  });
});
