import type { Sighting } from "../../src/nearby/sighting.ts";
import type { Self } from "../../src/nearby/state.ts";
import { type Meter, newMeter } from "../../src/observe/meter.ts";
import { Tally } from "../../src/observe/tally.ts";
import { REST_MAX_MS } from "../../src/protocol/limits.ts";
import type { Settings } from "../../src/settings.ts";
import { NO_TRACK } from "../../src/nearby/jumps.ts";
import { CELL_IN_LOG } from "./about.ts";
import { Activation } from "./activation.ts";
import { Agenda } from "./agenda.ts";
import { isReadable, NO_POINTS, type ObjectRecord } from "./attachment.ts";
import { Blocks } from "./blocks.ts";
import { Bonds } from "./bonds.ts";
import { Connections } from "./connections.ts";
import { Chunks } from "./chunks.ts";
import { Devices } from "./devices.ts";
import { Erased } from "./erased.ts";
import { Feed } from "./feed.ts";
import { Friends } from "./friends.ts";
import { History } from "./history.ts";
import { HistoryQueue } from "./history-queue.ts";
import { Invites } from "./invites.ts";
import { Kept } from "./kept.ts";
import { Links } from "./links.ts";
import { Live } from "./live.ts";
import { Outbox } from "./outbox.ts";
import { ProfileStore } from "./profile.ts";
import { migrate, schemaVersion } from "./schema.ts";
import { Shares } from "./shares.ts";
import { Sql } from "./sql.ts";
import { Strangers } from "./strangers.ts";
import { type CellStub, meetsOf, Stubs } from "./stubs.ts";
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
  readonly activation: Activation;
  readonly history: History;
  readonly blocks: Blocks;
  readonly invites: Invites;
  readonly links: Links;
  readonly shares: Shares;
  readonly devices: Devices;
  readonly strangers: Strangers;
  readonly outbox: Outbox;
  readonly chunks: Chunks;
  readonly tally: Tally;
  readonly feed: Feed;
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
  const record = { circle, positionTat: 0, track: NO_TRACK, alarmAt: null, unsaved: NO_POINTS };
  const sql = new Sql(storage, meter);
  return assemble(place, {
    meter,
    sql,
    connections: new Connections(place.ctx, meter),
    kept: new Kept(sql),
    record,
    promised: false,
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
    ready(assemble(place, { meter, sql, connections, kept, record: carried, promised: false }));
    return;
  }
  void place.ctx.blockConcurrencyWhile(async () => {
    const alarmAt = await storage.getAlarm();
    const record = recall(place, { sql, kept, alarmAt });
    ready(assemble(place, { meter, sql, connections, kept, record, promised: true }));
  });
}

function recall(
  { settings }: Place,
  { sql, kept, alarmAt }: { sql: Sql; kept: Kept; alarmAt: number | null },
): ObjectRecord {
  const { sharing } = new ProfileStore(sql);
  const row = kept.read();
  const unsaved = row?.unsaved ?? NO_POINTS;
  if (row?.record) return { ...row.record, circle: { ...row.record.circle, sharing }, alarmAt, unsaved };
  const now = Date.now();
  // Nothing is written per position, so after a crash only the alarm tells that the user may have been active a moment
  // ago. It may also wait for something else; to be unsure for no reason costs friends a call, the opposite a position.
  const latestAt = now + settings.inactiveAfterMs + REST_MAX_MS;
  const self: Self = { kind: alarmAt !== null && alarmAt <= latestAt ? "unsure" : "inactive" };
  const circle = { rev: now, sharing, self, complete: false, contacts: [] };
  return { circle, positionTat: 0, track: NO_TRACK, alarmAt, unsaved };
}

interface Memory {
  readonly meter: Meter;
  readonly sql: Sql;
  readonly connections: Connections;
  readonly kept: Kept;
  readonly record: ObjectRecord;
  /** Its points come from the row kept without a socket: somebody may have been told that they are stored. */
  readonly promised: boolean;
}

function assemble(place: Place, { meter, sql, connections, kept, record, promised }: Memory): Person {
  const { ctx, env, settings, user } = place;
  const { unsaved } = record;
  const friends = new Friends(sql);
  const outbox = new Outbox(sql);
  const stubs = new Stubs(env.USER, meter);
  const profile = new ProfileStore(sql);
  const agenda = new Agenda(ctx.storage, record.alarmAt, meter);
  const card = (): Card => profile.card;
  const blocks = new Blocks(sql);
  const bonds: Bonds = new Bonds({ user, stubs, friends, outbox, blocks, connections, agenda, card, live: () => live });
  const invites = new Invites(sql);
  const devices = new Devices(sql);
  const links = new Links({ user, stubs, friends, bonds, blocks, invites });
  const shares = new Shares({ ctx, sql, agenda, name: () => card().name });
  const moved = (sighting: Sighting, now: number): void => {
    shares.show(sighting, now);
    strangers.moved();
    feed.moved(now);
  };
  const owesWord = (no: number): void => bonds.owe(no, Date.now());
  const chunks = new Chunks(sql, user);
  if (unsaved.points !== null && !isReadable(unsaved)) chunks.adopt(unsaved.points, unsaved.since ?? Date.now());
  const erased = new Erased(sql);
  const { sinks, queues } = settings.history;
  const queue = sinks.length === 0 ? null : new HistoryQueue({ env, user, queues, chunks, erased, agenda, meter });
  const stored = (): void => live.pointsStored();
  const history = new History(
    { user, queue, chunks, erased, connections, agenda, stored },
    { unsaved: isReadable(unsaved) ? unsaved : NO_POINTS, promised, heldTs: record.track.held?.pointTs ?? null },
  );
  const activation = new Activation({ user, settings, friends, agenda, meter });
  const tally = new Tally(meter, record.counts);
  const calls = { user, stubs, meets: meetsOf(env.USER, meter) };
  const live: Live = new Live(
    { ...calls, settings, friends, connections, agenda, card, kept, history, activation, tally, owesWord, moved },
    record,
  );
  const shards = settings.monitorShards;
  const feed = new Feed(
    { env, user, shards, meter, tally, connections, agenda, chunks, live: () => live },
    record.circle.self.kind === "active",
  );
  const cells = new Stubs<CellStub>(env.CELL, meter, CELL_IN_LOG);
  const strangers = new Strangers({ user, cells, settings, profile, friends, blocks, connections, live });
  const { self, sharing, complete } = record.circle;
  // More contacts than fit: nobody knows what the clients show, so they get a new snapshot.
  if (self.kind === "active" && sharing && !complete) connections.forgetSnapshots();
  return {
    meter,
    friends,
    profile,
    connections,
    agenda,
    bonds,
    live,
    activation,
    history,
    blocks,
    invites,
    links,
    shares,
    devices,
    strangers,
    outbox,
    chunks,
    tally,
    feed,
  };
}
