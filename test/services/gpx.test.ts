/** A taxi's day, sent to a real server, exported as GPX and read by gpsbabel: the points must be the same. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Backend, startBackend } from "../../scripts/serve/backend.ts";
import { request, signToken, User } from "../blackbox/helpers.ts";
import { readData } from "../data/data-folder.ts";

/** The taxi of the data set with the most positions: 2,108, which are three pages. */
const TAXI = "upthin";
const SECRET = "a-secret-that-only-tests-know-0123456789";
const POINTS_PER_REQUEST = 100;

interface Point {
  readonly lat: number;
  readonly lng: number;
  readonly ts: number;
}

const dir = mkdtempSync(join(tmpdir(), "nearby-gpx-"));
let backend: Backend | undefined;

beforeAll(async () => {
  backend = await startBackend({ port: 0, memory: true, env: { AUTH_SECRET: SECRET } });
}, 60_000);

afterAll(async () => {
  await backend?.stop();
  rmSync(dir, { recursive: true });
});

/** Milliseconds that the data set does not have are added: an export may not round times to seconds. */
function taxiTrack(): Point[] {
  const lines = gunzipSync(readData("tracks/cabspotting_sf_24h.csv.gz")).toString("utf8").split("\n");
  return lines
    .map((line) => line.split(","))
    .filter(([entity]) => entity === TAXI)
    .map(([, atS, lat, lng], n) => ({ lat: Number(lat), lng: Number(lng), ts: Number(atS) * 1000 + (n % 1000) }));
}

/** What gpsbabel finds in GPX files, through its own CSV. */
async function readByGpsbabel(files: readonly string[]): Promise<Point[]> {
  const inputs = files.flatMap((file) => ["-i", "gpx", "-f", file]);
  const args = ["-t", ...inputs, "-o", "unicsv,utc=0,prec=7", "-F", "-"];
  const { stdout } = await promisify(execFile)("gpsbabel", args, { maxBuffer: 2 ** 24, timeout: 30_000 }).catch(
    (error: unknown) => {
      const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
      throw isMissing ? new Error("gpsbabel is missing: install it (Debian: apt-get install gpsbabel)") : error;
    },
  );
  const [header, ...rows] = stdout.trimEnd().split(/\r?\n/);
  expect(header).toBe("No,Latitude,Longitude,Date,Time");
  return rows.map((row) => {
    const [, lat, lng, date, time] = row.split(",");
    return { lat: Number(lat), lng: Number(lng), ts: Date.parse(`${date?.replaceAll("/", "-")}T${time}Z`) };
  });
}

test("gpsbabel reads every point of a taxi's exported day", { timeout: 60_000 }, async () => {
  const track = taxiTrack();
  expect(track.length).toBeGreaterThan(2_000);
  const target = { url: backend?.url ?? "", secret: SECRET };
  const driver = new User(target, TAXI, []);
  for (let start = 0; start < track.length; start += POINTS_PER_REQUEST) {
    const points = track.slice(start, start + POINTS_PER_REQUEST);
    const answer = await driver.api("POST", "/v1/location", { points });
    expect(answer.status, answer.text).toBe(202);
  }

  const token = await signToken(target, TAXI);
  const files: string[] = [];
  for (let query: string | undefined = "?format=gpx"; query !== undefined;) {
    const page = await request(target, "GET", `/v1/history${query}`, { token });
    expect(page.status, page.text).toBe(200);
    const file = join(dir, `${files.length}.gpx`);
    writeFileSync(file, page.text);
    files.push(file);
    query = /^<([^>]*)>; rel="next"$/.exec(page.headers.get("link") ?? "")?.[1];
  }
  expect(files).toHaveLength(3);
  expect(await readByGpsbabel(files)).toEqual(track);
});
