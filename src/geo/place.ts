/** A point on the globe, degrees of WGS 84: `lat` in -90..90, `lng` in -180..180. */
export interface Place {
  readonly lat: number;
  readonly lng: number;
}

/** Decimals that a stored position keeps: 1e-7 degrees is 11 mm, finer than any receiver in a phone. */
export const PLACE_DECIMALS = 7;

const PLACE_SCALE = 10 ** PLACE_DECIMALS;

/** The same place on the grid of `PLACE_DECIMALS`. */
export function roundPlace(place: Place): Place {
  return {
    lat: Math.round(place.lat * PLACE_SCALE) / PLACE_SCALE,
    lng: Math.round(place.lng * PLACE_SCALE) / PLACE_SCALE,
  };
}
