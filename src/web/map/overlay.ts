/**
 * What is drawn over the map, on two canvases: the lower one has what stands still while nobody moves the map (the circle
 * of who is near, strangers, the trail, the plain map's lines), the upper one the friends, who move all the time.
 */
import type { Place } from "../../geo/place.ts";
import type { Friend, Stage } from "../state/live.ts";
import { drawGrid, drawRings } from "./chart.ts";
import type { Colours } from "./colours.ts";
import { circleAround, latOf, planePerMetre, screenX, screenY, xOf, yOf, type View } from "./mercator.ts";
import { sendTo, stand, xAt, yAt, type Way } from "./motion.ts";
import { drawStrangers } from "./strangers.ts";
import { drawSprite, SIZES_PX, Sprites, type Face, type Size } from "./sprites.ts";

/** Up to so many friends are drawn large, and with their names; up to so many more with initials; the rest as dots. */
const LARGE_MAX = 60;
const MEDIUM_MAX = 450;
const LABELS_MAX = 40;
/** Narrower than this even a few friends cover each other. */
const SMALL_VIEW_PX = 500;
/** Names keep their places for so long: decided in every frame, they would flicker where friends pass each other. */
const LABELS_EVERY_MS = 400;
/** Sharper than this no eye sees, and every pixel is painted in every frame. */
const SCALE_MAX = 2;
/** Who shares about a kilometre may be anywhere in such a circle. */
const COARSE_RADIUS_M = 550;
/** Nobody taps more precisely than this. */
const TAP_PX = 24;
/** A friend who was silent for this share of the time until inactive is drawn fainter. */
const FADE_AFTER = 0.5;
const FADED = 0.6;

interface Actor {
  readonly way: Way;
  face: Face;
  ts: number;
  isCoarse: boolean;
  /** Where it was drawn last, and whether there was room for the name. */
  x: number;
  y: number;
  hasLabel: boolean;
}

export interface OverlayOptions {
  readonly colours: Colours;
  readonly sayDistance: (distanceM: number) => string;
  readonly serverNowMs: () => number;
  readonly inactiveAfterMs: () => number;
}

export class Overlay implements Stage {
  /** Lower first. */
  readonly canvases: readonly [HTMLCanvasElement, HTMLCanvasElement];
  readonly #options: OverlayOptions;
  readonly #stillPen: CanvasRenderingContext2D;
  readonly #pen: CanvasRenderingContext2D;
  readonly #sprites: Sprites;
  readonly #actors = new Map<string, Actor>();
  #colours: Colours;
  #view: View = { centerX: 0.5, centerY: 0.5, worldPx: 512, widthPx: 0, heightPx: 0 };
  #scale = 1;
  #circle: { readonly points: Float64Array; readonly center: Place; readonly radiusM: number } | undefined;
  #trail: Float64Array = new Float64Array();
  #moment: Place | undefined;
  #strangers: readonly Place[] = [];
  #selected: string | undefined;
  #isPlain = true;
  /** Whether the lower canvas is not what it should show. */
  #isStale = true;
  #labelledMs = 0;
  #frame: number | undefined;

  constructor(options: OverlayOptions) {
    const [still, moving] = [layer("overlay still"), layer("overlay")];
    this.canvases = [still.canvas, moving.canvas];
    this.#stillPen = still.pen;
    this.#pen = moving.pen;
    this.#options = options;
    this.#colours = options.colours;
    this.#sprites = new Sprites(options.colours, 1, () => this.draw());
  }

  // What friends do.

  replace(friends: readonly Friend[]): void {
    const rest = new Set(this.#actors.keys());
    for (const friend of friends) {
      rest.delete(friend.id);
      this.#set(friend);
    }
    for (const id of rest) this.#drop(id);
    this.draw();
  }

  put(friend: Friend): void {
    this.#set(friend);
    this.draw();
  }

  remove(id: string): void {
    this.#drop(id);
    this.draw();
  }

  #set(friend: Friend): void {
    const { id, name = id, avatar, lat, lng, ts, precision } = friend;
    const nowMs = performance.now();
    const actor = this.#actors.get(id);
    const isCoarse = precision === "coarse";
    if (actor === undefined) {
      const way = stand(lat, lng, nowMs);
      this.#actors.set(id, { way, face: { id, name, avatar }, ts, isCoarse, x: 0, y: 0, hasLabel: false });
      this.#labelledMs = 0;
      this.#tellCount();
      return;
    }
    if (actor.face.name !== name || actor.face.avatar !== avatar) actor.face = { id, name, avatar };
    actor.ts = ts;
    actor.isCoarse = isCoarse;
    sendTo(actor.way, lat, lng, nowMs);
  }

  #drop(id: string): void {
    this.#actors.delete(id);
    this.#tellCount();
  }

  /** A canvas says nothing about what is on it: tests ask here. */
  #tellCount(): void {
    this.canvases[1].dataset["friends"] = String(this.#actors.size);
  }

  // What the app shows.

  restyle(colours: Colours, isPlain: boolean): void {
    this.#colours = colours;
    this.#isPlain = isPlain;
    this.#sprites.restyle(colours, this.#scale);
    this.drawAll();
  }

  setCircle(center: Place | undefined, radiusM: number | undefined): void {
    this.#circle =
      center === undefined || radiusM === undefined
        ? undefined
        : { points: circleAround(center, radiusM), center, radiusM };
    this.drawAll();
  }

  setTrail(points: readonly Place[], moment: Place | undefined): void {
    if (this.#trail.length !== 2 * points.length || this.#trail[0] !== xOf(points[0]?.lng ?? Number.NaN)) {
      this.#trail = Float64Array.from(points.flatMap(({ lat, lng }) => [xOf(lng), yOf(lat)]));
    }
    this.#moment = moment;
    this.drawAll();
  }

  setStrangers(places: readonly Place[]): void {
    this.#strangers = places;
    this.canvases[0].dataset["strangers"] = String(places.length);
    this.drawAll();
  }

  select(id: string | undefined): void {
    this.#selected = id;
    this.draw();
  }

  // What the map shows.

  /** In the frame in which the map itself is drawn: friends stick to the ground. */
  follow(view: View): void {
    const scale = Math.min(SCALE_MAX, devicePixelRatio);
    if (view.widthPx !== this.#view.widthPx || view.heightPx !== this.#view.heightPx || scale !== this.#scale) {
      for (const canvas of this.canvases) {
        canvas.width = Math.round(view.widthPx * scale);
        canvas.height = Math.round(view.heightPx * scale);
        canvas.style.width = `${view.widthPx}px`;
        canvas.style.height = `${view.heightPx}px`;
      }
      if (scale !== this.#scale) this.#sprites.restyle(this.#colours, scale);
      this.#scale = scale;
    }
    this.#view = view;
    this.#isStale = true;
    this.#paint();
  }

  /** The friend at a point of the screen. */
  hit(x: number, y: number): string | undefined {
    const nowMs = performance.now();
    let best: string | undefined;
    let bestPx = TAP_PX;
    for (const [id, { way }] of this.#actors) {
      const px = Math.hypot(screenX(this.#view, xAt(way, nowMs)) - x, screenY(this.#view, yAt(way, nowMs)) - y);
      if (px > bestPx) continue;
      best = id;
      bestPx = px;
    }
    return best;
  }

  /** With the next frame; more often nobody sees it. */
  draw(): void {
    if (this.#frame !== undefined) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = undefined;
      this.#paint();
    });
  }

  /** The lower canvas, too. */
  drawAll(): void {
    this.#isStale = true;
    this.draw();
  }

  end(): void {
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
    for (const canvas of this.canvases) canvas.remove();
  }

  #paint(): void {
    if (this.#isStale) {
      this.#isStale = false;
      this.#clear(this.#stillPen);
      if (this.#isPlain) drawGrid(this.#stillPen, this.#view, this.#colours);
      this.#paintCircle();
      drawStrangers(this.#stillPen, this.#view, this.#colours, this.#strangers);
      this.#paintTrail();
    }
    this.#clear(this.#pen);
    const isMoving = this.#paintFriends(performance.now());
    if (isMoving) this.draw();
  }

  #clear(pen: CanvasRenderingContext2D): void {
    pen.setTransform(this.#scale, 0, 0, this.#scale, 0, 0);
    pen.clearRect(0, 0, this.#view.widthPx, this.#view.heightPx);
  }

  #paintCircle(): void {
    if (this.#circle === undefined) return;
    const pen = this.#stillPen;
    const { points, center, radiusM } = this.#circle;
    this.#path(points);
    pen.closePath();
    pen.fillStyle = this.#colours.ringFill;
    pen.fill();
    pen.setLineDash([6, 5]);
    pen.lineWidth = 1.5;
    pen.strokeStyle = this.#colours.accent;
    pen.globalAlpha = 0.75;
    pen.stroke();
    pen.setLineDash([]);
    pen.globalAlpha = 1;
    const say = this.#options.sayDistance;
    if (this.#isPlain) drawRings(pen, this.#view, this.#colours, { center, radiusM, say });
  }

  #paintTrail(): void {
    const pen = this.#stillPen;
    if (this.#trail.length >= 4) {
      this.#path(this.#trail);
      pen.lineJoin = "round";
      pen.lineCap = "round";
      pen.lineWidth = 7;
      pen.strokeStyle = this.#colours.halo;
      pen.stroke();
      pen.lineWidth = 4;
      pen.strokeStyle = this.#colours.accent;
      pen.stroke();
    }
    if (this.#moment === undefined) return;
    const [x, y] = [screenX(this.#view, xOf(this.#moment.lng)), screenY(this.#view, yOf(this.#moment.lat))];
    pen.beginPath();
    pen.arc(x, y, 9, 0, 2 * Math.PI);
    pen.fillStyle = this.#colours.accent;
    pen.fill();
    pen.lineWidth = 3;
    pen.strokeStyle = this.#colours.border;
    pen.stroke();
  }

  #path(points: Float64Array): void {
    this.#stillPen.beginPath();
    for (let i = 0; i < points.length; i += 2) {
      this.#stillPen.lineTo(screenX(this.#view, points[i] ?? 0), screenY(this.#view, points[i + 1] ?? 0));
    }
  }

  /** @returns whether somebody is still on the way */
  #paintFriends(nowMs: number): boolean {
    const view = this.#view;
    const oldMs = this.#options.serverNowMs() - this.#options.inactiveAfterMs() * FADE_AFTER;
    const edge = SIZES_PX.large;
    const shown: Actor[] = [];
    let isMoving = false;
    for (const actor of this.#actors.values()) {
      const { way } = actor;
      if (way.endMs > nowMs) isMoving = true;
      actor.x = screenX(view, xAt(way, nowMs));
      actor.y = screenY(view, yAt(way, nowMs));
      if (actor.x < -edge || actor.y < -edge || actor.x > view.widthPx + edge || actor.y > view.heightPx + edge)
        continue;
      if (actor.face.id !== this.#selected) shown.push(actor);
    }
    const count = this.#actors.size;
    const first: Size = count <= LARGE_MAX && view.widthPx >= SMALL_VIEW_PX ? "large" : "medium";
    this.#giveLabels(count <= LABELS_MAX ? shown : [], first, nowMs);
    for (const [i, actor] of shown.entries()) {
      const withLabel = actor.hasLabel && count <= LABELS_MAX;
      this.#paintFriend(actor, { size: i < MEDIUM_MAX ? first : "dot", isFaded: actor.ts < oldMs, withLabel });
    }
    const selected = this.#actors.get(this.#selected ?? "");
    if (selected !== undefined) {
      this.#paintHalo(selected);
      this.#paintFriend(selected, { size: "large", isFaded: false, withLabel: true });
    }
    return isMoving;
  }

  /** Names where they cover nobody and no other name. */
  #giveLabels(shown: readonly Actor[], size: Size, nowMs: number): void {
    if (nowMs - this.#labelledMs < LABELS_EVERY_MS) return;
    this.#labelledMs = nowMs;
    // A name may touch a face, not cover it.
    const half = SIZES_PX[size] * 0.4;
    const own = this.#circle?.center;
    const faces: { x: number; y: number }[] = [...shown];
    if (own !== undefined) {
      faces.push({ x: screenX(this.#view, xOf(own.lng)), y: screenY(this.#view, yOf(own.lat)) });
    }
    const taken = faces.map(({ x, y }) => ({ left: x - half, right: x + half, top: y - half, bottom: y + half }));
    for (const actor of shown) {
      const { widthPx, heightPx } = this.#sprites.label(actor.face.name);
      const top = actor.y + SIZES_PX[size] / 2;
      const box = { left: actor.x - widthPx / 2, right: actor.x + widthPx / 2, top, bottom: top + heightPx };
      actor.hasLabel = !taken.some(
        (other) => other.left < box.right && other.right > box.left && other.top < box.bottom && other.bottom > box.top,
      );
      if (actor.hasLabel) taken.push(box);
    }
  }

  #paintFriend(actor: Actor, how: { size: Size; isFaded: boolean; withLabel: boolean }): void {
    const pen = this.#pen;
    const { x, y } = actor;
    const { size, isFaded, withLabel } = how;
    if (actor.isCoarse && size !== "dot") this.#paintCoarse(actor);
    const face = this.#sprites.face(actor.face, size);
    if (isFaded) pen.globalAlpha = FADED;
    drawSprite(pen, face, x - face.widthPx / 2, y - face.heightPx / 2);
    if (withLabel) {
      const label = this.#sprites.label(actor.face.name);
      drawSprite(pen, label, x - label.widthPx / 2, y + SIZES_PX[size] / 2);
    }
    if (isFaded) pen.globalAlpha = 1;
  }

  #paintCoarse({ way, x, y }: Actor): void {
    const radius = COARSE_RADIUS_M * planePerMetre(latOf(way.toY)) * this.#view.worldPx;
    if (radius < SIZES_PX.large / 2) return;
    this.#pen.beginPath();
    this.#pen.arc(x, y, radius, 0, 2 * Math.PI);
    this.#pen.fillStyle = this.#colours.coarse;
    this.#pen.fill();
  }

  #paintHalo({ x, y }: Actor): void {
    const pen = this.#pen;
    pen.beginPath();
    pen.arc(x, y, SIZES_PX.large / 2 + 5, 0, 2 * Math.PI);
    pen.lineWidth = 3;
    pen.strokeStyle = this.#colours.accent;
    pen.stroke();
  }
}

function layer(className: string): { canvas: HTMLCanvasElement; pen: CanvasRenderingContext2D } {
  const canvas = document.createElement("canvas");
  canvas.className = className;
  const pen = canvas.getContext("2d");
  if (pen === null) throw new Error("no canvas");
  return { canvas, pen };
}
