import { describe, expect } from "vitest";
import * as v from "valibot";

import { request, test } from "../blackbox/helpers.ts";
import type { Answer, User, World } from "../blackbox/helpers.ts";
import { readData } from "./data-folder.ts";

/** Reports of one user without a pause: fewer than may come at once. */
const REPORTS_PER_USER = 15;

/** The server takes no time before 2000, nor one more than 24 hours ahead. */
const TST_MIN = 946_684_800;
const AHEAD_MAX_S = 86_400;

const NewDevice = v.looseObject({ id: v.string(), password: v.string() });
const History = v.looseObject({ points: v.array(v.looseObject({ lat: v.number(), lng: v.number(), ts: v.number() })) });

async function devicePassword(user: User, app: string): Promise<string> {
  const answer = await user.api("POST", "/v1/devices", { app });
  expect(answer.status, answer.text).toBe(201);
  return v.parse(NewDevice, answer.body).password;
}

async function historyOf(user: User): Promise<string[]> {
  const { points } = v.parse(History, (await user.api("GET", "/v1/history")).body);
  return points.map(({ lat, lng, ts }) => `${ts} ${lat} ${lng}`).toSorted();
}

const at = (lat: number, lng: number, ts: number): string => `${ts} ${round(lat)} ${round(lng)}`;
const round = (degrees: number): number => Math.round(degrees * 1e7) / 1e7;

interface Sample {
  readonly file: string;
  readonly type: string;
  readonly expectation: string;
  readonly bytes: Buffer;
}

function samples(): Sample[] {
  const [, ...lines] = readData("owntracks/MANIFEST.csv").toString("utf8").trim().split("\n");
  return lines.map((line) => {
    const [file = "", type = "", expectation = ""] = line.split(",");
    return { file, type, expectation, bytes: readData(`owntracks/${file}`) };
  });
}

const Location = v.looseObject({
  _type: v.literal("location"),
  lat: v.pipe(v.number(), v.minValue(-90), v.maxValue(90)),
  lon: v.pipe(v.number(), v.minValue(-180), v.maxValue(180)),
  tst: v.pipe(v.number(), v.safeInteger(), v.minValue(TST_MIN), v.maxValue(Date.now() / 1000 + AHEAD_MAX_S)),
});

/** The positions in a sample, as the history shows them. */
function positionsIn({ bytes }: Sample): string[] {
  const list = [parse(bytes.toString("utf8"))].flat();
  return list.flatMap((message) => {
    const parsed = v.safeParse(Location, message);
    return parsed.success ? [at(parsed.output.lat, parsed.output.lon, parsed.output.tst * 1000)] : [];
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Each sample once, by users who send a few of them each. */
async function inTurns<T>(
  world: World,
  app: string,
  all: readonly T[],
  report: (user: User, password: string, one: T) => Promise<void>,
): Promise<User[]> {
  const users: User[] = [];
  for (let start = 0; start < all.length; start += REPORTS_PER_USER) {
    const user = world.user(`${app}${start}`);
    users.push(user);
    const password = await devicePassword(user, app);
    for (const one of all.slice(start, start + REPORTS_PER_USER)) await report(user, password, one);
  }
  return users;
}

/** Says what upstream takes for good, of whatever origin it is. */
const isGoodUpstream = ({ expectation }: Sample): boolean => !/invalid|^empty|not JSON/i.test(expectation);

describe("what OwnTracks and its kin send", { timeout: 60_000 }, () => {
  test("[PHONE2][PHONE8] every sample is answered with a list, and every position of them is stored", async ({
    world,
  }) => {
    const all = samples();
    const expected: string[] = [];
    const users = await inTurns(world, "owntracks", all, async (user, password, sample) => {
      const response = await fetch(`${world.target.url}/owntracks`, {
        method: "POST",
        headers: { authorization: `Basic ${btoa(`${user.id}:${password}`)}` },
        body: new Uint8Array(sample.bytes),
      });
      expect([response.status, await response.text()], sample.file).toEqual([200, "[]"]);
      expected.push(...positionsIn(sample));
    });
    const stored = (await Promise.all(users.map(historyOf))).flat();
    // A user has one point of a time.
    expect([...new Set(stored)].toSorted()).toEqual([...new Set(expected)].toSorted());

    const good = all.filter((sample) => sample.type === "location" && isGoodUpstream(sample));
    const refused = good.filter((sample) => positionsIn(sample).length === 0).map(({ file }) => file);
    // A documented example without a time, and one of 1970.
    expect(refused.toSorted()).toEqual(["booklet__traccar_02_19.json", "schema__array-one.json"]);
    const bad = all.filter((sample) => !isGoodUpstream(sample));
    expect(bad.flatMap(positionsIn), "of what upstream refuses").toEqual([]);
    process.stdout.write(
      `owntracks corpus: ${all.length} samples, all answered 200 []; ${expected.length} positions sent, ` +
        `${stored.length} stored (${good.length - refused.length} of ${good.length} location samples that are good` +
        ` upstream), ${bad.length} samples bad upstream, none of them stored\n`,
    );
    expect(all.length).toBeGreaterThan(100);
    expect(expected.length).toBeGreaterThan(25);
  });
});

const Requests = v.object({
  requests: v.array(
    v.object({
      method: v.string(),
      path: v.string(),
      content_type: v.nullable(v.string()),
      body: v.nullable(v.string()),
      traccar_assertion: v.string(),
    }),
  ),
});

type OsmAndSample = v.InferOutput<typeof Requests>["requests"][number];

describe("what senders of the OsmAnd protocol send", { timeout: 60_000 }, () => {
  test("[PHONE3][PHONE8] every request with an identifier is 200 and empty, and every position is stored", async ({
    world,
  }) => {
    const { requests } = v.parse(Requests, parse(readData("osmand/traccar_osmand_requests.json").toString("utf8")));
    const hasId = ({ path, body }: OsmAndSample): boolean => /[?&](?:device)?id=/.test(path) || body !== null;
    const named = requests.filter(hasId);
    const users = await inTurns(world, "traccar", named, async (_user, password, sample) => {
      const answer = await send(world, withPassword(sample, password));
      expect([answer.status, answer.text], sample.path).toEqual([200, ""]);
    });
    const stored = (await Promise.all(users.map(historyOf))).flat();
    const places = stored.map((line) => line.split(" ").slice(1).join(" "));
    const positions = named.filter(({ traccar_assertion }) => traccar_assertion !== "verifyNotNull");
    for (const sample of positions) expect(places, sample.path).toContain(placeOf(sample));
    for (const sample of requests.filter((each) => !hasId(each))) {
      expect((await send(world, sample)).status, sample.path).toBe(401);
    }
    process.stdout.write(
      `osmand corpus: ${requests.length} requests, ${named.length} with an identifier, all 200; ${positions.length} with` +
        ` a position, ${new Set(stored).size} different ones stored; without an identifier ${requests.length - named.length}` +
        " (401)\n",
    );
    expect(new Set(stored).size).toBe(new Set(positions.map(momentOf)).size);
  });
});

function send(world: World, { method, path, content_type, body }: OsmAndSample): Promise<Answer> {
  return request(world.target, method, path.replace(/^\//, "/osmand"), {
    ...(body === null ? {} : { body }),
    ...(content_type === null ? {} : { headers: { "content-type": content_type } }),
  });
}

/** The same request from a phone whose identifier is this. */
function withPassword(sample: OsmAndSample, password: string): OsmAndSample {
  const path = sample.path.replace(/([?&](?:device)?id=)[^&]*/, `$1${password}`);
  if (sample.body === null) return { ...sample, path };
  const value: unknown = parse(sample.body);
  if (typeof value !== "object" || value === null) throw new Error("a body that is no JSON object");
  return { ...sample, path, body: JSON.stringify({ ...value, device_id: password }) };
}

function placeOf({ path, body }: OsmAndSample): string {
  const numbers =
    body === null
      ? [/[?&]lat=([-\d.]+)/.exec(path)?.[1], /[?&]lon=([-\d.]+)/.exec(path)?.[1]]
      : [/"latitude":([-\d.]+)/.exec(body)?.[1], /"longitude":([-\d.]+)/.exec(body)?.[1]];
  const [lat, lng] = numbers.some((one) => one === undefined)
    ? (/[?&]location=([-\d.,]+)/.exec(path)?.[1] ?? "").split(",")
    : numbers;
  return `${round(Number(lat))} ${round(Number(lng))}`;
}

/** Place and time as sent: two samples may be of the same moment. */
function momentOf(sample: OsmAndSample): string {
  const time = /timestamp(?:=|":")([^&"]+)/.exec(sample.body ?? sample.path)?.[1] ?? "now";
  // A user has one point of a time, whatever its place.
  return time === "now" ? `now ${placeOf(sample)}` : time;
}
