/** The map: MapLibre draws the ground and moves it, the overlay draws on it. Loaded after the page, with the library. */
import "maplibre-gl/dist/maplibre-gl.css";
import { effect, signal } from "@preact/signals";
import { Map as GroundMap, Marker, setWorkerCount, setWorkerUrl, type StyleSpecification } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";

import type { Place } from "../../geo/place.ts";
import { say, sayDistance } from "../lang/words.ts";
import { serverNowMs } from "../state/clock.ts";
import { selected } from "../state/friends.ts";
import { inactiveAfterS, near, radiusM, setStage, strangers } from "../state/live.ts";
import { notify } from "../state/notices.ts";
import { moveTo, ownPlace, source } from "../state/place.ts";
import { isDark, lang } from "../state/prefs.ts";
import { config } from "../state/sign-in.ts";
import { momentPoint, trail } from "../state/trail.ts";
import { DARK, LIGHT, type Colours } from "./colours.ts";
import { latOf, lngOf, planePerMetre, WORLD_PX, xOf, yOf } from "./mercator.ts";
import { Overlay } from "./overlay.ts";

/** Shown until the first position is known: most of the world. */
const FIRST_ZOOM = 1.5;
const ZOOM_MAX = 19;
const FRIEND_ZOOM = 14;
/** How much of the smaller side the circle of who is near takes. */
const CIRCLE_SHARE = 0.84;
/** One press of an arrow key on the marker, and with the shift key. */
const KEY_STEP_M = 25;
const KEY_STRIDE_M = 250;
const GLIDE_MS = 700;

export interface MapHandle {
  /** Where the middle of the picture is. */
  center(): Place;
  zoomBy(steps: number): void;
  /** Shows the circle around the user, or what there is. */
  showOwn(): void;
  showFriend(id: string): void;
  showTrail(): void;
  end(): void;
}

export interface MapOptions {
  readonly container: HTMLElement;
  /** Pixels that panels cover on each side, now. */
  readonly covered: () => { left: number; bottom: number };
}

/** @throws when the browser has no WebGL */
export function startMap({ container, covered }: MapOptions): MapHandle {
  setWorkerUrl(new URL(workerUrl, location.href).href);
  // Two cores are common, and the page needs one.
  setWorkerCount(1);
  const map = new GroundMap({
    container,
    style: plainStyle(colours().ground),
    center: [0, 20],
    zoom: FIRST_ZOOM,
    maxZoom: ZOOM_MAX,
    // North is up: what is drawn over the map then needs no more than two multiplications a friend.
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    maxPitch: 0,
    attributionControl: { compact: true },
    fadeDuration: 0,
    refreshExpiredTiles: false,
    locale: { "Map.Title": say("mapLabel") },
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  const overlay = new Overlay({
    colours: colours(),
    sayDistance,
    serverNowMs,
    inactiveAfterMs: () => inactiveAfterS.peek() * 1000,
  });
  map.getCanvas().after(...overlay.canvases);
  const follow = (): void => overlay.follow(viewOf(map));
  map.on("render", follow);
  map.on("resize", follow);
  map.once("render", () => performance.mark("map-painted"));
  follow();
  listenForTaps(map, overlay);
  const view = new Camera(map, covered);
  const marker = new OwnMarker(map, container);
  const stops = [
    showGround(map, overlay),
    effect(() => overlay.setCircle(ownPlace.value, radiusM.value)),
    effect(() => overlay.setTrail(trail.value?.points ?? [], momentPoint.value)),
    effect(() => overlay.setStrangers(strangers.value)),
    effect(() => overlay.select(selected.value)),
    effect(() => marker.show(ownPlace.value, source.value === "map", say("placeMarker"))),
    effect(() => view.beginAt(ownPlace.value ?? near.value[0], radiusM.value)),
    // Labels of distances are in the language.
    lang.subscribe(() => overlay.drawAll()),
  ];
  setStage(overlay);
  return {
    center: () => view.center(),
    zoomBy: (steps) => void map.easeTo({ zoom: map.getZoom() + steps, duration: view.glideMs() }),
    showOwn: () => view.showCircle(ownPlace.peek() ?? near.peek()[0], radiusM.peek()),
    showFriend: (id) => view.showPlace(near.peek().find((friend) => friend.id === id)),
    showTrail: () => view.showAll(trail.peek()?.points ?? []),
    end() {
      setStage(undefined);
      for (const stop of stops) stop();
      overlay.end();
      map.remove();
    },
  };
}

function colours(): Colours {
  return isDark() ? DARK : LIGHT;
}

function plainStyle(ground: string): StyleSpecification {
  return {
    version: 8,
    sources: {},
    layers: [{ id: "ground", type: "background", paint: { "background-color": ground } }],
  };
}

/** The basemap of the settings; the plain one where there is none, or no network. @returns what ends it */
function showGround(map: GroundMap, overlay: Overlay): () => void {
  let shown: string | undefined;
  let isLoading = false;
  const isBroken = signal(false);
  map.on("style.load", () => {
    isLoading = false;
    map.setProjection({ type: "mercator" });
  });
  map.on("error", ({ error }) => {
    console.warn(error);
    // Tiles that are missing here and there are left out; a style that cannot be read leaves nothing.
    if (!isLoading) return;
    isBroken.value = true;
    notify(say("mapOffline"));
  });
  const onNetwork = (): void => {
    isBroken.value = false;
  };
  addEventListener("online", onNetwork);
  const stop = effect(() => {
    const shade = colours();
    const address = isBroken.value ? null : (config.value?.mapStyleUrl ?? null);
    overlay.restyle(shade, address === null);
    if (address !== null && address === shown) return;
    shown = address ?? undefined;
    isLoading = address !== null;
    map.setStyle(address ?? plainStyle(shade.ground), { diff: false });
  });
  return () => {
    stop();
    removeEventListener("online", onNetwork);
  };
}

function viewOf(map: GroundMap) {
  const { lng, lat } = map.getCenter();
  const { clientWidth: widthPx, clientHeight: heightPx } = map.getContainer();
  return { centerX: xOf(lng), centerY: yOf(lat), worldPx: WORLD_PX * 2 ** map.getZoom(), widthPx, heightPx };
}

function listenForTaps(map: GroundMap, overlay: Overlay): void {
  map.on("click", ({ point }) => (selected.value = overlay.hit(point.x, point.y)));
  map.on("mousemove", ({ point }) => {
    map.getCanvas().style.cursor = overlay.hit(point.x, point.y) === undefined ? "" : "pointer";
  });
}

/** Looks at places, beside what panels cover. */
class Camera {
  readonly #map: GroundMap;
  readonly #covered: MapOptions["covered"];
  #hasBegun = false;

  constructor(map: GroundMap, covered: MapOptions["covered"]) {
    this.#map = map;
    this.#covered = covered;
  }

  glideMs(): number {
    return matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : GLIDE_MS;
  }

  center(): Place {
    const { left, bottom } = this.#covered();
    const { clientWidth, clientHeight } = this.#map.getContainer();
    const { lat, lng } = this.#map.unproject([(clientWidth + left) / 2, (clientHeight - bottom) / 2]).wrap();
    return { lat, lng };
  }

  /** The first time that a place is known, without a flight there. */
  beginAt(place: Place | undefined, radius: number | undefined): void {
    if (this.#hasBegun || place === undefined || radius === undefined) return;
    this.#hasBegun = true;
    this.#look(place, this.#circleZoom(place, radius), 0);
  }

  showCircle(place: Place | undefined, radius: number | undefined): void {
    if (place !== undefined && radius !== undefined) {
      this.#look(place, this.#circleZoom(place, radius), this.glideMs());
    }
  }

  showPlace(place: Place | undefined): void {
    if (place !== undefined) this.#look(place, Math.max(FRIEND_ZOOM, this.#map.getZoom()), this.glideMs());
  }

  showAll(places: readonly Place[]): void {
    const [first] = places;
    if (first === undefined) return;
    const lats = places.map(({ lat }) => yOf(lat));
    const lngs = places.map(({ lng }) => xOf(lng));
    const [west, east] = [least(lngs), -least(lngs.map((x) => -x))];
    const [north, south] = [least(lats), -least(lats.map((y) => -y))];
    const { width, height } = this.#free();
    const span = Math.max((east - west) / width, (south - north) / height) / CIRCLE_SHARE;
    const zoom = span > 0 ? Math.log2(1 / (span * WORLD_PX)) : ZOOM_MAX;
    const middle = placeOf((west + east) / 2, (north + south) / 2);
    this.#look(middle, Math.min(FRIEND_ZOOM, zoom), this.glideMs());
  }

  #look({ lat, lng }: Place, zoom: number, duration: number): void {
    const { left, bottom } = this.#covered();
    this.#map.easeTo({ center: [lng, lat], zoom, offset: [left / 2, -bottom / 2], duration });
  }

  #circleZoom({ lat }: Place, radius: number): number {
    const { width, height } = this.#free();
    const plane = (2 * radius * planePerMetre(lat)) / CIRCLE_SHARE;
    return Math.log2(Math.min(width, height) / (plane * WORLD_PX));
  }

  #free(): { width: number; height: number } {
    const { left, bottom } = this.#covered();
    const { clientWidth, clientHeight } = this.#map.getContainer();
    return { width: Math.max(100, clientWidth - left), height: Math.max(100, clientHeight - bottom) };
  }
}

function placeOf(x: number, y: number): Place {
  return { lat: latOf(y), lng: lngOf(x) };
}

/** Of lists too long for the arguments of Math.min. */
function least(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
}

/** Where the user is. On the map's own terms it can be dragged, and moved by keys. */
class OwnMarker {
  readonly #map: GroundMap;
  readonly #marker: Marker;
  readonly #element: HTMLButtonElement;
  #isOnMap = false;

  constructor(map: GroundMap, container: HTMLElement) {
    this.#map = map;
    this.#element = container.ownerDocument.createElement("button");
    this.#element.type = "button";
    this.#element.className = "own";
    this.#marker = new Marker({ element: this.#element });
    this.#marker.on("drag", () => this.#tell(false));
    this.#marker.on("dragend", () => this.#tell(true));
    this.#element.addEventListener("keydown", (event) => this.#onKey(event));
    // Else the click that ends a drag would also pick a friend nearby.
    this.#element.addEventListener("click", (event) => event.stopPropagation());
  }

  show(place: Place | undefined, isMovable: boolean, label: string): void {
    if (place === undefined) {
      this.#marker.remove();
      this.#isOnMap = false;
      return;
    }
    this.#marker.setLngLat([place.lng, place.lat]);
    this.#marker.setDraggable(isMovable);
    this.#element.classList.toggle("movable", isMovable);
    if (!this.#isOnMap) this.#marker.addTo(this.#map);
    this.#isOnMap = true;
    this.#element.setAttribute("aria-label", isMovable ? label : say("placeHere"));
  }

  #tell(isLast: boolean): void {
    const { lat, lng } = this.#marker.getLngLat().wrap();
    moveTo({ lat, lng }, isLast);
  }

  #onKey(event: KeyboardEvent): void {
    const direction = DIRECTIONS[event.key];
    const here = ownPlace.peek();
    if (direction === undefined || here === undefined || source.peek() !== "map") return;
    event.preventDefault();
    event.stopPropagation();
    const step = (event.shiftKey ? KEY_STRIDE_M : KEY_STEP_M) * planePerMetre(here.lat);
    const to = placeOf(xOf(here.lng) + direction.x * step, yOf(here.lat) + direction.y * step);
    moveTo(to, !event.repeat);
  }
}

const DIRECTIONS: Readonly<Record<string, { readonly x: number; readonly y: number }>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};
