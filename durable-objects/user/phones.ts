import { chooseTid } from "../../src/ingest/owntracks/tid.ts";
import { PHONE_REPORT_BURST, PHONE_REPORTS_PER_S } from "../../src/protocol/limits.ts";
import { admit } from "../../src/protocol/pace.ts";
import type { FriendRow, Friends } from "./friends.ts";
import type { Person } from "./person.ts";
import type { Reports } from "./reports.ts";
import type { PhoneAnswer, PhoneFriend, PhoneReport, PhoneTransition, PhoneViewer } from "./rpc-types.ts";

const REPORT_MIN_MS = 1_000 / PHONE_REPORTS_PER_S;

/** Phones whose last list is remembered. A name that the phone gives itself costs nothing, so there may be any number. */
const VIEWERS_MAX = 20;

/** A friend at the edge of the circle comes and goes with every step: one notice, not one each time. */
const NOTICE_EVERY_MS = 10 * 60_000;

/** What a phone was shown last: names by tid; and when it was last told that somebody came or went, ms. */
interface Seen {
  readonly friends: ReadonlyMap<string, string>;
  readonly noticed: Map<string, number>;
}

/** Reports of phone apps, and what these are shown. */
export class Phones {
  readonly #reports: Reports;
  /** Pace of reports; full again by the time that an idle object is forgotten. */
  #tatMs = 0;
  /** In memory only: after a restart nobody is told that all friends have come. */
  readonly #seen = new Map<string, Seen>();

  constructor(reports: Reports) {
    this.#reports = reports;
  }

  /** Everything is stored before the answer. */
  async take(person: Person, { points, invalid, restMs, viewer }: PhoneReport, now: number): Promise<PhoneAnswer> {
    const admission = admit(this.#tatMs, now, PHONE_REPORT_BURST, REPORT_MIN_MS);
    if (!admission.ok) return { refused: "too_fast", retryAfterS: admission.retryAfterMs / 1000 };
    this.#tatMs = admission.tatMs;
    person.meter.invalidReports += invalid;
    const nothing = { friends: [], transitions: [] };
    if (points.length === 0) return nothing;
    const { fresh } = await this.#reports.store(person, points, { now, restMs });
    // What an app sends once it is online again says nothing about now, and hundreds of such reports follow each other.
    if (viewer === null || !fresh) return nothing;
    const friends = await this.#shown(person, viewer);
    return { friends, transitions: viewer.hearsTransitions ? this.#transitions(viewer, friends, now) : [] };
  }

  async #shown({ live, friends: rows }: Person, { ownTid }: PhoneViewer): Promise<PhoneFriend[]> {
    const { friends } = await live.nearby(Date.now());
    return friends.flatMap(({ id, name = id, avatar, lat, lng, ts, precision }) => {
      const row = rows.byId(id);
      if (row === undefined) return [];
      const tid = row.tid ?? chosen(rows, row, ownTid);
      return [{ tid, name, ...(avatar === undefined ? {} : { avatar }), lat, lng, ts, precision }];
    });
  }

  #transitions({ device }: PhoneViewer, shown: readonly PhoneFriend[], now: number): PhoneTransition[] {
    const before = this.#seen.get(device);
    const friends = new Map(shown.map(({ tid, name }) => [tid, name]));
    const noticed = before?.noticed ?? new Map<string, number>();
    for (const [tid, at] of noticed) if (at <= now - NOTICE_EVERY_MS) noticed.delete(tid);
    this.#seen.delete(device);
    this.#seen.set(device, { friends, noticed });
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > VIEWERS_MAX && oldest !== undefined) this.#seen.delete(oldest);
    if (before === undefined) return [];
    const came = [...friends].filter(([tid]) => !before.friends.has(tid));
    const left = [...before.friends].filter(([tid]) => !friends.has(tid));
    const all = [
      ...came.map(([tid, name]) => ({ tid, name, event: "enter" as const })),
      ...left.map(([tid, name]) => ({ tid, name, event: "leave" as const })),
    ].filter(({ tid }) => !noticed.has(tid));
    for (const { tid } of all) noticed.set(tid, now);
    return all;
  }
}

/** Chosen once, with the friend's name of that time: a phone knows the friend by it from then on. */
function chosen(rows: Friends, row: FriendRow, ownTid: string | undefined): string {
  const taken = rows.tids();
  if (ownTid !== undefined) taken.add(ownTid);
  const tid = chooseTid({ id: row.id, ...row.card }, taken);
  rows.setTid(row, tid);
  return tid;
}
