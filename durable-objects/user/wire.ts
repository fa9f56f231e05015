import type { Answer, Sighting } from "../../src/nearby/sighting.ts";
import type { Card, MeetReply } from "./words.ts";

/*
 * What travels in a meeting, as one JSON text each way. Meetings are nearly all of what objects say to each other, and
 * the runtime takes longer to carry a structured value than a text (and hands a structured answer out with a disposer to
 * collect); a text is also written once per position and not once per friend.
 *
 *   sighting  [rev, lat, lng, ts, activeUntil, errorM, name | null, avatar | null]
 *   reply     ["active", ...sighting] | ["away", rev, reason] | ["unsure", rev] | ["stale", rev] | ["stranger"]
 */

/** A text that is none of these: objects of two versions talk to each other during a deploy. The call counts as failed. */
export class WireError extends Error {
  override readonly name = "WireError";
}

export function encodeSighting({ rev, lat, lng, ts, activeUntil, errorM }: Sighting, { name, avatar }: Card): string {
  return JSON.stringify([rev, lat, lng, ts, activeUntil, errorM, name ?? null, avatar ?? null]);
}

export function decodeSighting(text: string): { sighting: Sighting; card: Card } {
  return readSighting(readList(text), 0);
}

/** `told` is the encoded sighting of an `active` answer. */
export function encodeAnswer(answer: Answer, told: string): string {
  switch (answer.kind) {
    case "active":
      return `["active",${told.slice(1)}`;
    case "away":
      return JSON.stringify(["away", answer.rev, answer.reason]);
    case "unsure":
    case "stale":
      return JSON.stringify([answer.kind, answer.rev]);
    case "stranger":
      return '["stranger"]';
  }
}

export function decodeReply(text: string): MeetReply {
  const list = readList(text);
  const [kind, , reason] = list;
  switch (kind) {
    case "active": {
      const { sighting, card } = readSighting(list, 1);
      return { answer: { kind, sighting }, card };
    }
    case "away":
      if (reason !== "inactive" && reason !== "paused") throw new WireError("unknown reason of absence");
      return { answer: { kind, rev: readNumber(list, 1), reason } };
    case "unsure":
    case "stale":
      return { answer: { kind, rev: readNumber(list, 1) } };
    case "stranger":
      return { answer: { kind } };
    default:
      throw new WireError("unknown answer");
  }
}

function readList(text: string): readonly unknown[] {
  const value: unknown = JSON.parse(text);
  if (!Array.isArray(value)) throw new WireError("not a list");
  return value;
}

function readSighting(list: readonly unknown[], at: number): { sighting: Sighting; card: Card } {
  const name = list[at + 6];
  const avatar = list[at + 7];
  return {
    sighting: {
      rev: readNumber(list, at),
      lat: readNumber(list, at + 1),
      lng: readNumber(list, at + 2),
      ts: readNumber(list, at + 3),
      activeUntil: readNumber(list, at + 4),
      errorM: readNumber(list, at + 5),
    },
    card: { ...(typeof name === "string" ? { name } : {}), ...(typeof avatar === "string" ? { avatar } : {}) },
  };
}

function readNumber(list: readonly unknown[], at: number): number {
  const value = list[at];
  if (typeof value !== "number") throw new WireError(`no number at ${at}`);
  return value;
}
