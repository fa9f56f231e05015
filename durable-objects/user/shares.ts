import type { Place } from "../../src/geo/place.ts";
import { CLOSE, CLOSE_REASON, type CloseKind } from "../../src/protocol/errors.ts";
import { SHARE_VIEWERS_MAX, SHARES_MAX } from "../../src/protocol/limits.ts";
import type { Agenda } from "./agenda.ts";
import { SHARE_TAG } from "./connections.ts";
import type { Sql } from "./sql.ts";

export interface ShareEntry {
  /** 128 random bits, base64url; the code that people get is sealed around it (src/auth/link-code.ts). */
  readonly id: string;
  /** ms. */
  readonly expiresAt: number;
  readonly viewers: number;
}

/** Where the user is, as viewers of a share get to see it. */
export interface SharedFix extends Place {
  readonly ts: number;
}

export interface SharesParts {
  readonly ctx: DurableObjectState;
  readonly sql: Sql;
  readonly agenda: Agenda;
  /** What the user is called now. */
  readonly name: () => string | undefined;
}

/** The user's live links and who is watching them: read-only sockets of people without an account. */
export class Shares {
  readonly #ctx: DurableObjectState;
  readonly #sql: Sql;
  readonly #agenda: Agenda;
  /** By share: when it ends, ms, and its viewers. Read with the first need: most users share with nobody. */
  #open: Map<string, { endsAt: number; viewers: Set<WebSocket> }> | null = null;

  readonly #name: () => string | undefined;

  constructor({ ctx, sql, agenda, name }: SharesParts) {
    this.#ctx = ctx;
    this.#sql = sql;
    this.#agenda = agenda;
    this.#name = name;
    // A wake that finds viewers has to go on sending to them; without any, nothing is read.
    if (ctx.getWebSockets(SHARE_TAG).length > 0) this.#all();
  }

  /** @returns false when there are too many */
  add({ id, endsAt }: { id: string; endsAt: number }, now: number): boolean {
    this.end(now);
    if (this.#all().size >= SHARES_MAX) return false;
    this.#sql.all("INSERT INTO share (id, ends_at) VALUES (?, ?)", id, endsAt);
    this.#all().set(id, { endsAt, viewers: new Set() });
    this.#agenda.cover(endsAt, now);
    return true;
  }

  list(now: number): ShareEntry[] {
    this.end(now);
    return Array.from(this.#all(), ([id, { endsAt, viewers }]) => ({ id, expiresAt: endsAt, viewers: viewers.size }));
  }

  /** When the share ends, ms; undefined when it has, or never was. */
  endOf(id: string, now: number): number | undefined {
    const endsAt = this.#all().get(id)?.endsAt;
    return endsAt !== undefined && endsAt > now ? endsAt : undefined;
  }

  /** Takes a viewer in. @returns the client's end, or null when there are too many */
  watch(id: string, fix: SharedFix | null): WebSocket | null {
    const share = this.#all().get(id);
    if (share === undefined || share.viewers.size >= SHARE_VIEWERS_MAX) return null;
    const { 0: client, 1: server } = new WebSocketPair();
    this.#ctx.acceptWebSocket(server, [SHARE_TAG, id]);
    share.viewers.add(server);
    if (fix !== null) send(server, this.#frame(fix, share.endsAt));
    return client;
  }

  /** The user is somewhere else. */
  show(fix: SharedFix, now: number): void {
    if (this.#open === null) return;
    for (const { endsAt, viewers } of this.#open.values()) {
      if (viewers.size === 0 || endsAt <= now) continue;
      const frame = this.#frame(fix, endsAt);
      for (const viewer of viewers) send(viewer, frame);
    }
  }

  /** A frame of somebody who is no connection of the user. Viewers have nothing to say, and each frame wakes the object. */
  refuse(ws: WebSocket): void {
    if (this.#ctx.getTags(ws).includes(SHARE_TAG)) close(ws, "policy");
  }

  left(ws: WebSocket): void {
    for (const { viewers } of this.#open?.values() ?? []) viewers.delete(ws);
  }

  /** @returns whether there was one */
  remove(id: string): boolean {
    const share = this.#all().get(id);
    if (share === undefined) return false;
    this.#all().delete(id);
    this.#sql.all("DELETE FROM share WHERE id = ?", id);
    for (const viewer of share.viewers) close(viewer, "shareEnded");
    return true;
  }

  /** Ends those whose time has come. @returns when the next one ends, ms, or null */
  end(now: number): number | null {
    let next: number | null = null;
    for (const [id, { endsAt }] of this.#all()) {
      if (endsAt <= now) this.remove(id);
      else next = Math.min(next ?? endsAt, endsAt);
    }
    return next;
  }

  /** A planned restart: viewers come back after a random delay. */
  restart(): void {
    for (const { viewers } of this.#open?.values() ?? []) {
      for (const viewer of viewers) close(viewer, "restart");
      viewers.clear();
    }
  }

  clear(): void {
    for (const id of this.#all().keys()) this.remove(id);
  }

  #frame({ lat, lng, ts }: SharedFix, endsAt: number): string {
    const name = this.#name();
    return JSON.stringify({ type: "share", lat, lng, ts, ...(name === undefined ? {} : { name }), endsAt });
  }

  #all(): Map<string, { endsAt: number; viewers: Set<WebSocket> }> {
    if (this.#open !== null) return this.#open;
    const rows = this.#sql.all<{ id: string; ends_at: number }>("SELECT id, ends_at FROM share");
    const found = new Map(
      rows.map(({ id, ends_at: endsAt }) => [id, { endsAt, viewers: new Set(this.#ctx.getWebSockets(id)) }] as const),
    );
    this.#open = found;
    return found;
  }
}

function send(viewer: WebSocket, frame: string): void {
  try {
    viewer.send(frame);
  } catch {
    // Gone; its close handler follows.
  }
}

function close(viewer: WebSocket, kind: CloseKind): void {
  try {
    viewer.close(CLOSE[kind], CLOSE_REASON[kind]);
  } catch {
    // Already closed by the viewer.
  }
}
