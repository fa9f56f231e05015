/** The plain map that needs no network: a grid of degrees, and rings of distance around the user. */
import type { Place } from "../../geo/place.ts";
import type { Colours } from "./colours.ts";
import { latOf, lngOf, planePerMetre, screenX, screenY, xOf, yOf, type View } from "./mercator.ts";

/** Between two lines of the grid. */
const GRID_MIN_PX = 110;
/** Degrees between lines: thirds of a degree would read badly. */
const GRID_STEPS = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005] as const;
const RING_MIN_PX = 70;
const RING_STEPS_M = [50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000] as const;
const RINGS_MAX = 12;
const FONT = "500 11px system-ui, sans-serif";
const LABEL_EDGE_PX = 6;

export function drawGrid(pen: CanvasRenderingContext2D, view: View, colours: Colours): void {
  const perDegree = view.worldPx / 360;
  const step = GRID_STEPS.findLast((each) => each * perDegree >= GRID_MIN_PX) ?? GRID_STEPS[0];
  const decimals = step >= 1 ? 0 : Math.ceil(-Math.log10(step));
  const west = lngOf(view.centerX - view.widthPx / 2 / view.worldPx);
  const east = lngOf(view.centerX + view.widthPx / 2 / view.worldPx);
  const north = latOf(Math.max(0, view.centerY - view.heightPx / 2 / view.worldPx));
  const south = latOf(Math.min(1, view.centerY + view.heightPx / 2 / view.worldPx));
  pen.font = FONT;
  pen.beginPath();
  const labels: { text: string; x: number; y: number }[] = [];
  for (let i = Math.ceil(west / step); i * step <= east; i++) {
    const x = Math.round((xOf(i * step) - view.centerX) * view.worldPx + view.widthPx / 2) + 0.5;
    pen.moveTo(x, 0);
    pen.lineTo(x, view.heightPx);
    const lng = ((((i * step + 180) % 360) + 360) % 360) - 180;
    labels.push({ text: degrees(lng, decimals, "E", "W"), x: x + 4, y: LABEL_EDGE_PX + 10 });
  }
  for (let i = Math.ceil(south / step); i * step <= north; i++) {
    const y = Math.round(screenY(view, yOf(i * step))) + 0.5;
    pen.moveTo(0, y);
    pen.lineTo(view.widthPx, y);
    const text = degrees(i * step, decimals, "N", "S");
    labels.push({ text, x: view.widthPx - LABEL_EDGE_PX - pen.measureText(text).width, y: y - 4 });
  }
  pen.strokeStyle = colours.line;
  pen.lineWidth = 1;
  pen.stroke();
  pen.textAlign = "left";
  pen.textBaseline = "alphabetic";
  pen.fillStyle = colours.text;
  for (const { text, x, y } of labels) pen.fillText(text, x, y);
}

function degrees(value: number, decimals: number, positive: string, negative: string): string {
  return `${Math.abs(value).toFixed(decimals)}° ${value < 0 ? negative : positive}`;
}

export interface Rings {
  readonly center: Place;
  /** No ring is drawn beyond it. */
  readonly radiusM: number;
  readonly say: (distanceM: number) => string;
}

export function drawRings(pen: CanvasRenderingContext2D, view: View, colours: Colours, rings: Rings): void {
  const { center, radiusM, say } = rings;
  const perMetre = planePerMetre(center.lat) * view.worldPx;
  const step = RING_STEPS_M.find((metres) => metres * perMetre >= RING_MIN_PX);
  if (step === undefined) return;
  const [x, y] = [screenX(view, xOf(center.lng)), screenY(view, yOf(center.lat))];
  pen.lineWidth = 1;
  pen.strokeStyle = colours.line;
  pen.fillStyle = colours.text;
  pen.font = FONT;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  for (let i = 1; i <= RINGS_MAX && i * step < radiusM * 0.97; i++) {
    const radius = i * step * perMetre;
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.stroke();
    pen.fillText(say(i * step), x, y - radius - 8);
  }
}
