import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { parseGpx, placeOnTrack, readGpx } from "../../scripts/town/gpx.ts";
import { LINE_MAX_CHARS } from "../../scripts/town/lines.ts";
import { busiestHourS, readTracks, scheduleFrom } from "../../scripts/town/tracks.ts";

const dir = mkdtempSync(join(tmpdir(), "nearby-tracks-"));
afterAll(() => rmSync(dir, { recursive: true }));

const HEADER = "entity_id,unix_seconds,lat,lng";
let count = 0;

function file(content: string | Buffer): string {
  count += 1;
  const path = join(dir, `${count}.csv`);
  writeFileSync(path, content);
  return path;
}

describe("tracks", () => {
  test.each([
    ["plain", (text: string) => text],
    ["gzip, whatever the name says", (text: string) => gzipSync(text)],
    ["with a byte order mark and CRLF", (text: string) => `\u{FEFF}${text.replaceAll("\n", "\r\n")}`],
    ["without a last line end", (text: string) => text.trimEnd()],
  ])("%s", async (_title, make) => {
    const text = `${HEADER}\na,1212735767,37.78606,-122.41141\nb,1212735767.5,-90,180\na,1212735767,0,-180\n`;
    expect(await readTracks(file(make(text)))).toEqual({
      entities: ["a", "b"],
      fixes: [
        { entity: 0, atS: 1_212_735_767, lat: 37.78606, lng: -122.41141 },
        { entity: 1, atS: 1_212_735_767.5, lat: -90, lng: 180 },
        { entity: 0, atS: 1_212_735_767, lat: 0, lng: -180 },
      ],
    });
  });

  const GOOD = `${HEADER}\na,100,1,2\n`;
  test.each([
    ["an empty file", "", 0, "no fixes"],
    ["a header only", `${HEADER}\n`, 0, "no fixes"],
    ["no header", "a,100,1,2\n", 1, "the first line must be"],
    ["other columns", "entity_id,lat,lng,unix_seconds\n", 1, "the first line must be"],
    ["a column too few", `${GOOD}a,101,1\n`, 3, "4 columns expected, 3 found"],
    ["a column too many", `${GOOD}a,101,1,2,3\n`, 3, "4 columns expected, 5 found"],
    ["an empty line", `${GOOD}\na,101,1,2\n`, 3, "4 columns expected, 1 found"],
    ["a time that is no number", `${GOOD}a,noon,1,2\n`, 3, 'unix_seconds must be a decimal number, not "noon"'],
    ["no latitude", `${GOOD}a,101,,2\n`, 3, 'lat must be a decimal number, not ""'],
    ["NaN", `${GOOD}a,101,NaN,2\n`, 3, "lat must be a decimal number"],
    ["an exponent", `${GOOD}a,101,1e1,2\n`, 3, "lat must be a decimal number"],
    ["a number with a space", `${GOOD}a,101,1, 2\n`, 3, "lng must be a decimal number"],
    ["latitude out of range", `${GOOD}a,101,90.0001,2\n`, 3, "lat must be from -90 to 90"],
    ["longitude out of range", `${GOOD}a,101,1,-180.0001\n`, 3, "lng must be from -180 to 180"],
    ["milliseconds", `${GOOD}a,1212735767000,1,2\n`, 3, "unix_seconds must be from 0 to 4102444800"],
    ["an id that is no user id", `${GOOD}a b,101,1,2\n`, 3, "entity_id must be"],
    ["no id", `${GOOD},101,1,2\n`, 3, "entity_id must be"],
    ["an id of 59 characters", `${GOOD}${"x".repeat(59)},101,1,2\n`, 3, "entity_id must be"],
    ["times that go back", `${GOOD}b,50,1,2\na,99,1,2\n`, 4, "goes back for a"],
    ["bytes that are not UTF-8", Buffer.from([...Buffer.from(GOOD), 0xff, 0xfe, 0x0a]), 3, "not text"],
    ["zero bytes", Buffer.from([...Buffer.from(GOOD), 0, 0, 0x0a]), 3, "not text"],
    ["a line without end", `${GOOD}${"x".repeat(LINE_MAX_CHARS + 1)}`, 3, "characters long"],
    ["half a gzip file", gzipSync(GOOD + "a,200,1,2\n".repeat(9_999)).subarray(0, 60), undefined, "cannot be read on"],
  ])("refused with the line: %s", async (_title, content, line, reason) => {
    const refused = readTracks(file(content));
    await expect(refused).rejects.toMatchObject({ name: "FileError", message: expect.stringContaining(reason) });
    if (line !== undefined) await expect(refused).rejects.toMatchObject({ line });
  });

  test("an id of 58 characters is accepted", async () => {
    const { entities } = await readTracks(file(`${HEADER}\n${"x".repeat(58)},1,1,2\n`));
    expect(entities).toHaveLength(1);
  });

  test("a missing file and a directory are refused", async () => {
    await expect(readTracks(join(dir, "none.csv"))).rejects.toMatchObject({ name: "FileError", line: 0 });
    await expect(readTracks(dir)).rejects.toMatchObject({ name: "FileError", message: "is not a regular file" });
  });
});

describe("schedule", () => {
  const fix = (entity: number, atS: number, lat = 1, lng = 2) => ({ entity, atS, lat, lng });

  test("the busiest hour, the earlier one of equals", () => {
    expect(busiestHourS([fix(0, 7200), fix(0, 7300), fix(0, 10_900), fix(0, 11_000), fix(0, 20_000)])).toBe(7200);
    expect(busiestHourS([fix(0, 3599), fix(0, 3600), fix(0, 7199)])).toBe(3600);
  });

  test("begins with where everybody was lately and goes on in order of time", () => {
    const fixes = [
      fix(0, 100),
      fix(0, 950),
      fix(0, 1100),
      fix(1, 399),
      fix(1, 1050),
      fix(2, 400),
      fix(2, 1000),
      fix(2, 1200),
    ];
    const schedule = scheduleFrom({ entities: ["a", "b", "c"], fixes }, 1000, 600);
    expect(schedule.fixes.map(({ entity, atS }) => [entity, atS])).toEqual([
      [0, 0],
      [2, 0],
      [1, 50],
      [0, 100],
      [2, 200],
    ]);
  });

  test("the centre is the median of the first hour", () => {
    const fixes = [fix(0, 1001, 10, -1), fix(0, 1002, 30, -3), fix(0, 1003, 20, -2), fix(0, 1000 + 3601, 80, -80)];
    expect(scheduleFrom({ entities: ["a"], fixes }, 1000, 600).centre).toEqual({ lat: 20, lng: -2 });
  });
});

describe("GPX", () => {
  const at = (lat: string, lon: string, time = "") => `<trkpt lat="${lat}" lon="${lon}">${time}</trkpt>\n`;

  test("reads track points with and without times", async () => {
    const path = file(
      `<?xml version="1.0"?>\n<gpx><trk><trkseg>\n${at("1.5", "-2", "<time>2026-01-31T12:00:00Z</time>")}<trkpt lon='3' lat='+2.25'/></trkseg></trk></gpx>`,
    );
    expect(await readGpx(path)).toEqual([
      { lat: 1.5, lng: -2, atMs: Date.UTC(2026, 0, 31, 12) },
      { lat: 2.25, lng: 3, atMs: undefined },
    ]);
  });

  test.each([
    ["no point", "<gpx></gpx>", 0, "no <trkpt>"],
    ["no lon", `<gpx>\n<trkpt lat="1"></trkpt>`, 2, "without lon"],
    ["a latitude of 91", `\n\n${at("91", "0")}`, 3, "lat must be from -90 to 90"],
    ["a longitude of words", at("1", "east"), 1, 'not "east"'],
    ["a point that is not closed", `<trkpt lat="1" lon="2">`, 1, "not closed"],
    ["a bad time", at("1", "2", "<time>noon</time>"), 1, "<time> must look like"],
    [
      "a time that goes back",
      `${at("1", "2", "<time>2026-01-31T12:00:00Z</time>")}${at("1", "2", "<time>2026-01-31T11:00:00Z</time>")}`,
      2,
      "goes back",
    ],
    ["a comment", `\n<!-- ${at("1", "2")} -->`, 2, "not supported"],
  ])("refused with the line: %s", (_title, text, line, reason) => {
    expect(() => parseGpx(text)).toThrow(expect.objectContaining({ line, message: expect.stringContaining(reason) }));
  });

  test("with times the place is between the points, then the last one", () => {
    const points = [
      { lat: 0, lng: 0, atMs: 1000 },
      { lat: 2, lng: 4, atMs: 3000 },
    ];
    expect(placeOnTrack(points, 0, 30_000)).toMatchObject({ lat: 0, lng: 0 });
    expect(placeOnTrack(points, 500, 30_000)).toEqual({ lat: 0.5, lng: 1 });
    expect(placeOnTrack(points, 9000, 30_000)).toMatchObject({ lat: 2, lng: 4 });
  });

  test("across the antimeridian nobody goes around the globe", () => {
    const points = [
      { lat: 0, lng: 179.9, atMs: 0 },
      { lat: 0, lng: -179.9, atMs: 1000 },
    ];
    expect(placeOnTrack(points, 400, 1).lng).toBe(179.9);
    expect(placeOnTrack(points, 600, 1).lng).toBe(-179.9);
  });

  test("without times every update takes the next point", () => {
    const points = [0, 1, 2].map((lat) => ({ lat, lng: 0, atMs: undefined }));
    expect([0, 29_999, 30_000, 60_000, 900_000].map((ms) => placeOnTrack(points, ms, 30_000).lat)).toEqual([
      0, 0, 1, 2, 2,
    ]);
  });
});
