/**
 * Where to create the object of a user who calls from there.
 *
 * An object is created near its *first* caller and never moves. The first to call may be a friend on another continent,
 * so only the owner's own requests carry this hint, and everything the owner does later stays close.
 *
 * @param place of the request, as the platform's `request.cf` gives it: `continent`, `country`, `longitude` (a text), each of which may be missing
 * @returns undefined when nothing is known: the platform then chooses by the caller
 */
export function locationHint(
  place: Readonly<Record<string, unknown>> | undefined,
): DurableObjectLocationHint | undefined {
  const lng = degrees(place?.["longitude"]);
  switch (place?.["continent"]) {
    case "NA":
      // The Mississippi divides the two better than any border does.
      return lng !== undefined && lng < -95 ? "wnam" : "enam";
    case "SA":
      return "sam";
    case "EU":
      // About the line from Stettin to Trieste.
      return lng !== undefined && lng > 14.5 ? "eeur" : "weur";
    case "AS":
      return MIDDLE_EAST.has(place["country"]) ? "me" : "apac";
    case "OC":
      return "oc";
    case "AF":
      return "afr";
    default:
      return undefined;
  }
}

/** ISO 3166 codes from the Levant to the Gulf: nearer to the sites of `me` than to those of `apac`. */
const MIDDLE_EAST: ReadonlySet<unknown> = new Set([
  "AE",
  "BH",
  "CY",
  "IL",
  "IQ",
  "IR",
  "JO",
  "KW",
  "LB",
  "OM",
  "PS",
  "QA",
  "SA",
  "SY",
  "TR",
  "YE",
]);

function degrees(value: unknown): number | undefined {
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}
