/** The attachment of a socket as bytes: what comes back, what is forgotten, and how much fits. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  type Attachment,
  ATTACHMENT_MAX_BYTES,
  type ConnectionRecord,
  decodeAttachment,
  decodeKept,
  encodeAttachment,
  encodeKept,
  NO_POINTS,
  type ObjectRecord,
  type Unsaved,
} from "../../durable-objects/user/attachment.ts";
import { CHUNK_CODEC_VERSION, encodeChunk } from "../../src/history/chunk.ts";
import { type Place, roundPlace } from "../../src/geo/place.ts";
import { slackM } from "../../src/geo/safe-region.ts";
import { NO_TRACK, type Track, type Waypoint } from "../../src/nearby/jumps.ts";
import { type Contact, newContact, type Pact } from "../../src/nearby/contact.ts";
import type { Sighting } from "../../src/nearby/sighting.ts";
import { countsBytes, newCounts } from "../../src/observe/tally.ts";
import type { CircleState, Self } from "../../src/nearby/state.ts";
import { FRIENDS_MAX, USER_ID_MAX_CHARS } from "../../src/protocol/limits.ts";
import { NEW_PACE } from "../../src/protocol/pace.ts";

const REV = Date.UTC(2026, 5, 1);
const PLACE = { lat: 48.1371079, lng: 11.5753822 };
const SIGHTING: Sighting = { rev: REV, ...PLACE, ts: REV - 5, activeUntil: REV + 600_000, errorM: 0 };
const NEAR: Pact = { kind: "near", mine: REV, theirs: REV + 1, anchor: PLACE, toldUntil: REV + 600_000 };
const FAR: Pact = { kind: "far", mine: REV, theirs: REV + 1, anchor: PLACE, slackM: 1_234.5 };
const UNSAVED: Unsaved = {
  since: REV - 9,
  points: encodeChunk([
    { ...PLACE, ts: REV - 5 },
    { ...PLACE, ts: REV - 4, speed: 1 },
  ]),
};
const CALL = { id: 3, told: SIGHTING, heard: 0, visibility: "exact" } as const;

const CONNECTION: ConnectionRecord = {
  device: null,
  lastHeard: REV,
  tokenUntil: REV + 3_600_000,
  snapshotSent: true,
  discovery: null,
  pace: NEW_PACE,
  sent: 41,
  saved: 20,
  newestTs: REV - 5,
};

interface Parts extends Partial<Omit<CircleState, "contacts">> {
  readonly contacts?: readonly Contact[];
}

function objectOf({ contacts = [], ...rest }: Parts): ObjectRecord {
  const self: Self = { kind: "active", sighting: SIGHTING, rough: false };
  const circle = { rev: REV, sharing: true, self, complete: true, contacts, ...rest };
  return { circle, positionTat: 17, track: NO_TRACK, alarmAt: REV + 600_000, unsaved: UNSAVED };
}

function contactOf(no: number, pact: Pact, extra: Partial<Contact> = {}): Contact {
  return { ...newContact(no, false), pact, theirRev: REV + 1, ...extra };
}

function roundTrip(attachment: Attachment): Attachment {
  const decoded = decodeAttachment(encodeAttachment(attachment));
  if (decoded === null) throw new Error("not decoded");
  return decoded;
}

/** The contacts that come back, in order. */
function contactsBack(parts: Parts): Contact[] {
  return [...(roundTrip({ connection: CONNECTION, object: objectOf(parts) }).object?.circle.contacts ?? [])];
}

const forgotten = (no: number, { muted, shown }: { muted: boolean; shown: boolean }): Contact => ({
  ...newContact(no, muted),
  shown,
  forgotten: true,
});

const ms = fc.integer({ min: 0, max: 8_640_000_000_000_000 });
const places = fc
  .record({
    lat: fc.oneof(fc.constantFrom(90, -90, 0, 1e-7, -1e-7), fc.double({ min: -90, max: 90, noNaN: true })),
    lng: fc.oneof(fc.constantFrom(180, -180, 0, 1e-7, -1e-7), fc.double({ min: -180, max: 180, noNaN: true })),
  })
  // `-0` is 0 for every use, and comes back as it.
  .map((place) => roundPlace({ lat: place.lat + 0, lng: place.lng + 0 }))
  .map(({ lat, lng }) => ({ lat: lat === 0 ? 0 : lat, lng: lng === 0 ? 0 : lng }));
const sightings = fc
  .record({ rev: ms, place: places, ts: ms, activeUntil: ms })
  .map(({ place, ...rest }): Sighting => ({ ...place, ...rest, errorM: 0 }));
const selves: fc.Arbitrary<Self> = fc.oneof(
  fc.constant<Self>({ kind: "inactive" }),
  fc.constant<Self>({ kind: "unsure" }),
  fc.record({ kind: fc.constant("active" as const), sighting: sightings, rough: fc.boolean() }),
);
const waypoints = fc.record({ place: places, ts: ms }).map(({ place, ts }): Waypoint => ({ ...place, ts }));
const tracks: fc.Arbitrary<Track> = fc.record({
  held: fc.option(
    fc.record({ waypoint: waypoints, pointTs: ms }).map(({ waypoint, pointTs }) => ({ ...waypoint, pointTs })),
  ),
  before: fc.option(waypoints),
});
const pacts: fc.Arbitrary<Pact> = fc.oneof(
  fc.constant<Pact>({ kind: "unknown" }),
  fc.record({ kind: fc.constant("near" as const), mine: ms, theirs: ms, anchor: places, toldUntil: ms }),
  fc.record({
    kind: fc.constant("far" as const),
    mine: ms,
    theirs: ms,
    anchor: places,
    // As `slackM` makes it, up to half way round the Earth.
    slackM: fc.nat(100_075_424).map((gapDm) => slackM(gapDm / 10 + 8_046.72, 8_046.72)),
  }),
  fc.record({ kind: fc.constant("away" as const), reason: fc.constantFrom("inactive", "paused", "unfriended") }),
);
const contacts = fc.uniqueArray(
  fc
    .record({
      no: fc.integer({ min: 1, max: 4_294_967_295 }),
      pact: pacts,
      muted: fc.boolean(),
      shown: fc.boolean(),
      call: fc.constantFrom(null, null, CALL),
      seen: fc.option(sightings),
    })
    .map(({ no, muted, pact, shown, call, seen }): Contact => {
      const theirRev = pact.kind === "near" || pact.kind === "far" ? pact.theirs : 0;
      // Far friends are never shown, and have no position.
      const isFar = pact.kind === "far";
      return { ...newContact(no, muted), pact, theirRev, call, shown: shown && !isFar, seen: isFar ? null : seen };
    }),
  { selector: ({ no }) => no, maxLength: 40 },
);
const devices = fc.option(
  fc.string({
    unit: fc.constantFrom("a", "Z", "0", "9", ".", "_", ":", "@", "-"),
    minLength: 1,
    maxLength: USER_ID_MAX_CHARS,
  }),
);
const connections: fc.Arbitrary<ConnectionRecord> = fc.record({
  device: devices,
  lastHeard: ms,
  tokenUntil: ms,
  snapshotSent: fc.boolean(),
  discovery: fc.option(fc.record({ shown: fc.boolean(), levels: fc.integer({ min: 0, max: 0xffff }) })),
  pace: fc.record({ tatMs: ms, refused: fc.nat(65_535), badInARow: fc.nat(65_535) }),
  sent: fc.nat(0xffff_ffff),
  saved: fc.nat(0xffff_ffff),
  newestTs: ms,
});

describe("round trip", () => {
  test("the part of the connection comes back as it was", () => {
    fc.assert(
      fc.property(connections, (connection) => {
        expect(roundTrip({ connection, object: null })).toEqual({ connection, object: null });
      }),
    );
  });

  test("the state comes back: far contacts as they were, near and unknown ones as unknown, away ones not at all", () => {
    fc.assert(
      fc.property(
        connections,
        ms,
        selves,
        fc.boolean(),
        fc.boolean(),
        contacts,
        ms,
        tracks,
        fc.option(fc.integer({ min: 1 })),
        (connection, rev, self, sharing, complete, list, positionTat, track, alarmAt) => {
          const circle = { rev, self, sharing, complete, contacts: list };
          const back = roundTrip({ connection, object: { circle, positionTat, track, alarmAt, unsaved: UNSAVED } });
          const far = list.filter(({ pact, call }) => pact.kind === "far" && call === null);
          const others = list.filter(
            ({ pact, call }) => (pact.kind !== "far" || call !== null) && (pact.kind !== "away" || call !== null),
          );
          expect(back).toEqual({
            connection,
            object: {
              circle: {
                rev,
                self,
                sharing,
                complete,
                contacts: [...far, ...others.map((one) => forgotten(one.no, one))],
              },
              positionTat,
              track,
              alarmAt,
              unsaved: UNSAVED,
            },
          });
        },
      ),
    );
  });

  test("the row kept without a socket has the state, and no points: they stand beside it", () => {
    const object = objectOf({});
    expect(decodeKept(encodeKept(object))).toEqual({ ...object, unsaved: NO_POINTS });
  });

  test("points of a newer version are no buffer: the socket is to come back", () => {
    const points = encodeChunk([{ ...PLACE, ts: REV }]);
    points[0] = CHUNK_CODEC_VERSION + 1;
    const object = { ...objectOf({}), unsaved: { since: REV, points } };
    expect(decodeAttachment(encodeAttachment({ connection: CONNECTION, object }))).toBeNull();
  });

  test("encoding what was decoded gives the same bytes", () => {
    fc.assert(
      fc.property(connections, selves, contacts, (connection, self, list) => {
        const bytes = encodeAttachment({ connection, object: objectOf({ self, contacts: list }) });
        const decoded = decodeAttachment(bytes);
        if (decoded === null) throw new Error("not decoded");
        expect(encodeAttachment(decoded)).toEqual(bytes);
      }),
    );
  });

  test("two encodings do not share their bytes", () => {
    const first = encodeAttachment({ connection: CONNECTION, object: objectOf({ contacts: [contactOf(1, FAR)] }) });
    const copy = first.slice();
    encodeAttachment({ connection: { ...CONNECTION, lastHeard: 0 }, object: null });
    expect(first).toEqual(copy);
  });

  test("bytes that begin within a larger buffer are read from there", () => {
    const bytes = encodeAttachment({ connection: CONNECTION, object: objectOf({ contacts: [contactOf(1, FAR)] }) });
    const larger = new Uint8Array(bytes.length + 7);
    larger.set(bytes, 7);
    expect(decodeAttachment(larger.subarray(7))).toEqual(decodeAttachment(bytes));
  });
});

describe("exactness", () => {
  test.each<Place>([
    { lat: 90, lng: 180 },
    { lat: -90, lng: -180 },
    { lat: 89.9999999, lng: 179.9999999 },
    { lat: -89.9999999, lng: -179.9999999 },
    { lat: 0, lng: 0 },
    { lat: 1e-7, lng: -1e-7 },
    { lat: 51.4778926, lng: -0.0014738 },
    { lat: -33.8567844, lng: 151.2152967 },
  ])("%o comes back to the last digit, as own place and as anchor", (place) => {
    const self = { kind: "active", sighting: { ...SIGHTING, ...place }, rough: false } as const;
    const { object } = roundTrip({
      connection: CONNECTION,
      object: objectOf({ self, contacts: [contactOf(1, { ...FAR, anchor: place })] }),
    });
    expect(object?.circle.self).toEqual(self);
    expect([...(object?.circle.contacts ?? [])][0]?.pact).toEqual({ ...FAR, anchor: place });
  });

  test("every place of 7 decimals does", () => {
    fc.assert(
      fc.property(places, (place) => {
        expect(contactsBack({ contacts: [contactOf(1, { ...FAR, anchor: place })] })[0]?.pact).toEqual({
          ...FAR,
          anchor: place,
        });
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([0, 0.1, 0.3, 0.7, 49.9, 2_500.1, 10_003_757.8])("a slack of %d m is the same number again", (metres) => {
    expect(contactsBack({ contacts: [contactOf(1, { ...FAR, slackM: metres })] })[0]?.pact).toEqual({
      ...FAR,
      slackM: metres,
    });
  });

  test("a slack never comes back larger than it was", () => {
    fc.assert(
      fc.property(fc.double({ min: 8_046.72, max: 20_015_087, noNaN: true }), (gapM) => {
        const slack = slackM(gapM, 8_046.72);
        const [back] = contactsBack({ contacts: [contactOf(1, { ...FAR, slackM: slack })] });
        expect(back?.pact).toEqual({ ...FAR, slackM: slack });
      }),
    );
  });
});

describe("what is written of a contact", () => {
  test("[FAIL2] near: unknown, still on the screen", () => {
    const near = contactOf(7, NEAR, { seen: SIGHTING, shown: true });
    expect(contactsBack({ contacts: [near] })).toEqual([forgotten(7, { muted: false, shown: true })]);
  });

  test("[FAIL2] with a call in flight: unknown, whatever is held, away included", () => {
    const held = [FAR, NEAR, { kind: "away", reason: "inactive" } as const, { kind: "unknown" } as const];
    const list = held.map((pact, index) => contactOf(index + 1, pact, { call: CALL, muted: index === 0 }));
    expect(contactsBack({ contacts: list })).toEqual(
      list.map(({ no, muted }) => forgotten(no, { muted, shown: false })),
    );
  });

  test("far: the pact, the newest rev heard, and whether it is muted", () => {
    const far = contactOf(7, FAR, { muted: true });
    expect(contactsBack({ contacts: [far] })).toEqual([far]);
  });

  test("away: nothing, since whoever is absent is away", () => {
    const away = contactOf(7, { kind: "away", reason: "paused" });
    expect(contactsBack({ contacts: [away] })).toEqual([]);
  });

  test("failures are not kept: whoever was left out is met", () => {
    const missed = contactOf(7, { kind: "unknown" }, { missed: 4, skip: 16, skipUntil: REV });
    expect(contactsBack({ contacts: [missed] })).toEqual([forgotten(7, { muted: false, shown: false })]);
  });

  test("near, where the state asks for it: the pact and the position, if it is the one of the pact", () => {
    const seen = { ...SIGHTING, rev: REV + 1 };
    const near = contactOf(7, NEAR, { seen, shown: true, muted: false });
    const newer = contactOf(8, NEAR, { seen: { ...SIGHTING, rev: REV + 2 }, shown: true });
    const lost = contactOf(9, NEAR, { seen: null });
    expect(contactsBack({ keepsNear: true, contacts: [near, newer, lost] })).toEqual([
      near,
      forgotten(8, { muted: false, shown: true }),
      forgotten(9, { muted: false, shown: false }),
    ]);
  });
});

describe("the row for an object without sockets", () => {
  const list = [
    contactOf(1, FAR),
    contactOf(2, NEAR, { seen: SIGHTING, shown: true, muted: true }),
    contactOf(3, { kind: "unknown" }),
    contactOf(4, { kind: "away", reason: "inactive" }),
    contactOf(5, { kind: "away", reason: "inactive" }, { call: CALL }),
  ];

  test.each([false, true])(
    "[FAIL3] forgets near and far, and that they were shown (near kept otherwise: %s)",
    (keepsNear) => {
      const object = objectOf({ contacts: list, keepsNear });
      const back = decodeKept(encodeKept(object));
      expect(back).toMatchObject({ positionTat: object.positionTat, alarmAt: object.alarmAt });
      expect(back?.circle).toMatchObject({ rev: REV, sharing: true, complete: true, self: object.circle.self });
      expect([...(back?.circle.contacts ?? [])]).toEqual(
        [1, 2, 3, 5].map((no) => forgotten(no, { muted: no === 2, shown: false })),
      );
    },
  );

  test("what was counted comes back, and takes no room while it is nothing", () => {
    const counts = newCounts();
    const empty = encodeKept({ ...objectOf({}), counts });
    expect(empty).toEqual(encodeKept(objectOf({})));
    counts[0] = 7;
    counts[counts.length - 1] = 4_000_000_000;
    const bytes = encodeKept({ ...objectOf({}), counts });
    expect(bytes.length - empty.length).toBe(countsBytes(counts));
    expect(decodeKept(bytes)).toEqual({ ...decodeKept(empty), counts });
  });

  test("the version before is read: it had neither rough positions nor a track", () => {
    const bytes = encodeKept(objectOf({ contacts: list }));
    const now = decodeKept(bytes);
    bytes[0] = 2;
    expect(now).not.toBeNull();
    expect(decodeKept(bytes)).toEqual(now);
  });

  test("another version is not read", () => {
    const bytes = encodeKept(objectOf({}));
    for (const version of [0, 1, 5, 255]) {
      bytes[0] = version;
      expect(decodeKept(bytes)).toBeNull();
    }
    expect(decodeKept(new Uint8Array())).toBeNull();
  });
});

describe("size", () => {
  const bytesOf = (contactList: readonly Contact[], device: string | null = null): Uint8Array =>
    encodeAttachment({ connection: { ...CONNECTION, device }, object: objectOf({ contacts: contactList }) });
  const many = (count: number, pact: Pact): Contact[] =>
    Array.from({ length: count }, (_, index) => contactOf(index + 1, pact));
  const back = (bytes: Uint8Array) => {
    const circle = decodeAttachment(bytes)?.object?.circle;
    const kinds = Array.from(circle?.contacts ?? [], ({ pact }) => pact.kind);
    const count = (kind: string) => kinds.filter((one) => one === kind).length;
    return { far: count("far"), unknown: count("unknown"), complete: circle?.complete };
  };

  const base = bytesOf([]).length;
  const farBytes = bytesOf(many(1, FAR)).length - base;
  const unknownBytes = bytesOf(many(1, { kind: "unknown" })).length - base;

  test("about 490 far friends fit, or 3,200 unknown ones: ten per cent of the most friends, active at once", () => {
    expect(Math.floor((ATTACHMENT_MAX_BYTES - base) / farBytes)).toBeGreaterThan(480);
    expect(Math.floor((ATTACHMENT_MAX_BYTES - base) / unknownBytes)).toBeGreaterThan(FRIENDS_MAX / 2);
    expect(base).toBeLessThan(150);
  });

  test.each([-1, 0, 1])(
    "far contacts, the number that fits %i: what does not fit is forgotten, nothing is lost",
    (more) => {
      const fit = Math.floor((ATTACHMENT_MAX_BYTES - base) / farBytes);
      const bytes = bytesOf(many(fit + more, FAR));
      expect(bytes.length).toBeLessThanOrEqual(ATTACHMENT_MAX_BYTES);
      expect(bytes.length).toBeGreaterThan(ATTACHMENT_MAX_BYTES - 2 * farBytes);
      const { far, unknown, complete } = back(bytes);
      expect({ sum: far + unknown, complete }).toEqual({ sum: fit + more, complete: true });
      expect(unknown > 0).toBe(more === 1);
    },
  );

  test.each([-1, 0, 1])("unknown contacts, the number that fits %i: beyond it the list is read again", (more) => {
    const fit = Math.floor((ATTACHMENT_MAX_BYTES - base) / unknownBytes);
    const bytes = bytesOf(many(fit + more, { kind: "unknown" }));
    expect(bytes.length).toBeLessThanOrEqual(ATTACHMENT_MAX_BYTES);
    const expected = more === 1 ? { unknown: 0, complete: false } : { unknown: fit + more, complete: true };
    expect(back(bytes)).toEqual({ far: 0, ...expected });
  });

  test("unknown contacts come before slacks: far ones are forgotten as their number grows", () => {
    const counts = [0, 500, 1_000, 2_000, 2_700].map((unknown) => {
      const list = [
        ...many(500, FAR),
        ...many(unknown, { kind: "unknown" }).map((one) => ({ ...one, no: one.no + 500 })),
      ];
      const bytes = bytesOf(list);
      expect(bytes.length).toBeLessThanOrEqual(ATTACHMENT_MAX_BYTES);
      const kept = back(bytes);
      expect(kept.complete).toBe(true);
      expect(kept.far + kept.unknown).toBe(500 + unknown);
      return kept.far;
    });
    expect(counts).toEqual(counts.toSorted((one, other) => other - one));
    expect(counts.at(-1)).toBeLessThan(20);
  });

  test("all friends active at once, and the longest device: it still fits, without a contact", () => {
    const device = "d".repeat(USER_ID_MAX_CHARS);
    const bytes = bytesOf(many(FRIENDS_MAX, FAR), device);
    expect(bytes.length).toBeLessThanOrEqual(ATTACHMENT_MAX_BYTES);
    expect(back(bytes)).toEqual({ far: 0, unknown: 0, complete: false });
    expect(decodeAttachment(bytes)?.connection.device).toBe(device);
  });

  test("the device takes its room from the contacts", () => {
    const fit = Math.floor((ATTACHMENT_MAX_BYTES - base) / farBytes);
    const bytes = bytesOf(many(fit, FAR), "d".repeat(USER_ID_MAX_CHARS));
    expect(bytes.length).toBeLessThanOrEqual(ATTACHMENT_MAX_BYTES);
    const { far, unknown, complete } = back(bytes);
    expect({ sum: far + unknown, complete }).toEqual({ sum: fit, complete: true });
    expect(unknown).toBeGreaterThan(0);
  });

  test("whatever the mix, the budget holds and everybody is spoken for", () => {
    const mix = fc.record({
      far: fc.nat(700),
      unknown: fc.nat(3_500),
      near: fc.nat(300),
      keepsNear: fc.boolean(),
      device: devices,
    });
    fc.assert(
      fc.property(mix, ({ far, unknown, near, keepsNear, device }) => {
        const seen = { ...SIGHTING, rev: REV + 1 };
        const list = [
          ...many(near, NEAR).map((one) => ({ ...one, seen })),
          ...many(far, FAR),
          ...many(unknown, { kind: "unknown" }),
        ];
        const bytes = encodeAttachment({
          connection: { ...CONNECTION, device },
          object: objectOf({ contacts: list, keepsNear }),
        });
        expect(bytes.length).toBeLessThanOrEqual(ATTACHMENT_MAX_BYTES);
        const circle = decodeAttachment(bytes)?.object?.circle;
        const kept = [...(circle?.contacts ?? [])].length;
        expect(kept).toBe(circle?.complete === true ? list.length : 0);
      }),
      { seed: 37, numRuns: 60 },
    );
  });
});

describe("what is not one of ours", () => {
  test("another version, no bytes, or no bytes at all: null, never an error", () => {
    const bytes = encodeAttachment({ connection: CONNECTION, object: objectOf({}) });
    for (const version of [0, 1, 5, 255]) {
      const other = bytes.slice();
      other[0] = version;
      expect(decodeAttachment(other)).toBeNull();
    }
    for (const value of [null, undefined, "", "{}", 1, {}, [], new Uint8Array(), bytes.buffer]) {
      expect(decodeAttachment(value)).toBeNull();
    }
  });
});
