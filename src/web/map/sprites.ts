/** Pictures of friends, drawn once and then only copied: 400 of them move in every frame. */
import { colourOf, initialsOf, type Colours } from "./colours.ts";

/** How large friends are: one by one, in a group, in a crowd. */
export const SIZES_PX = { large: 40, medium: 30, dot: 14 } as const;
export type Size = keyof typeof SIZES_PX;

/** Room for the shadow. */
const MARGIN_PX = 6;
const BORDER_PX = 2.5;
const LABEL_PX = 12;
const LABEL_MAX_CHARS = 18;
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans KR', 'Apple SD Gothic Neo', sans-serif";
/** Pictures of avatars that are kept; one is some 10 KB. */
const PICTURES_MAX = 600;
/** Names that are kept: more than are ever shown at once. */
const LABELS_MAX = 200;

export interface Face {
  readonly id: string;
  readonly name: string;
  readonly avatar: string | undefined;
}

/** A picture on a sheet. */
export interface Sprite {
  readonly sheet: OffscreenCanvas;
  /** Where on the sheet, in its own pixels. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Size on the screen. */
  readonly widthPx: number;
  readonly heightPx: number;
}

/**
 * Faces lie on one sheet in rows of so many, all in cells of one size: to draw 400 pictures out of one is one job for the
 * graphics processor, to draw 400 pictures is 400.
 */
const SHEET_COLUMNS = 24;
const SHEET_ROWS = 22;

export class Sprites {
  readonly #onPicture: () => void;
  readonly #faces = new Map<string, Sprite>();
  readonly #labels = new Map<string, Sprite>();
  readonly #pictures = new Map<string, HTMLImageElement>();
  #sheet = new OffscreenCanvas(1, 1);
  #colours: Colours;
  #scale: number;

  /** @param onPicture an avatar has come, and what was drawn without it can be drawn again */
  constructor(colours: Colours, scale: number, onPicture: () => void) {
    this.#colours = colours;
    this.#scale = scale;
    this.#onPicture = onPicture;
    this.restyle(colours, scale);
  }

  /** Everything is drawn anew in other colours, or for another screen. */
  restyle(colours: Colours, scale: number): void {
    this.#colours = colours;
    this.#scale = scale;
    this.#labels.clear();
    this.#faces.clear();
    this.#sheet = new OffscreenCanvas(SHEET_COLUMNS * this.#cell(), SHEET_ROWS * this.#cell());
  }

  face(face: Face, size: Size): Sprite {
    // In a crowd one dot is like the other: thousands of pictures would fill the memory.
    const picture = size === "dot" ? undefined : this.#picture(face.avatar);
    const key =
      size === "dot"
        ? colourOf(face.id)
        : `${size} ${picture === undefined ? "" : face.avatar}\n${face.id}\n${face.name}`;
    let sprite = this.#faces.get(key);
    if (sprite === undefined) {
      // Who has left is still on it, who has moved out of sight, too: a full sheet is begun anew.
      if (this.#faces.size === SHEET_COLUMNS * SHEET_ROWS) this.restyle(this.#colours, this.#scale);
      sprite = this.#drawFace(face, size, picture);
      this.#faces.set(key, sprite);
    }
    return sprite;
  }

  label(name: string): Sprite {
    let sprite = this.#labels.get(name);
    if (sprite === undefined) {
      if (this.#labels.size === LABELS_MAX) this.#labels.clear();
      sprite = this.#drawLabel(name);
      this.#labels.set(name, sprite);
    }
    return sprite;
  }

  /** Pixels of one cell of the sheet. */
  #cell(): number {
    return Math.ceil((SIZES_PX.large + 2 * MARGIN_PX) * this.#scale);
  }

  /** The picture if it is there; asked for once, and never again when it cannot be had. */
  #picture(address: string | undefined): HTMLImageElement | undefined {
    if (address === undefined) return undefined;
    const known = this.#pictures.get(address);
    if (known !== undefined) return known.complete && known.naturalWidth > 0 ? known : undefined;
    const picture = new Image();
    picture.referrerPolicy = "no-referrer";
    picture.decoding = "async";
    picture.addEventListener("load", this.#onPicture);
    picture.src = address;
    this.#pictures.set(address, picture);
    const [oldest] = this.#pictures.keys();
    if (this.#pictures.size > PICTURES_MAX && oldest !== undefined) this.#pictures.delete(oldest);
    return undefined;
  }

  #drawFace({ id, name }: Face, size: Size, picture: HTMLImageElement | undefined): Sprite {
    const diameter = SIZES_PX[size];
    const whole = diameter + 2 * MARGIN_PX;
    const place = this.#faces.size;
    const x = (place % SHEET_COLUMNS) * this.#cell();
    const y = Math.floor(place / SHEET_COLUMNS) * this.#cell();
    const pen = penOf(this.#sheet);
    pen.setTransform(this.#scale, 0, 0, this.#scale, x, y);
    const middle = whole / 2;
    pen.shadowColor = this.#colours.shadow;
    pen.shadowBlur = 5 * this.#scale;
    pen.shadowOffsetY = this.#scale;
    disc(pen, middle, diameter / 2, this.#colours.border);
    pen.shadowColor = "transparent";
    const inner = diameter / 2 - BORDER_PX;
    disc(pen, middle, inner, colourOf(id));
    if (picture !== undefined) {
      pen.save();
      pen.clip();
      // The middle square of a picture of any shape.
      const side = Math.min(picture.naturalWidth, picture.naturalHeight);
      const [left, top] = [(picture.naturalWidth - side) / 2, (picture.naturalHeight - side) / 2];
      pen.drawImage(picture, left, top, side, side, middle - inner, middle - inner, 2 * inner, 2 * inner);
      pen.restore();
    } else if (size !== "dot") {
      pen.fillStyle = "#fff";
      pen.font = `600 ${Math.round(diameter * 0.36)}px ${FONT}`;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.fillText(initialsOf(name), middle, middle + 0.5);
    }
    const side = whole * this.#scale;
    return { sheet: this.#sheet, x, y, width: side, height: side, widthPx: whole, heightPx: whole };
  }

  #drawLabel(name: string): Sprite {
    const letters = Array.from(name);
    const text = letters.length > LABEL_MAX_CHARS ? `${letters.slice(0, LABEL_MAX_CHARS - 1).join("")}…` : name;
    const font = `600 ${LABEL_PX}px ${FONT}`;
    const probe = penOf(new OffscreenCanvas(1, 1));
    probe.font = font;
    const widthPx = Math.ceil(probe.measureText(text).width) + 8;
    const heightPx = LABEL_PX + 8;
    const sheet = new OffscreenCanvas(Math.ceil(widthPx * this.#scale), Math.ceil(heightPx * this.#scale));
    const pen = penOf(sheet);
    pen.scale(this.#scale, this.#scale);
    pen.font = font;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.lineJoin = "round";
    pen.lineWidth = 3.5;
    pen.strokeStyle = this.#colours.halo;
    pen.strokeText(text, widthPx / 2, heightPx / 2);
    pen.fillStyle = this.#colours.label;
    pen.fillText(text, widthPx / 2, heightPx / 2);
    return { sheet, x: 0, y: 0, width: sheet.width, height: sheet.height, widthPx, heightPx };
  }
}

/** Puts a picture down with its upper left corner at a point of the screen. */
export function drawSprite(pen: CanvasRenderingContext2D, sprite: Sprite, left: number, top: number): void {
  const { sheet, x, y, width, height, widthPx, heightPx } = sprite;
  pen.drawImage(sheet, x, y, width, height, left, top, widthPx, heightPx);
}

function penOf(canvas: OffscreenCanvas): OffscreenCanvasRenderingContext2D {
  const pen = canvas.getContext("2d");
  if (pen === null) throw new Error("no canvas");
  return pen;
}

function disc(pen: OffscreenCanvasRenderingContext2D, middle: number, radius: number, colour: string): void {
  pen.beginPath();
  pen.arc(middle, middle, radius, 0, 2 * Math.PI);
  pen.fillStyle = colour;
  pen.fill();
}
