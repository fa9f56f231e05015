/** Where somebody is who walks, as a phone would report it every second: 7 decimals, and an accuracy. */

const CENTRE = { lat: 37.7749, lng: -122.4194 };
/** People start in rows and columns of some 100 m. */
const GRID_COLUMNS = 50;
const GRID_DEG = 0.001;
/** 1.4 m/s along a line of longitude. */
const STEP_DEG = 0.0000126;
/** A path that bends, and a receiver that wanders by about a metre. */
const BEND_RAD = 0.05;
const WANDER_DEG = 0.00001;

export interface Walked {
  readonly lat: number;
  readonly lng: number;
  /** Metres. */
  readonly accuracy: number;
}

/** @param step seconds since the person set out */
export function walk(index: number, step: number): Walked {
  const turnRad = index + BEND_RAD * step;
  // The sum of steps in a direction that turns evenly is a circle.
  const radiusDeg = STEP_DEG / BEND_RAD;
  const row = Math.floor(index / GRID_COLUMNS);
  const lat = CENTRE.lat + row * GRID_DEG + radiusDeg * Math.sin(turnRad) + WANDER_DEG * noise(index, 2 * step);
  const lng =
    CENTRE.lng +
    (index % GRID_COLUMNS) * GRID_DEG +
    radiusDeg * Math.cos(turnRad) +
    WANDER_DEG * noise(index, 2 * step + 1);
  return {
    lat: Number(lat.toFixed(7)),
    lng: Number(lng.toFixed(7)),
    accuracy: Number((10 + 6 * noise(index, -step - 1)).toFixed(1)),
  };
}

/** From -1 to 1, the same for the same numbers. */
function noise(a: number, b: number): number {
  const mixed = Math.sin(a * 12.9898 + b * 78.233) * 43_758.5453;
  return 2 * (mixed - Math.floor(mixed)) - 1;
}
