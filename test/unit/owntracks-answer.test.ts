import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { COARSE_ERROR_M } from "../../src/geo/coarse.ts";
import { friendElements, platformOf, transitionElements } from "../../src/ingest/owntracks/answer.ts";
import type { Platform, ShownFriend } from "../../src/ingest/owntracks/answer.ts";
import { chooseTid } from "../../src/ingest/owntracks/tid.ts";
import { androidReads, iosReads } from "./owntracks-parsers.ts";

const READERS = { android: androidReads, ios: iosReads } as const;
const PLATFORMS = ["android", "ios"] as const satisfies readonly Platform[];
const RUNS = 200;

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const JPEG = [0xff, 0xd8, 0xff];

const faces = fc
  .tuple(fc.constantFrom(PNG, JPEG), fc.uint8Array({ maxLength: 200 }))
  .map(([head, rest]) => Uint8Array.from([...head, ...rest]));

const names = fc.oneof(
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 100 }),
  fc.constantFrom("Bob", "bo", "BO", "김민수", "Ann Müller", "🦊", '"}]', "\\", "O'Neil", "ß"),
);

/** People as a server knows them, with as many of the same name as chance wants. */
const people = fc.uniqueArray(
  fc.record({
    id: fc.stringMatching(/^[A-Za-z0-9._:@-]{1,12}$/),
    name: fc.option(names, { nil: undefined }),
    lat: fc.double({ min: -90, max: 90, noNaN: true }),
    lng: fc.double({ min: -180, max: 180, noNaN: true }),
    ts: fc.integer({ min: 0, max: 4_102_444_800_000 }),
    precision: fc.constantFrom("exact" as const, "coarse" as const),
    face: fc.option(faces, { nil: undefined }),
  }),
  { selector: ({ id }) => id, maxLength: 60 },
);

function shown(list: readonly Omit<ShownFriend, "tid" | "name">[], ids: readonly { id: string; name?: string }[]) {
  const taken = new Set<string>();
  return list.map((friend, at): ShownFriend => {
    const { id, name } = ids[at] ?? { id: "" };
    const tid = chooseTid({ id, ...(name === undefined ? {} : { name }) }, taken);
    taken.add(tid);
    return { ...friend, tid, name: name ?? id };
  });
}

describe("[PHONE5] whoever reads the answer keeps every friend in it", () => {
  for (const platform of PLATFORMS) {
    test(`${platform}: ${RUNS} random lists of friends`, () => {
      let friendsRead = 0;
      fc.assert(
        fc.property(people, (list) => {
          const friends = shown(
            list.map(({ lat, lng, ts, precision, face }) => ({
              lat,
              lng,
              ts,
              precision,
              ...(face === undefined ? {} : { face }),
            })),
            list.map(({ id, name }) => ({ id, ...(name === undefined ? {} : { name }) })),
          );
          const { contacts, notices } = READERS[platform](JSON.stringify(friendElements(friends, platform)));
          friendsRead += friends.length;
          expect([...contacts.keys()], "in the order of the answer").toEqual(friends.map(({ tid }) => tid));
          for (const { tid, name, lat, lng, ts, precision, face } of friends) {
            const contact = contacts.get(tid);
            // JSON has no -0.
            expect([contact?.lat, contact?.lon]).toEqual([lat + 0, lng + 0]);
            expect(contact).toMatchObject({ name, tst: Math.max(1, Math.floor(ts / 1000)) });
            expect(contact?.acc).toBe(precision === "coarse" ? COARSE_ERROR_M : undefined);
            expect(contact?.face).toEqual(face);
          }
          expect(notices).toEqual([]);
        }),
        { numRuns: RUNS },
      );
      process.stdout.write(`conformance: ${platform} kept all of ${friendsRead} friends in ${RUNS} answers\n`);
      expect(friendsRead).toBeGreaterThan(RUNS);
    });
  }

  test("the card comes first, or the name would come with the next answer only", () => {
    const friend = { tid: "BO", name: "Bob", lat: 1, lng: 2, ts: 1_700_000_000_999, precision: "exact" } as const;
    expect(friendElements([friend], "android")).toEqual([
      { _type: "card", tid: "BO", name: "Bob" },
      { _type: "location", tid: "BO", lat: 1, lon: 2, tst: 1_700_000_000 },
    ]);
  });

  test("[PHONE6] iOS reads out who came and who left; on Android it would be a friend that nobody is", () => {
    const transitions = [
      { tid: "BO", name: "Bob", event: "enter" },
      { tid: "CL", name: "Cleo", event: "leave" },
    ] as const;
    const text = JSON.stringify(transitionElements(transitions, { lat: 1, lng: 2, now: 5_999 }));
    expect(iosReads(text)).toEqual({
      contacts: new Map(),
      notices: ["BO enters your area (Bob)", "CL leaves your area (Cleo)"],
    });
    expect(() => androidReads(text)).toThrow("transition");
  });
});

describe("the readers refuse what the apps refuse", () => {
  const card = { _type: "card", tid: "BO", name: "Bob", face: "" };
  const location = { _type: "location", tid: "BO", lat: 1, lon: 2, tst: 5 };
  const bad: [what: string, element: object, by: readonly Platform[]][] = [
    ["an unknown type", { ...location, _type: "person" }, PLATFORMS],
    ["no type", { tid: "BO" }, PLATFORMS],
    ["no tst", { ...location, tst: undefined }, PLATFORMS],
    ["a tst that is not whole", { ...location, tst: 5.5 }, PLATFORMS],
    ["a tst of 0", { ...location, tst: 0 }, ["android"]],
    ["no tid", { ...location, tid: undefined }, ["android"]],
    ["no lat", { ...location, lat: undefined }, PLATFORMS],
    ["a lon that is text", { ...location, lon: "2" }, PLATFORMS],
    ["a batt that is not whole", { ...location, batt: 0.5 }, ["android"]],
    ["a bs of 4", { ...location, bs: 4 }, ["android"]],
    ["a card without a face", { ...card, face: undefined }, ["ios"]],
    ["a face that is no base64", { ...card, face: "abcd!?&%" }, PLATFORMS],
    ["a face that is no picture", { ...card, face: btoa("<svg/>") }, PLATFORMS],
    ["something that is no object", [], PLATFORMS],
  ];
  test.each(bad)("%s", (_, element, by) => {
    for (const platform of PLATFORMS) {
      const read = () => READERS[platform](JSON.stringify([card, location, element]));
      if (by.includes(platform)) expect(read, platform).toThrow();
      else expect(read, platform).not.toThrow();
    }
  });
});

describe("[PHONE4] what a friend is called in the app", () => {
  test.each([
    [{ id: "u-17", name: "Bob Miller" }, "BM"],
    [{ id: "u-17", name: "  bob   van der Miller " }, "BV"],
    [{ id: "u-17", name: "Bob" }, "BO"],
    [{ id: "u-17", name: "김민수" }, "김민"],
    [{ id: "u-17", name: "élan vital" }, "ÉV"],
    [{ id: "u-17", name: "ß" }, "SS"],
    [{ id: "u-17", name: "🦊 fox" }, "FO"],
    [{ id: "bob-17", name: "🦊" }, "BO"],
    [{ id: "bob-17" }, "BO"],
    [{ id: "-" }, "F"],
    [{ id: "x", name: "#/+" }, "X"],
  ])("%j is %s", (who, tid) => {
    expect(chooseTid(who, new Set())).toBe(tid);
  });

  test("a number tells those apart who would be called the same", () => {
    const taken = new Set<string>();
    const tids = Array.from({ length: 300 }, (_, n) => {
      const tid = chooseTid({ id: `u${n}`, name: "Bob" }, taken);
      taken.add(tid);
      return tid;
    });
    expect(tids.slice(0, 3)).toEqual(["BO", "BO2", "BO3"]);
    expect(new Set(tids).size).toBe(300);
    expect(chooseTid({ id: "x", name: "Bob" }, new Set(["BO3"]))).toBe("BO");
  });

  test("it is never longer than two letters and a number, and nothing that a topic cannot have", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 50 }), (name) => {
        const tid = chooseTid({ id: "some.body", name }, new Set());
        expect(Array.from(tid).length).toBeLessThanOrEqual(2);
        expect(tid).toMatch(/^[\p{L}\p{N}]{1,2}$/u);
      }),
    );
  });
});

test.each([
  ["OwnTracks/26.3.1 CFNetwork/3826.500.131 Darwin/25.0.0", "ios"],
  ["Owntracks-Android/gms/420412000", "android"],
  ["curl/8.5.0", "android"],
  ["", "android"],
] as const)("%s is %s", (userAgent, platform) => {
  expect(platformOf(userAgent)).toBe(platform);
});
