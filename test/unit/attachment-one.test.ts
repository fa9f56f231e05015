/** One contact of an attachment written anew: the same bytes as if all had been. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  decodeAttachment,
  encodeAttachment,
  encodeCarried,
  NO_POINTS,
  type ObjectRecord,
} from "../../durable-objects/user/attachment.ts";
import { rewriteNear } from "../../durable-objects/user/attachment-contacts.ts";
import { COARSE_ERROR_M } from "../../src/geo/coarse.ts";
import { Circle } from "../../src/nearby/circle.ts";
import { type Contact, newContact } from "../../src/nearby/contact.ts";
import { NO_TRACK } from "../../src/nearby/jumps.ts";
import type { Sighting } from "../../src/nearby/sighting.ts";
import { NEW_PACE } from "../../src/protocol/pace.ts";

const NOW_MS = Date.UTC(2026, 5, 1);
const CONNECTION = {
  device: "phone",
  lastHeard: NOW_MS,
  tokenUntil: NOW_MS + 1,
  snapshotSent: true,
  discovery: null,
  pace: NEW_PACE,
  sent: 0,
  saved: 0,
  newestTs: 0,
};

const sighting = (rev: number, lat = 37.7): Sighting => {
  return { rev, lat, lng: -122.4, ts: NOW_MS, activeUntil: NOW_MS + 600_000, errorM: 0 };
};

function near(no: number, extra: Partial<Contact> = {}): Contact {
  const seen = sighting(no);
  const pact = { kind: "near", mine: 1, theirs: seen.rev, anchor: seen, toldUntil: NOW_MS } as const;
  return { ...newContact(no, false), pact, seen, theirRev: seen.rev, shown: true, ...extra };
}

function far(no: number): Contact {
  const pact = { kind: "far", mine: 1, theirs: no, anchor: sighting(no), slackM: 10 } as const;
  return { ...newContact(no, true), pact, theirRev: no };
}

function recordOf(contacts: Iterable<Contact>): ObjectRecord {
  const self = { kind: "active", sighting: sighting(1) } as const;
  const circle = { rev: NOW_MS, sharing: true, self, complete: true, keepsNear: true, contacts };
  return { circle, positionTat: 0, track: NO_TRACK, alarmAt: null, unsaved: NO_POINTS };
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer);

describe("a near contact", () => {
  test("is written over, wherever it stands among the others", () => {
    const kinds = fc.array(fc.constantFrom("near", "far", "unknown"), { maxLength: 12 });
    fc.assert(
      fc.property(kinds, kinds, (before, after) => {
        const others = [...before, ...after].map((kind, at) => {
          return kind === "near" ? near(at + 10) : kind === "far" ? far(at + 10) : newContact(at + 10, false);
        });
        const all = (mine: Contact): Contact[] => others.toSpliced(before.length, 0, mine);
        const { bytes, contactsAt } = encodeCarried(CONNECTION, recordOf(all(near(5))));
        const seen = sighting(7, 37.8);
        const moved = near(5, { seen, theirRev: 7, muted: true, visibility: "coarse" });
        moved.pact = { kind: "near", mine: 2, theirs: 7, anchor: sighting(2, 37.9), toldUntil: NOW_MS + 9 };
        expect(rewriteNear(view(bytes), contactsAt, moved)).toBe(true);
        expect(bytes).toEqual(encodeAttachment({ connection: CONNECTION, object: recordOf(all(moved)) }));
      }),
    );
  });

  test.each<[string, Contact, Contact]>([
    ["was unknown", newContact(5, false), near(5)],
    ["was far", far(5), near(5)],
    ["was not there", near(6), near(5)],
    ["is far", near(5), far(5)],
    ["is unknown", near(5), newContact(5, false)],
    ["has a call in flight", near(5), near(5, { call: { id: 1, told: sighting(1), heard: 0, visibility: "exact" } })],
    ["has lost its position", near(5), near(5, { seen: null })],
    ["has a coarse position", near(5), near(5, { seen: { ...sighting(5), errorM: COARSE_ERROR_M } })],
  ])("%s: nothing is written, and all has to be", (_, before, after) => {
    const { bytes, contactsAt } = encodeCarried(CONNECTION, recordOf([far(1), before, near(9)]));
    const untouched = bytes.slice();
    expect(rewriteNear(view(bytes), contactsAt, after)).toBe(false);
    expect(bytes).toEqual(untouched);
  });
});

describe("what has changed since the last copy", () => {
  const circleOf = (friends: number): Circle => {
    const roster = () => Array.from({ length: friends }, (_, no) => ({ no, muted: false }));
    const options = { radiusM: 8_046.72, quietMs: 270_000, roster };
    const record = decodeAttachment(encodeAttachment({ connection: CONNECTION, object: recordOf([]) }))?.object?.circle;
    if (record === undefined) throw new Error("not decoded");
    return new Circle(options, { ...record, complete: false });
  };
  const meet = (circle: Circle, no: number, rev: number) =>
    circle.meet({ no, muted: false, sighting: sighting(rev), heard: 0 }, NOW_MS);

  test("one contact, as long as it is the same one; then more", () => {
    const circle = circleOf(3);
    circle.watch(NOW_MS);
    for (const no of [0, 1, 2]) circle.failed(no, no + 1, NOW_MS);
    for (const no of [0, 1, 2]) meet(circle, no, 10);
    expect(circle.changed.onlyChanged).toBeNull();
    circle.changed.copied();
    expect(circle.changed.onlyChanged).toBeNull();
    const { version, urgency } = circle;
    meet(circle, 1, 11);
    meet(circle, 1, 12);
    expect(circle.changed.onlyChanged).toBe(circle.contacts.get(1));
    expect([circle.version > version, circle.urgency]).toEqual([true, urgency]);
    meet(circle, 2, 11);
    expect(circle.changed.onlyChanged).toBeNull();
    meet(circle, 2, 12);
    expect(circle.changed.onlyChanged).toBeNull();
    circle.changed.copied();
    meet(circle, 2, 13);
    expect(circle.changed.onlyChanged).toBe(circle.contacts.get(2));
    circle.unfriend(0);
    expect(circle.changed.onlyChanged).toBeNull();
  });
});
