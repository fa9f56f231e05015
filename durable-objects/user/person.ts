import type { Self } from "../../src/nearby/state.ts";
import { type Meter, newMeter } from "../../src/observe/meter.ts";
import type { Settings } from "../../src/settings.ts";
import { Agenda } from "./agenda.ts";
import type { ObjectRecord } from "./attachment.ts";
import { Bonds } from "./bonds.ts";
import { Connections } from "./connections.ts";
import { Friends } from "./friends.ts";
import { Kept } from "./kept.ts";
import { Live } from "./live.ts";
import { Outbox } from "./outbox.ts";
import { ProfileStore } from "./profile.ts";
import { migrate, schemaVersion } from "./schema.ts";
import { Sql } from "./sql.ts";
import { Stubs } from "./stubs.ts";
import type { Card } from "./words.ts";

/** What an object consists of once its user exists. */
export interface Person {
  readonly meter: Meter;
  readonly friends: Friends;
  readonly profile: ProfileStore;
  readonly connections: Connections;
  readonly agenda: Agenda;
  readonly bonds: Bonds;
  readonly live: Live;
}

export interface Place {
  readonly ctx: DurableObjectState;
  readonly env: Env;
  readonly settings: Settings;
  /** The user's id, which is the object's name. */
  readonly user: string;
}

/**
 * The first request of the owner, or the first statement that is accepted: from now on there is storage. Until then an
 * object is a guessed name, which must stay without any.
 */
export function birth(place: Place): Person {
  const { storage } = place.ctx;
  migrate(storage);
  const meter = newMeter();
  const circle = { rev: Date.now(), sharing: true, self: { kind: "inactive" }, complete: false, contacts: [] } as const;
  const record = { circle, positionTat: 0, alarmAt: null };
  const sql = new Sql(storage, meter);
  return assemble(place, {
    meter,
    sql,
    connections: new Connections(place.ctx, meter),
    kept: new Kept(sql),
    record,
  });
}

/**
 * Puts a person together after a wake: from the carrier's attachment, or, when no socket is left, from the row that was
 * kept; when both are gone, from what the alarm tells. `ready` gets it at once where nothing has to be awaited, so that a
 * hibernated object with sockets is back within the constructor.
 */
export function wake(place: Place, ready: (person: Person) => void): void {
  const { storage } = place.ctx;
  if (schemaVersion(storage.sql) === 0) return;
  migrate(storage);
  const meter = newMeter();
  const sql = new Sql(storage, meter);
  const connections = new Connections(place.ctx, meter);
  const kept = new Kept(sql);
  const carried = connections.restore();
  if (carried !== null) {
    ready(assemble(place, { meter, sql, connections, kept, record: carried }));
    return;
  }
  void place.ctx.blockConcurrencyWhile(async () => {
    const alarmAt = await storage.getAlarm();
    const record = recall(place, { sql, kept, alarmAt });
    ready(assemble(place, { meter, sql, connections, kept, record }));
  });
}

function recall(
  { settings }: Place,
  { sql, kept, alarmAt }: { sql: Sql; kept: Kept; alarmAt: number | null },
): ObjectRecord {
  const { sharing } = new ProfileStore(sql);
  const record = kept.read();
  if (record !== null) return { ...record, circle: { ...record.circle, sharing }, alarmAt };
  const now = Date.now();
  // Nothing is written per position, so after a crash only the alarm tells that the user may have been active a moment
  // ago. It may also wait for something else; to be unsure for no reason costs friends a call, the opposite a position.
  const self: Self = { kind: alarmAt !== null && alarmAt <= now + settings.inactiveAfterMs ? "unsure" : "inactive" };
  return { circle: { rev: now, sharing, self, complete: false, contacts: [] }, positionTat: 0, alarmAt };
}

interface Memory {
  readonly meter: Meter;
  readonly sql: Sql;
  readonly connections: Connections;
  readonly kept: Kept;
  readonly record: ObjectRecord;
}

function assemble(place: Place, { meter, sql, connections, kept, record }: Memory): Person {
  const { ctx, env, settings, user } = place;
  const friends = new Friends(sql);
  const outbox = new Outbox(sql);
  const stubs = new Stubs(env, meter);
  const profile = new ProfileStore(sql);
  const agenda = new Agenda(ctx.storage, record.alarmAt, meter);
  const card = (): Card => profile.card;
  const bonds: Bonds = new Bonds({ user, stubs, friends, outbox, connections, agenda, card, live: () => live });
  const owesWord = (no: number): void => bonds.owe(no, Date.now());
  const live = new Live({ user, stubs, settings, friends, connections, agenda, card, kept, owesWord }, record);
  const { self, sharing, complete } = record.circle;
  // More contacts than fit: nobody knows what the clients show, so they get a new snapshot.
  if (self.kind === "active" && sharing && !complete) connections.forgetSnapshots();
  return { meter, friends, profile, connections, agenda, bonds, live };
}
