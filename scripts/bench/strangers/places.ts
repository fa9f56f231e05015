/** Where the people of the bench are. */
import { decodeGeohash } from "../../../src/geo/geohash.ts";
import { roundPlace, type Place } from "../../../src/geo/place.ts";

/** San Francisco and the sea beside it: 31 km by 19.5 km. */
const CITY = decodeGeohash("9q8y");
/** A ballpark there, whose circle of five miles meets four cells: the neighbours of its own are asked as often. */
const STADIUM: Place = { lat: 37.7786, lng: -122.3893 };
const STADIUM_DEG = 0.001;
/** A step of about 42 m: half a minute's walk. */
const STEP_DEG = 0.0004;
/** Irrational parts of the golden ratio's kind: any number of points lies evenly over a rectangle (M. Roberts, 2018). */
const [R1, R2] = [0.7548776662466927, 0.5698402909980532];

/** Anywhere in the city's cell, walking in a circle. */
export function cityPlace(index: number, step: number): Place {
  const { south, north, west, east } = CITY;
  const turn = (index + step) * 0.3;
  return roundPlace({
    lat: south + (north - south) * ((index * R1) % 1) + STEP_DEG * Math.sin(turn),
    lng: west + (east - west) * ((index * R2) % 1) + STEP_DEG * Math.cos(turn),
  });
}

export function stadiumPlace(index: number): Place {
  return roundPlace({
    lat: STADIUM.lat + STADIUM_DEG * ((index * R1) % 1),
    lng: STADIUM.lng + STADIUM_DEG * ((index * R2) % 1),
  });
}
