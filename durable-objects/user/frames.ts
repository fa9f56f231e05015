import { verifyToken } from "../../src/auth/token.ts";
import { logError } from "../../src/observe/log.ts";
import { encodeDown, type ErrorDown } from "../../src/protocol/down.ts";
import { type CloseKind, type ErrorCode, errorDown } from "../../src/protocol/errors.ts";
import type { Fix } from "../../src/protocol/fix.ts";
import { isOversized } from "../../src/protocol/frame-size.ts";
import { frameArrived, frameDecoded, type FrameVerdict } from "../../src/protocol/pace.ts";
import { inspectRefused } from "../../src/protocol/refused.ts";
import { decodeUp, type TokenUp, type Up } from "../../src/protocol/up.ts";
import type { Connection } from "./connections.ts";
import type { Person, Place } from "./person.ts";

/** Where a frame has come in. */
export interface Arrival {
  readonly place: Place;
  readonly person: Person;
  readonly connection: Connection;
  /** ms. */
  readonly now: number;
}

/** What a frame of the user's own client causes, from its bytes to the answer. */
export async function receive(at: Arrival, data: string | ArrayBuffer): Promise<void> {
  const kind = closeKindFor(data, at);
  if (kind !== null) closeConnection(at.person, at.connection, kind);
  else if (typeof data === "string") await decode(at, data);
}

export function closeConnection(person: Person, connection: Connection, kind: CloseKind): void {
  person.connections.close(connection, kind);
  person.strangers.settle(Date.now());
  person.live.keep();
}

/** The newest of some points, if it is at most `freshMs` old: it may be shown as the present. */
export function newestLive(points: readonly Fix[], now: number, freshMs: number): Fix | null {
  let newest: Fix | null = null;
  for (const point of points) if (newest === null || point.ts >= newest.ts) newest = point;
  return newest !== null && newest.ts >= now - freshMs ? newest : null;
}

/** Why a frame ends its connection before it is read, or null. */
function closeKindFor(data: string | ArrayBuffer, { connection, now }: Arrival): CloseKind | null {
  if (connection.tokenUntil <= now) return "tokenExpired";
  if (typeof data !== "string") return "binary";
  return isOversized(data) ? "tooBig" : null;
}

async function decode(at: Arrival, text: string): Promise<void> {
  const { place, person, connection, now } = at;
  const { connections, history, live } = person;
  connection.lastHeard = now;
  const arrived = frameArrived(connection.pace, now);
  connection.pace = arrived.pace;
  if (arrived.verdict !== "admitted") {
    const { ref } = inspectRefused(text);
    refuse(at, { text, error: errorDown("too_fast", { ref }), verdict: arrived.verdict });
    return;
  }
  const decoded = decodeUp(text, now);
  const paced = frameDecoded(arrived.pace, decoded.ok);
  connection.pace = paced.pace;
  if (!decoded.ok) {
    refuse(at, { text, error: decoded.error, verdict: paced.verdict });
    return;
  }
  const { message } = decoded;
  // Before anything else that may fail: from here on the points are the user's history.
  const points = pointsOf(message);
  if (points.length > 0) history.took(connection, points, now);
  connections.note(connection);
  try {
    await act(at, message);
  } catch (error) {
    logError("message_failed", { user: place.user, type: message.type, reason: String(error) });
    connections.send(connection, encodeDown(errorDown("internal", { ref: message.ref })));
    person.tally.failed("internal");
    person.feed.incident(now);
  }
  if (points.length > 0) history.settle(now);
  if (points.length > 0 && !live.active) history.storeSoon(now);
  live.mirror();
}

function refuse(
  { person, connection, now }: Arrival,
  { text, error, verdict }: { text: string; error: ErrorDown; verdict: FrameVerdict },
): void {
  const { connections, history, live, tally } = person;
  tally.failed(error.code);
  history.refused(connection, inspectRefused(text).points, now);
  connections.note(connection);
  connections.send(connection, encodeDown(error));
  if (verdict === "close") closeConnection(person, connection, "policy");
  else live.mirror();
}

function act(at: Arrival, message: Up): Promise<void> | void {
  const { place, person, connection, now } = at;
  const { connections, friends, live, profile, strangers } = person;
  const answer = (code: ErrorCode): void => {
    person.tally.failed(code);
    connections.send(connection, encodeDown(errorDown(code, { ref: message.ref })));
  };
  switch (message.type) {
    case "location":
    case "locations": {
      const fix =
        message.type === "location" ? message : newestLive(message.points, now, place.settings.inactiveAfterMs);
      if (fix !== null && "retryAfterMs" in live.report(fix, now)) answer("too_fast");
      return;
    }
    case "subscribe":
    case "unsubscribe": {
      const row = friends.byId(message.friend);
      if (row?.standing !== "friend") return answer("not_friends");
      const muted = message.type === "unsubscribe";
      const stored = row.muted === muted ? row : friends.setMuted(row, muted);
      const asker = { connection, ref: message.ref };
      if (!muted) return live.subscribe(stored, asker, now);
      live.unsubscribe(row.no, asker, now);
      return;
    }
    case "discover":
      if (message.on && !profile.discoverable) return answer("not_discoverable");
      return strangers.turn(connection, message.on, now);
    case "token":
      return renew(at, message);
  }
}

async function renew({ place, person, connection, now }: Arrival, { token, ref }: TokenUp): Promise<void> {
  const { connections, profile, agenda, live, tally } = person;
  const verdict = await verifyToken(token, place.settings.auth, now);
  // The keys cannot be had: nobody's fault, and the old deadline still stands.
  if (!verdict.ok && verdict.kind === "unavailable") {
    tally.failed("internal");
    connections.send(connection, encodeDown(errorDown("internal", { ref })));
    return;
  }
  if (!verdict.ok || verdict.caller.user !== place.user || verdict.caller.expMs < connection.tokenUntil) {
    tally.failed("bad_token");
    connections.send(connection, encodeDown(errorDown("bad_token", { ref })));
    closeConnection(person, connection, "tokenExpired");
    return;
  }
  connection.tokenUntil = verdict.caller.expMs;
  profile.introduce(verdict.caller);
  agenda.cover(connection.tokenUntil, now);
  connections.note(connection);
  live.mirror();
}

function pointsOf(message: Up): readonly Fix[] {
  if (message.type === "location") return [message];
  return message.type === "locations" ? message.points : [];
}
