import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import type { ViewState } from "../../scripts/terminal/state.ts";
import { initial } from "../../scripts/terminal/radar.ts";
import { render } from "../../scripts/terminal/render.ts";
import { plainLine, summaryLine } from "../../scripts/terminal/show.ts";
import { clean, clip, columnsOf, padEnd, padStart } from "../../scripts/terminal/width.ts";
import { ageText, arrow, bearingDeg, distanceText, unitsOf } from "../../scripts/terminal/words.ts";
import { distanceM } from "../../src/geo/distance.ts";
import type { Place } from "../../src/geo/place.ts";

const NOW_MS = 1_800_000_000_000;
const HOME: Place = { lat: 37.5512, lng: 126.9882 };

function friend(id: string, place: Place, extra: { name?: string; ts?: number } = {}) {
  const distance = Math.round(distanceM(HOME, place) * 10) / 10;
  return { id, ...place, ts: NOW_MS - 12_000, distance, precision: "exact" as const, ...extra };
}

function state(extra: Partial<ViewState> = {}): ViewState {
  return {
    title: "Namsan Park, Seoul",
    user: "visitor",
    place: HOME,
    radiusM: 8046.72,
    friends: [],
    trails: new Map(),
    status: { state: "online" },
    statusSinceMs: NOW_MS,
    log: [],
    strangers: 0,
    updatesPerS: 0,
    units: "metric",
    hint: "Ctrl-C ends",
    ...extra,
  };
}

function frame(view: ViewState, columns = 80, rows = 24): string[] {
  return render(view, { columns, rows, nowMs: NOW_MS, color: false }).split("\n");
}

function crowd(count: number) {
  return Array.from({ length: count }, (_, i) => {
    const name = ["김지민", "Ana Bek", "Straße Łukasz", "日本太郎さんの長い名前です", "👩🏽‍🚀 Zoë"][i % 5] ?? "";
    return friend(`f${i}`, { lat: HOME.lat + Math.sin(i) * 0.07, lng: HOME.lng + Math.cos(i) * 0.08 }, { name });
  });
}

describe("frame", () => {
  test.each([
    [80, 24],
    [120, 35],
    [200, 60],
    [73, 24],
    [40, 10],
    [12, 4],
    [80, 2],
  ])("fills %i x %i and no line is wider, with names of every width", (columns, rows) => {
    const log = Array.from({ length: 20 }, () => ({ atMs: NOW_MS, kind: "appeared" as const, text: "김".repeat(90) }));
    const lines = frame(state({ friends: crowd(60), log }), columns, rows);
    expect(lines).toHaveLength(rows);
    for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(columns);
  });

  test("colour changes nothing but colour", () => {
    const view = state({ friends: crowd(30), log: [{ atMs: NOW_MS, kind: "left", text: "Ana left" }] });
    const colored = render(view, { columns: 80, rows: 24, nowMs: NOW_MS, color: true });
    expect(colored).toContain("\u{1B}[");
    expect(stripVTControlCharacters(colored)).toBe(frame(view).join("\n"));
    expect(frame(view).join("\n")).not.toContain("\u{1B}");
  });

  test("shows name, distance, direction and age", () => {
    const north = friend("a", { lat: HOME.lat + 0.02, lng: HOME.lng }, { name: "Ana Bek" });
    const line = frame(state({ friends: [north] })).find((text) => text.includes("Ana Bek")) ?? "";
    expect(line).toMatch(/A {2}Ana Bek +2\.22 km +↑ +12 s ago/);
  });

  test("the list says how many did not fit", () => {
    const lines = frame(state({ friends: crowd(60) }));
    expect(lines.join("\n")).toContain("and 47 more, farther away");
  });

  test("friends stand where they are: north above the viewer, east to the right, inside the ring", () => {
    const friends = [
      friend("n", { lat: HOME.lat + 0.036, lng: HOME.lng }, { name: "North" }),
      friend("e", { lat: HOME.lat, lng: HOME.lng + 0.046 }, { name: "East" }),
    ];
    const map = frame(state({ friends }), 80, 24)
      .slice(1, 16)
      .map((line) => line.slice(0, 36));
    const find = (char: string) => {
      const row = map.findIndex((line) => line.includes(char));
      return { row, column: map[row]?.indexOf(char) ?? -1 };
    };
    const viewer = find("@");
    expect(viewer).toEqual({ row: 7, column: 18 });
    expect(find("N").column).toBe(viewer.column);
    expect(find("N").row).toBe(viewer.row - 4);
    expect(find("E")).toEqual({ row: viewer.row, column: viewer.column + 7 });
  });

  test("a ring of the radius surrounds the map", () => {
    const map = frame(state(), 80, 24)
      .slice(1, 16)
      .map((line) => line.slice(0, 36));
    const widths = map.map((line) => line.trimEnd().length - line.search(/\S/));
    expect(Math.max(...widths)).toBeGreaterThanOrEqual(28);
    expect(map.every((line) => /[\u2801-\u28FF]/.test(line))).toBe(true);
  });

  test("what others call themselves cannot steer the terminal", () => {
    const name = "\u{1B}[2J\u{9B}31mEve\u{202E}\r\n\u{7}";
    const text = frame(state({ friends: [friend("e", HOME, { name })], user: name })).join("");
    expect(text).toContain("[2J31mEve");
    expect(text).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  test("without an own position the list takes the width and shows no direction", () => {
    const lines = frame(state({ place: undefined, friends: [friend("a", HOME, { name: "Ana" })] }));
    expect(lines[2]).toMatch(/^ A {2}Ana/);
    expect(lines.join("")).not.toMatch(/[↑→↓←@]/);
  });

  test("the status line counts down to the next attempt", () => {
    const status = { state: "waiting", retryInMs: 4_000, code: 1006, reason: "no answer" } as const;
    const lines = frame(state({ status, statusSinceMs: NOW_MS - 1_000 }));
    expect(lines.at(-1)).toContain("offline (1006, no answer), next attempt in 3 s");
    expect(frame(state({ strangers: 2 })).at(-1)).toContain("updates/s · 2 strangers nearby");
  });
});

describe("plain lines", () => {
  test("one line an event, one for the whole view", () => {
    expect(plainLine({ atMs: NOW_MS, kind: "appeared", text: "Ana appeared" })).toMatch(
      /^\d\d:\d\d:\d\d \+ Ana appeared$/,
    );
    const view = state({ friends: [friend("a", HOME, { name: "Ana" })], updatesPerS: 2.5 });
    expect(summaryLine(view, NOW_MS)).toMatch(/ = online; 1 near, nearest: Ana 0 m; 2\.5 updates\/s$/);
    const among = (strangers: number): string => summaryLine({ ...view, strangers }, NOW_MS);
    expect(among(1)).toContain("Ana 0 m; 1 stranger nearby; 2.5");
    expect(among(12)).toContain("; 12 strangers nearby; ");
  });
});

describe("columns", () => {
  test.each([
    ["Ana", 3],
    ["김지민", 6],
    ["ｱﾅ", 2],
    ["e\u{301}", 1],
    ["👍", 2],
    ["🇰🇷", 2],
    ["…─⣿", 3],
  ])("%s takes %i", (text, columns) => {
    expect(columnsOf(text)).toBe(columns);
  });

  test("cutting never splits a wide character", () => {
    expect(clip("김지민", 6)).toBe("김지민");
    expect(clip("김지민", 5)).toBe("김지…");
    expect(clip("김지민", 4)).toBe("김…");
    expect(clip("김지민", 0)).toBe("");
    expect(padEnd("김지민", 4)).toBe("김… ");
    expect(padStart("김", 4)).toBe("  김");
  });

  test("a marker is one character that can stand alone", () => {
    expect(initial(" ßen")).toBe("ß");
    expect(initial("\u{200B}ana")).toBe("A");
    expect(initial("\u{301}")).toBe("?");
    expect(clean("a\u{200D}b")).toBe("ab");
  });
});

describe("words", () => {
  test.each([
    [0, "0 m"],
    [999.4, "999 m"],
    [999.5, "1.00 km"],
    [8046.72, "8.05 km"],
    [9_994.9, "9.99 km"],
    [9_995, "10.0 km"],
  ])("%d m is %s", (metres, text) => {
    expect(distanceText(metres, "metric")).toBe(text);
  });

  test("miles where people drive in miles", () => {
    expect(distanceText(8046.72, "miles")).toBe("5.00 mi");
    expect(distanceText(100, "miles")).toBe("328 ft");
    expect(unitsOf({ LANG: "en_US.UTF-8" })).toBe("miles");
    expect(unitsOf({ LANG: "en_US.UTF-8", LC_ALL: "de_DE.UTF-8" })).toBe("metric");
    expect(unitsOf({})).toBe("metric");
  });

  test("ages", () => {
    expect([-5, 0, 1_000, 59_999, 60_000, 3_600_000].map(ageText)).toEqual([
      "now",
      "now",
      "1 s ago",
      "59 s ago",
      "1 min ago",
      "1 h ago",
    ]);
  });

  test("bearings and arrows, also across the antimeridian", () => {
    expect(bearingDeg({ lat: 0, lng: 179.9 }, { lat: 0, lng: -179.9 })).toBeCloseTo(90);
    expect(bearingDeg({ lat: 10, lng: 5 }, { lat: 0, lng: 5 })).toBeCloseTo(180);
    expect([0, 22, 23, 90, 337, 338, 359.9].map(arrow)).toEqual(["↑", "↑", "↗", "→", "↖", "↑", "↑"]);
  });
});
