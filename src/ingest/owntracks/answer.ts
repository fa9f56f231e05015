import { COARSE_ERROR_M } from "../../geo/coarse.ts";
import { toBase64 } from "./secretbox.ts";

/** A near friend, with the picture as it is in a PNG or JPEG file. */
export interface ShownFriend {
  readonly tid: string;
  readonly name: string;
  readonly lat: number;
  readonly lng: number;
  /** ms. */
  readonly ts: number;
  readonly precision: "exact" | "coarse";
  readonly face?: Uint8Array;
}

/** Somebody who has come near or left. */
export interface ShownTransition {
  readonly tid: string;
  readonly name: string;
  readonly event: "enter" | "leave";
}

/** Where and when the phone itself is. */
export interface OwnPlace {
  readonly lat: number;
  readonly lng: number;
  /** ms. */
  readonly now: number;
}

export interface CardElement {
  _type: "card";
  tid: string;
  name: string;
  face?: string;
}

export interface LocationElement {
  _type: "location";
  tid: string;
  lat: number;
  lon: number;
  tst: number;
  acc?: number;
}

export interface TransitionElement {
  _type: "transition";
  tid: string;
  event: "enter" | "leave";
  desc: string;
  lat: number;
  lon: number;
  acc: number;
  tst: number;
  wtst: number;
}

export type AnswerElement = CardElement | LocationElement | TransitionElement;

/** Which of the two apps asks: they refuse different things. */
export type Platform = "android" | "ios";

/** iOS sends what its networking sends for every app; Android has a name of its own. */
export function platformOf(userAgent: string): Platform {
  return /\b(?:CFNetwork|Darwin)\//.test(userAgent) ? "ios" : "android";
}

/**
 * What OwnTracks is answered: for each friend the card, then where they are. Neither app may find anything that it does not
 * know in here: Android throws the whole answer away for one bad element, and iOS holds all of it against a schema.
 */
export function friendElements(friends: readonly ShownFriend[], platform: Platform): AnswerElement[] {
  return friends.flatMap(({ tid, name, lat, lng, ts, precision, face }): AnswerElement[] => [
    { _type: "card", tid, name, ...faceOf(face, platform) },
    {
      _type: "location",
      tid,
      lat,
      lon: lng,
      // Android refuses 0.
      tst: Math.max(1, Math.floor(ts / 1000)),
      ...(precision === "coarse" ? { acc: COARSE_ERROR_M } : {}),
    },
  ]);
}

/**
 * Notices for iOS, which reads them out ("BO enters your area (Bob)"); on Android each would become a friend of its own. The
 * place is the phone's: where somebody was who is not shown any more is nobody's business.
 */
export function transitionElements(
  transitions: readonly ShownTransition[],
  { lat, lng, now }: OwnPlace,
): AnswerElement[] {
  const tst = Math.max(1, Math.floor(now / 1000));
  return transitions.map(({ tid, name, event }) => ({
    _type: "transition",
    tid,
    event,
    desc: `your area (${name})`,
    lat,
    lon: lng,
    acc: 0,
    tst,
    wtst: tst,
  }));
}

/** The schema inside iOS asks for a `face` in every card; an empty one is no picture, and the `tid` is drawn instead. */
function faceOf(face: Uint8Array | undefined, platform: Platform): { face?: string } {
  if (face !== undefined) return { face: toBase64(face) };
  return platform === "ios" ? { face: "" } : {};
}
