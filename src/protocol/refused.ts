export interface Refused {
  /** Points that the client counts for the frame (`saved` counts them, too). */
  readonly points: number;
  readonly ref?: number;
}

/**
 * What a frame that is not applied still says. `saved` goes by the order in which points were sent, so both sides must
 * count a refused frame alike: one point for `location`, as many as `points` has for `locations`, whatever they are.
 * Never throws.
 */
export function inspectRefused(text: string): Refused {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { points: 0 };
  }
  if (typeof value !== "object" || value === null) return { points: 0 };
  const ref = "ref" in value && Number.isSafeInteger(value.ref) ? { ref: Number(value.ref) } : {};
  const type = "type" in value ? value.type : undefined;
  if (type === "location") return { points: 1, ...ref };
  if (type !== "locations" || !("points" in value) || !Array.isArray(value.points)) return { points: 0, ...ref };
  return { points: value.points.length, ...ref };
}
