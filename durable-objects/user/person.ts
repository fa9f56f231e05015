import type { Self } from "../../src/nearby/state.ts";
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
import { Stubs } from "./stubs.ts";
import type { Card } from "./words.ts";

/** What an object consists of once its user exists. */
export interface Person {
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
  const circle = { rev: Date.now(), sharing: true, self: { kind: "inactive" }, complete: false, contacts: [] } as const;
  const record = { circle, positionTat: 0, alarmAt: null };
  return assemble(place, { connections: new Connections(place.ctx), kept: new Kept(storage.sql), record });
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
  const connections = new Connections(place.ctx);
  const kept = new Kept(storage.sql);
  const carried = connections.restore();
  if (carried !== null) {
    ready(assemble(place, { connections, kept, record: carried }));
    return;
  }
  void place.ctx.blockConcurrencyWhile(async () => {
    const alarmAt = await storage.getAlarm();
    ready(assemble(place, { connections, kept, record: recall(place, kept, alarmAt) }));
  });
}

function recall({ ctx, settings }: Place, kept: Kept, alarmAt: number | null): ObjectRecord {
  const { sql } = ctx.storage;
  const { sharing } = new ProfileStore(sql);
  const record = kept.read();
  if (record !== null) return { ...record, circle: { ...record.circle, sharing }, alarmAt };
  const now = Date.now();
  // Nothing is written per position, so after a crash only the alarm knows that the user was active a moment ago.
  const isActivity =
    alarmAt !== null && alarmAt <= now + settings.inactiveAfterMs && alarmAt !== new Outbox(sql).nextAt();
  const self: Self = { kind: isActivity ? "unsure" : "inactive" };
  return { circle: { rev: now, sharing, self, complete: false, contacts: [] }, positionTat: 0, alarmAt };
}

interface Memory {
  readonly connections: Connections;
  readonly kept: Kept;
  readonly record: ObjectRecord;
}

function assemble(place: Place, { connections, kept, record }: Memory): Person {
  const { ctx, env, settings, user } = place;
  const { sql } = ctx.storage;
  const friends = new Friends(sql);
  const outbox = new Outbox(sql);
  const stubs = new Stubs(env);
  const profile = new ProfileStore(sql);
  const agenda = new Agenda(ctx.storage, record.alarmAt);
  const card = (): Card => profile.card;
  const bonds: Bonds = new Bonds({ user, stubs, friends, outbox, connections, agenda, card, live: () => live });
  const owesWord = (no: number): void => bonds.owe(no, Date.now());
  const live = new Live({ user, stubs, settings, friends, connections, agenda, card, kept, owesWord }, record);
  return { friends, profile, connections, agenda, bonds, live };
}
