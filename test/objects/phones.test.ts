import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";

import type { PhoneAnswer, PhoneReport, PhoneSource, PhoneViewer } from "../../durable-objects/user/rpc-types.ts";
import { roundPlace } from "../../src/geo/place.ts";
import type { Place } from "../../src/geo/place.ts";
import { DEVICES_MAX, OWNTRACKS_REST_MS, PHONE_REPORT_BURST, PHONE_REPORTS_PER_S } from "../../src/protocol/limits.ts";
import { meter, bill } from "./crowd.ts";
import {
  alarmOf,
  ask,
  befriend,
  callerOf,
  Client,
  closeAll,
  crash,
  crashOne,
  DAY_MS,
  heal,
  HOME,
  INACTIVE_AFTER_MS,
  later,
  nearbyOf,
  north,
  objectOf,
  PACE_MS,
  RADIUS_M,
  rowsOf,
  settled,
  someone,
  stopClock,
  watchCalls,
} from "./people.ts";

beforeAll(() => {
  stopClock();
  watchCalls();
});

afterEach(async () => {
  heal();
  vi.restoreAllMocks();
  await closeAll();
});

const IPHONE: PhoneViewer = { device: "iphone", hearsTransitions: true };
const ANDROID: PhoneViewer = { device: "android", hearsTransitions: false };

async function addDevice(user: string, id: string): Promise<PhoneSource> {
  expect(await objectOf(user).createDevice(callerOf(user), { id, app: "owntracks" })).toMatchObject({ id });
  return { device: id };
}

/** A report of OwnTracks from this place, now. */
function ownTracks(place: Place, more: Partial<PhoneReport> & { ts?: number } = {}): PhoneReport {
  const { ts = Date.now(), ...rest } = more;
  return { points: [{ ...place, ts }], invalid: 0, restMs: OWNTRACKS_REST_MS, viewer: ANDROID, ...rest };
}

function send(user: string, report: PhoneReport): Promise<PhoneAnswer> {
  return objectOf(user).phone({ caller: callerOf(user) }, report);
}

function shownIn(answer: PhoneAnswer) {
  if ("refused" in answer) throw new Error(answer.refused);
  return answer;
}

describe("devices", () => {
  test("[PASS2] 20 of a user may have a password; whoever removes one may have another", async () => {
    const ann = someone("ann");
    const add = (n: number) => objectOf(ann).createDevice(callerOf(ann), { id: `d${n}`, app: "traccar", name: `${n}` });
    for (let n = 1; n <= DEVICES_MAX; n += 1) expect(await add(n)).toMatchObject({ id: `d${n}`, app: "traccar" });
    expect(await add(DEVICES_MAX + 1)).toEqual({ refused: "device_limit" });
    expect(await objectOf(ann).listDevices(callerOf(ann))).toHaveLength(DEVICES_MAX);
    expect(await objectOf(ann).revokeDevice(callerOf(ann), "d7")).toBe(true);
    expect(await objectOf(ann).revokeDevice(callerOf(ann), "d7")).toBe(false);
    expect(await add(DEVICES_MAX + 1)).toMatchObject({ id: "d21" });
    expect(await add(DEVICES_MAX + 2)).toEqual({ refused: "device_limit" });
  });

  test("[PASS3] are listed with their names, the oldest first, also after a restart", async () => {
    const ann = someone("ann");
    const add = (id: string, name?: string) =>
      objectOf(ann).createDevice(callerOf(ann), { id, app: "owntracks", ...(name === undefined ? {} : { name }) });
    await add("b", "Old phone");
    later(1);
    await add("a");
    const listed = [
      { id: "b", app: "owntracks", name: "Old phone", createdAt: Date.now() - 1 },
      { id: "a", app: "owntracks", createdAt: Date.now() },
    ];
    expect(await objectOf(ann).listDevices(callerOf(ann))).toEqual(listed);
    await crashOne(ann);
    expect(await objectOf(ann).listDevices(callerOf(ann))).toEqual(listed);
    expect(await objectOf(someone("bob")).listDevices(callerOf("bob"))).toEqual([]);
  });

  test("[PASS4][PHONE1] a report is taken until the password is ended, and after a restart as well", async () => {
    const ann = someone("ann");
    const phone = await addDevice(ann, "phone");
    const report = () => objectOf(ann).phone(phone, ownTracks(HOME));
    expect(await report()).toMatchObject({ friends: [] });
    expect(await objectOf(ann).phone({ device: "other" }, ownTracks(HOME))).toEqual({ refused: "unknown_device" });
    await crashOne(ann);
    expect(await report()).toMatchObject({ friends: [] });
    await objectOf(ann).revokeDevice(callerOf(ann), "phone");
    expect(await report()).toEqual({ refused: "unknown_device" });
    await crashOne(ann);
    expect(await report()).toEqual({ refused: "unknown_device" });
  });

  test("[PASS4] an account that ends takes them along", async () => {
    const ann = someone("ann");
    const phone = await addDevice(ann, "phone");
    await objectOf(ann).deleteAccount(callerOf(ann));
    expect(await objectOf(ann).phone(phone, ownTracks(HOME))).toEqual({ refused: "unknown_device" });
    expect(await rowsOf(ann, "SELECT * FROM device")).toEqual([]);
  });

  test("[PASS5] a guessed name gets no storage by a report", async () => {
    const guessed = someone("guessed");
    expect(await objectOf(guessed).phone({ device: "phone" }, ownTracks(HOME))).toEqual({ refused: "unknown_device" });
    expect(await rowsOf(guessed, "SELECT name FROM sqlite_master WHERE name = 'device'")).toEqual([]);
    expect(await alarmOf(guessed)).toBeNull();
  });
});

describe("[PHONE8] the pace of reports", () => {
  test("20 at once, the 21st is to come again, and one more in each 50 ms", async () => {
    const ann = someone("ann");
    const start = Date.now();
    for (let n = 1; n <= PHONE_REPORT_BURST; n += 1) {
      expect(await send(ann, ownTracks(HOME, { ts: start - n * 1000 })), `report ${n}`).toMatchObject({ friends: [] });
    }
    const late = ownTracks(HOME, { ts: start - DAY_MS });
    expect(await send(ann, late)).toEqual({ refused: "too_fast", retryAfterS: 1 / PHONE_REPORTS_PER_S });
    later(1_000 / PHONE_REPORTS_PER_S - 1);
    expect(await send(ann, late)).toMatchObject({ refused: "too_fast" });
    later(1);
    expect(await send(ann, late)).toMatchObject({ friends: [] });
    expect(await send(ann, late)).toMatchObject({ refused: "too_fast" });
    const { points } = await objectOf(ann).history(callerOf(ann), { from: 0, to: Number.MAX_SAFE_INTEGER, limit: 100 });
    expect(points).toHaveLength(PHONE_REPORT_BURST + 1);
  });

  test("[PHONE2] what nobody can use is counted, and leaves no row, no alarm and no line", async () => {
    const ann = someone("ann");
    await objectOf(ann).getProfile(callerOf(ann));
    const log = vi.spyOn(console, "error");
    const alarm = await alarmOf(ann);
    const spent = await meter(ann);
    const junk = { points: [], invalid: 1, restMs: OWNTRACKS_REST_MS, viewer: ANDROID };
    for (let n = 0; n < 5; n += 1) {
      expect(await send(ann, junk)).toEqual({ friends: [], transitions: [] });
      later(100);
    }
    expect(await send(ann, { ...junk, invalid: 0 })).toEqual({ friends: [], transitions: [] });
    const { attachmentBytes: _, ...billed } = await spent();
    expect(billed).toEqual(bill({ invalidReports: 5 }));
    expect(await alarmOf(ann)).toBe(alarm);
    expect(log).not.toHaveBeenCalled();
  });
});

describe("[PHONE9] deadlines", () => {
  test("OwnTracks at rest is active for 25 minutes, to the millisecond", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    await befriend(ann, bob);
    await send(ann, ownTracks(HOME));
    later(INACTIVE_AFTER_MS + OWNTRACKS_REST_MS - 1);
    expect(await ask(ann, bob)).toMatchObject({ kind: "active" });
    later(1);
    expect(await ask(ann, bob)).toMatchObject({ kind: "away", reason: "inactive" });
  });

  test("Traccar Client for 10, like everybody else", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    await befriend(ann, bob);
    await send(ann, ownTracks(HOME, { restMs: 0, viewer: null }));
    later(INACTIVE_AFTER_MS - 1);
    expect(await ask(ann, bob)).toMatchObject({ kind: "active" });
    later(1);
    expect(await ask(ann, bob)).toMatchObject({ kind: "away", reason: "inactive" });
  });

  test("[FAIL3] the deadline is in the row that is kept without a socket", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    await befriend(ann, bob);
    await send(ann, ownTracks(HOME));
    later(INACTIVE_AFTER_MS + 1);
    await crashOne(ann);
    expect(await ask(ann, bob)).toMatchObject({ kind: "active", sighting: { ...HOME } });
    expect(await alarmOf(ann)).toBeLessThanOrEqual(Date.now() + OWNTRACKS_REST_MS - 1);
    later(OWNTRACKS_REST_MS - 2);
    await crashOne(ann);
    expect(await ask(ann, bob)).toMatchObject({ kind: "active" });
    later(1);
    await crashOne(ann);
    expect(await ask(ann, bob)).toMatchObject({ kind: "away", reason: "inactive" });
  });

  test("[FAIL3] the alarm between the two deadlines leaves the user active, and the last one does not", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    await befriend(ann, bob);
    await send(ann, ownTracks(HOME));
    const until = Date.now() + INACTIVE_AFTER_MS + OWNTRACKS_REST_MS;
    for (let at = (await alarmOf(ann)) ?? 0; at < until; at = (await alarmOf(ann)) ?? until) {
      later(at - Date.now());
      await runDurableObjectAlarm(objectOf(ann));
      expect(await ask(ann, bob)).toMatchObject({ kind: "active" });
    }
    later(until - Date.now());
    await runDurableObjectAlarm(objectOf(ann));
    expect(await ask(ann, bob)).toMatchObject({ kind: "away", reason: "inactive" });
  });

  test("a page that comes and goes does not end it, and a position of it does not shorten it", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    await befriend(ann, bob);
    await send(ann, ownTracks(HOME));
    const until = Date.now() + INACTIVE_AFTER_MS + OWNTRACKS_REST_MS;
    const page = await Client.open(ann);
    later(PACE_MS);
    page.move(north(10));
    await page.synced();
    await page.close();
    later(until - Date.now() - 1);
    expect(await ask(ann, bob)).toMatchObject({ kind: "active", sighting: { ...north(10) } });
    later(1);
    expect(await ask(ann, bob)).toMatchObject({ kind: "away" });
  });

  test("[FAIL3] a crash with a page open: the alarm of 25 minutes says that the user may be there", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    await befriend(ann, bob);
    // Its token outlives the deadline, so that nothing needs an earlier alarm.
    await Client.open(ann, { lifetimeMs: DAY_MS });
    await runDurableObjectAlarm(objectOf(ann));
    await send(ann, ownTracks(HOME));
    later(PACE_MS);
    await crash();
    expect((await alarmOf(ann)) ?? 0).toBeLessThanOrEqual(Date.now() + INACTIVE_AFTER_MS + OWNTRACKS_REST_MS);
    expect(await ask(ann, bob)).toMatchObject({ kind: "unsure" });
  });

  test("[PHONE2] a fix is live if it is at most 25 minutes old, and history after that", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    await befriend(ann, bob);
    await send(bob, ownTracks(north(100)));
    const limit = INACTIVE_AFTER_MS + OWNTRACKS_REST_MS;
    const old = await send(ann, ownTracks(HOME, { ts: Date.now() - limit - 1 }));
    expect(old).toEqual({ friends: [], transitions: [] });
    expect(await ask(ann, bob)).toMatchObject({ kind: "away" });
    expect(shownIn(await send(ann, ownTracks(HOME, { ts: Date.now() - limit }))).friends).toHaveLength(1);
    // What is asked in somebody's name must be newer than what their own object has said.
    later(1_000);
    expect(await ask(ann, bob)).toMatchObject({ kind: "active" });
  });
});

describe("who is shown", () => {
  test("[PHONE5] friends who are near, the nearest first, and nobody else", async () => {
    const names = ["far", "near", "edge", "beyond"] as const;
    const metres = { near: 100, far: 5_000, edge: RADIUS_M - 1, beyond: RADIUS_M + 1 };
    const ann = someone("ann");
    const friends = Object.fromEntries(names.map((name) => [name, someone(name)]));
    for (const name of names) {
      const friend = friends[name] ?? "";
      await befriend(ann, friend);
      await send(friend, ownTracks(roundPlace(north(metres[name]))));
    }
    const { friends: shown } = shownIn(await send(ann, ownTracks(HOME)));
    expect(shown.map(({ name }) => name)).toEqual([friends["near"], friends["far"], friends["edge"]]);
    expect(shown[0]).toEqual({
      tid: "NE",
      name: friends["near"],
      ...north(100),
      ts: Date.now(),
      precision: "exact",
    });
    expect(await nearbyOf(ann)).toHaveLength(3);
  });

  test("[PHONE4] a tid stays when the name changes, the object restarts and another of that name comes", async () => {
    const [ann, bob, other] = [someone("ann"), someone("bob"), someone("bob")];
    await befriend(ann, bob);
    await objectOf(bob).patchProfile(callerOf(bob), { name: "Bob Miller", avatar: "https://img.example/b.png" });
    await send(bob, ownTracks(north(100)));
    const tidsOf = async (): Promise<[string, string][]> => {
      later(PACE_MS);
      return shownIn(await send(ann, ownTracks(HOME))).friends.map(({ name, tid }) => [name, tid]);
    };
    expect(await tidsOf()).toEqual([["Bob Miller", "BM"]]);
    await objectOf(bob).patchProfile(callerOf(bob), { name: "Zoe" });
    later(PACE_MS);
    await send(bob, ownTracks(north(100)));
    expect(await tidsOf()).toEqual([["Zoe", "BM"]]);
    await crashOne(ann);
    expect(await tidsOf()).toEqual([["Zoe", "BM"]]);
    await befriend(ann, other);
    await objectOf(other).patchProfile(callerOf(other), { name: "Bea Mo" });
    await send(other, ownTracks(north(200)));
    await settled();
    expect(await tidsOf()).toEqual([
      ["Zoe", "BM"],
      ["Bea Mo", "BM2"],
    ]);
    const spent = await meter(ann);
    await tidsOf();
    expect((await spent()).rowsWritten, "the row kept without a socket, and nothing of tids").toBe(1);
  });

  test("[PHONE4] it is not the one that the phone has for its own user", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    await befriend(ann, bob);
    await send(bob, ownTracks(north(100)));
    const answer = await send(ann, ownTracks(HOME, { viewer: { ...ANDROID, ownTid: "BO" } }));
    expect(shownIn(answer).friends).toMatchObject([{ tid: "BO2" }]);
  });

  test("[PHONE5] a position older than the current one, and one above the burst, is answered with friends all the same", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    await befriend(ann, bob);
    await send(bob, ownTracks(north(100)));
    const page = await Client.open(ann);
    page.move(HOME);
    await page.next("nearby");
    expect(shownIn(await send(ann, ownTracks(HOME, { ts: Date.now() - 5_000 }))).friends).toHaveLength(1);
    for (let n = 0; n < 40; n += 1) {
      later(50);
      expect(shownIn(await send(ann, ownTracks(north(n)))).friends, `report ${n}`).toHaveLength(1);
    }
  });

  test("[PHONE5] a source that shows nobody asks nobody", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    await befriend(ann, bob);
    await send(bob, ownTracks(north(100)));
    expect(await send(ann, ownTracks(HOME, { viewer: null }))).toEqual({ friends: [], transitions: [] });
  });
});

describe("[PHONE6] who came and who left", () => {
  test("is told to iOS, not at first, not twice in 10 minutes, and never to Android", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    await befriend(ann, bob);
    const bobAt = async (metres: number): Promise<void> => {
      later(PACE_MS);
      await send(bob, ownTracks(north(metres)));
      await settled();
    };
    const told = async (viewer: PhoneViewer) => {
      later(PACE_MS);
      return shownIn(await send(ann, ownTracks(HOME, { viewer }))).transitions;
    };
    await bobAt(100);
    expect(await told(IPHONE), "the first report").toEqual([]);
    await bobAt(RADIUS_M + 500);
    expect(await told(ANDROID)).toEqual([]);
    expect(await told(IPHONE)).toEqual([{ tid: "BO", name: bob, event: "leave" }]);
    expect(await told(IPHONE)).toEqual([]);
    await bobAt(100);
    expect(await told(IPHONE), "within 10 minutes").toEqual([]);
    later(10 * 60_000);
    await bobAt(RADIUS_M + 500);
    expect(await told(IPHONE)).toEqual([{ tid: "BO", name: bob, event: "leave" }]);
    later(10 * 60_000);
    await bobAt(100);
    expect(await told(ANDROID)).toEqual([]);
    expect(await told(IPHONE)).toEqual([{ tid: "BO", name: bob, event: "enter" }]);
    later(10 * 60_000);
    await crashOne(ann);
    await bobAt(RADIUS_M + 500);
    expect(await told(IPHONE), "the first after a restart").toEqual([]);
  });

  test("each phone hears for itself; so many are remembered", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    await befriend(ann, bob);
    await send(bob, ownTracks(north(100)));
    const told = async (device: string) => {
      later(PACE_MS);
      const answer = await send(ann, ownTracks(HOME, { viewer: { device, hearsTransitions: true } }));
      return shownIn(answer).transitions.length;
    };
    for (let n = 0; n <= 20; n += 1) expect(await told(`phone${n}`)).toBe(0);
    await send(bob, ownTracks(north(RADIUS_M + 500)));
    await settled();
    expect(await told("phone0"), "forgotten: as if it were new").toBe(0);
    expect([await told("phone2"), await told("phone20")]).toEqual([1, 1]);
  });
});
