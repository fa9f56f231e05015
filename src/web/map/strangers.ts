/** People nearby who are no friends: dots, without a name or a face, where about 200 m are one place. */
import type { Place } from "../../geo/place.ts";
import type { Colours } from "./colours.ts";
import { planePerMetre, screenX, screenY, xOf, yOf, type View } from "./mercator.ts";

const DOT_PX = 6;
const BORDER_PX = 2;
/** The cell that they are in: half of its height. */
const AREA_M = 111;
/** Several may be in one cell: they stand around its middle. */
const RING_PX = 9;

export function drawStrangers(
  pen: CanvasRenderingContext2D,
  view: View,
  colours: Colours,
  places: readonly Place[],
): void {
  const cells = new Map<string, { place: Place; count: number }>();
  for (const place of places) {
    const key = `${place.lat} ${place.lng}`;
    cells.set(key, { place, count: (cells.get(key)?.count ?? 0) + 1 });
  }
  for (const { place, count } of cells.values()) {
    const [x, y] = [screenX(view, xOf(place.lng)), screenY(view, yOf(place.lat))];
    const areaPx = AREA_M * planePerMetre(place.lat) * view.worldPx;
    if (areaPx > 2 * DOT_PX) drawArea(pen, colours, { x, y, radius: areaPx });
    for (let i = 0; i < count; i++) {
      const turn = (2 * Math.PI * i) / count;
      const away = count === 1 ? 0 : RING_PX;
      drawDot(pen, colours, { x: x + away * Math.sin(turn), y: y - away * Math.cos(turn) });
    }
  }
}

function drawArea(pen: CanvasRenderingContext2D, colours: Colours, at: { x: number; y: number; radius: number }): void {
  pen.beginPath();
  pen.arc(at.x, at.y, at.radius, 0, 2 * Math.PI);
  pen.globalAlpha = 0.12;
  pen.fillStyle = colours.stranger;
  pen.fill();
  pen.globalAlpha = 1;
}

function drawDot(pen: CanvasRenderingContext2D, colours: Colours, { x, y }: { x: number; y: number }): void {
  pen.beginPath();
  pen.arc(x, y, DOT_PX, 0, 2 * Math.PI);
  pen.fillStyle = colours.stranger;
  pen.fill();
  pen.lineWidth = BORDER_PX;
  pen.strokeStyle = colours.border;
  pen.stroke();
}
