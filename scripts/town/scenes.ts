/** What `npm start` can show around the visitor: the town, recorded tracks, or nobody. */
import { basename } from "node:path";
import type { Place } from "../../src/geo/place.ts";
import type { Account } from "./api.ts";
import { castTown, PEOPLE, STOPS, STRANGERS, VISITOR_PLACE, VISITOR_TITLE } from "./cast.ts";
import type { Member } from "./members.ts";
import { seededRandom } from "./random.ts";
import { startReplay, TRACK_PACE } from "./replay.ts";
import { startTown } from "./town.ts";
import { busiestHourS, ENTITY_PREFIX, scheduleFrom, type Tracks } from "./tracks.ts";

/** The same town at every start: what somebody reports can be seen again. */
const SEED = 20_260_418;
/** Friends that each inhabitant has among the others, beside the visitor. */
const FRIENDS_EACH = 3;
/** Friends of the guest, so that a second terminal has somebody to show at once. */
const GUEST_FRIENDS_MAX = 60;

export interface Begin {
  readonly url: string;
  readonly radiusM: number;
  readonly note: (kind: "news" | "problem", text: string) => void;
}

export interface Scene {
  /** Where the visitor stands. */
  readonly title: string;
  readonly place: Place;
  readonly people: readonly { readonly id: string; readonly name: string }[];
  /** How many of them, the last ones, are no friends of the visitor but let strangers see them. */
  readonly strangers: number;
  /** Who is friends with whom, beside the visitor and the guest with each other. */
  readonly bonds: (accounts: readonly Account[], visitor: Account, guest: Account) => (readonly [Account, Account])[];
  /** Sets the people in motion; the returned function stops them. `members` are in the order of `people`. */
  readonly start: (members: readonly Member[], begin: Begin) => () => void;
}

export function emptyScene(): Scene {
  return {
    title: VISITOR_TITLE,
    place: VISITOR_PLACE,
    people: [],
    strangers: 0,
    bonds: () => [],
    start: () => () => {},
  };
}

export function townScene(): Scene {
  const random = seededRandom(SEED);
  return {
    title: VISITOR_TITLE,
    place: VISITOR_PLACE,
    people: [...PEOPLE, ...STRANGERS],
    strangers: STRANGERS.length,
    bonds: (everybody, visitor, guest) => {
      const accounts = everybody.slice(0, PEOPLE.length);
      return [
        ...withHosts(accounts, visitor, guest),
        ...accounts.flatMap((account, i) =>
          Array.from({ length: FRIENDS_EACH }, (): readonly [Account, Account][] => {
            const step = 1 + Math.floor(random() * (accounts.length - 1));
            const other = accounts[(i + step) % accounts.length];
            return other === undefined ? [] : [[account, other]];
          }).flat(),
        ),
      ];
    },
    start: (members, { url, radiusM, note }) =>
      startTown({
        url,
        walkers: castTown(Date.now(), radiusM, random),
        members: new Map(members.map((member) => [member.id, member])),
        stops: STOPS,
        random,
        nowMs: Date.now,
        onProblem: (text) => note("problem", text),
      }),
  };
}

/** @param file its name, for the title */
export function trackScene(tracks: Tracks, file: string, inactiveAfterS: number): Scene {
  const startS = busiestHourS(tracks.fixes);
  // Who has been silent for longer would be inactive in recorded time as well.
  const { fixes, centre } = scheduleFrom(tracks, startS, inactiveAfterS);
  const began = new Date(startS * 1000).toISOString().slice(0, 16).replace("T", " ");
  return {
    title: `${basename(file)} from ${began} UTC, x${TRACK_PACE}`,
    place: centre,
    people: tracks.entities.map((id) => ({ id: ENTITY_PREFIX + id, name: id })),
    strangers: 0,
    bonds: withHosts,
    start: (members, { note }) =>
      startReplay({
        fixes,
        clients: members.map((member) => member.client),
        nowMs: Date.now,
        onEnd: () => note("news", "the tracks have ended"),
      }),
  };
}

function withHosts(accounts: readonly Account[], visitor: Account, guest: Account): (readonly [Account, Account])[] {
  const ofVisitor = accounts.map((account) => [account, visitor] as const);
  const ofGuest = accounts.slice(0, GUEST_FRIENDS_MAX).map((account) => [account, guest] as const);
  return [...ofVisitor, ...ofGuest];
}
