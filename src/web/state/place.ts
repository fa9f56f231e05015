/** Where the user is: from the device, or chosen on the map. Nothing is sent before the user has said which. */
import { batch, effect, signal } from "@preact/signals";

import { serverNowMs } from "./clock.ts";
import { sendPosition, updateEveryMs } from "./live.ts";
import { session } from "./session.ts";
import { keep, kept } from "./storage.ts";

/** `device`: the browser's geolocation; `map`: a marker on the map; `off`: this page only looks. */
export type Source = "device" | "map" | "off";

export interface OwnPlace {
  readonly lat: number;
  readonly lng: number;
  /** Metres. */
  readonly accuracy?: number;
}

export const source = signal<Source>("off");
export const ownPlace = signal<OwnPlace | undefined>(undefined);
/** Why the device tells nothing; undefined while it does, or was not asked. */
export const placeProblem = signal<"denied" | "unavailable" | undefined>(undefined);

/** While somebody moves: as often as the server shows positions to friends (POSITION_MIN_S). */
const MOVE_MIN_MS = 5_000;
/** How long a position that the device has at hand counts as the present one. */
const AT_HAND_MAX_MS = 20_000;
/** A receiver that has no sky says so after this. */
const FIX_WITHIN_MS = 30_000;
/** The marker is dragged: friends see it move, within the burst that the server allows. */
const DRAG_MIN_MS = 1_000;

let stop: () => void = () => {};
let sentMs = 0;
/** The marker was put somewhere: the server believes a place far away only when it is said twice (JUMP1). */
let saysAgain = false;

/** Each user of this browser has said for themselves whether to be seen. */
export function watchSession(): void {
  effect(() => {
    const user = session.value?.user;
    stop();
    batch(() => {
      placeProblem.value = undefined;
      ownPlace.value = undefined;
      source.value = "off";
    });
    if (user !== undefined) restore(user);
  });
}

function restore(user: string): void {
  const chosen = kept(`source.${user}`);
  if (chosen === "device") useDevice();
  else if (chosen === "map") usePlace(readPlace(kept(`place.${user}`)));
}

/** The device is asked, which may make the browser ask the user. */
export function useDevice(): void {
  begin("device");
  if (!("geolocation" in navigator)) {
    placeProblem.value = "unavailable";
    return;
  }
  const { geolocation } = navigator;
  const options = { enableHighAccuracy: true, maximumAge: AT_HAND_MAX_MS, timeout: FIX_WITHIN_MS };
  const watch = geolocation.watchPosition(report, reportProblem, options);
  // Browsers report changes only: whoever sits still would be taken for gone.
  // How often that is, the server says when it is connected.
  const timer = setInterval(() => {
    if (Date.now() - sentMs >= updateEveryMs()) geolocation.getCurrentPosition(report, reportProblem, options);
  }, MOVE_MIN_MS);
  stop = () => {
    geolocation.clearWatch(watch);
    clearInterval(timer);
  };
}

function report({ coords, timestamp }: GeolocationPosition): void {
  const { latitude: lat, longitude: lng, accuracy, speed, heading } = coords;
  batch(() => {
    placeProblem.value = undefined;
    ownPlace.value = { lat, lng, accuracy };
  });
  if (Date.now() - sentMs < MOVE_MIN_MS) return;
  sentMs = Date.now();
  sendPosition(() => ({
    lat,
    lng,
    accuracy,
    // By the server's clock: friends would see a wrong one of this device as a wrong age.
    ts: serverNowMs() - Math.max(0, Math.min(AT_HAND_MAX_MS, Date.now() - timestamp)),
    ...(speed === null ? {} : { speed }),
    ...(heading === null ? {} : { heading }),
  }));
}

function reportProblem({ code }: GeolocationPositionError): void {
  placeProblem.value = code === GeolocationPositionError.PERMISSION_DENIED ? "denied" : "unavailable";
}

/** Somewhere to begin with is needed: where the user was last, or the middle of what the map shows. */
export function usePlace(place: OwnPlace | undefined): void {
  begin("map");
  if (place !== undefined) moveTo(place);
  const timer = setInterval(() => {
    const here = ownPlace.peek();
    const isDue = saysAgain || Date.now() - sentMs >= updateEveryMs();
    if (here !== undefined && isDue) sendHere(here);
    saysAgain = false;
  }, DRAG_MIN_MS);
  stop = () => clearInterval(timer);
}

/** The marker was moved. With `isLast` it is let go, and where it stays is sent at once. */
export function moveTo(place: OwnPlace, isLast = true): void {
  const user = session.peek()?.user;
  ownPlace.value = place;
  if (isLast && user !== undefined) keep(`place.${user}`, `${place.lat},${place.lng}`);
  if (isLast || Date.now() - sentMs >= DRAG_MIN_MS) sendHere(place);
  saysAgain = isLast;
}

function sendHere({ lat, lng }: OwnPlace): void {
  sentMs = Date.now();
  sendPosition(() => ({ lat, lng }));
}

export function sendNothing(): void {
  begin("off");
  ownPlace.value = undefined;
}

/** For a sign-in that says where the user stands; taken up when the session begins. */
export function choosePlace(user: string, place: OwnPlace): void {
  if (!(Math.abs(place.lat) <= 90 && Math.abs(place.lng) <= 180)) return;
  keep(`source.${user}`, "map");
  keep(`place.${user}`, `${place.lat},${place.lng}`);
  if (session.peek()?.user === user) restore(user);
}

function begin(next: Source): void {
  stop();
  stop = () => {};
  sentMs = 0;
  saysAgain = false;
  const user = session.peek()?.user;
  if (user !== undefined) keep(`source.${user}`, next);
  batch(() => {
    source.value = next;
    placeProblem.value = undefined;
  });
}

function readPlace(text: string | undefined): OwnPlace | undefined {
  const [lat = Number.NaN, lng = Number.NaN] = (text ?? "").split(",").map(Number);
  return Math.abs(lat) <= 90 && Math.abs(lng) <= 180 ? { lat, lng } : undefined;
}
