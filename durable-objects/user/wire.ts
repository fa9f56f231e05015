import type { Answer, Sighting } from "../../src/nearby/sighting.ts";
import type { Card, MeetReply } from "./words.ts";

/*
 * What travels in a meeting, as one JSON text each way. Meetings are nearly all of what objects say to each other, and
 * the runtime takes longer to carry a structured value than a text (and hands a structured answer out with a disposer to
 * collect); a text is also written once per position and not once per friend.
 *
 *   sighting  [rev, lat, lng, ts, activeUntil, errorM, name | null, avatar | null]
 *   reply     ["active", ...sighting] | ["away", rev, reason] | ["unsure", rev] | ["stale", rev] | ["stranger"]
 *           | =      active, at the sighting that the caller says it holds
 */

/** A text that is none of these: objects of two versions talk to each other during a deploy. The call counts as failed. */
export class WireError extends Error {
  override readonly name = "WireError";
}

export function encodeSighting({ rev, lat, lng, ts, activeUntil, errorM }: Sighting, { name, avatar }: Card): string {
  return JSON.stringify([rev, lat, lng, ts, activeUntil, errorM, name ?? null, avatar ?? null]);
}

/** What a friend has told: never changed, since objects of one isolate may hold the same one. */
export interface Told {
  readonly sighting: Sighting;
  readonly card: Card;
}

/** Of so many texts the isolate knows what they say: as many positions may be on their way to friends at once. */
const TOLD_MAX = 64;
const toldByText = new Map<string, Told>();

/** A position goes to all friends as the same text, and their objects often share an isolate: it is read and held once. */
export function decodeSighting(text: string): Told {
  const known = toldByText.get(text);
  if (known !== undefined) return known;
  const told = readSighting(readList(text), 0);
  const [oldest] = toldByText.size >= TOLD_MAX ? toldByText.keys() : [];
  if (oldest !== undefined) toldByText.delete(oldest);
  toldByText.set(text, told);
  return told;
}

/** The answer to who holds the sighting already that would be told. */
export const SAME = "=";

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

/** @param held what `SAME` stands for */
export function decodeReply(text: string, held: Sighting | null): MeetReply {
  if (text === SAME) {
    if (held === null) throw new WireError("nothing is held that could be the same");
    return { answer: { kind: "active", sighting: held } };
  }
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

function readSighting(list: readonly unknown[], at: number): Told {
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
