import { FRAME_MAX_BYTES } from "./limits.ts";

/** A UTF-16 unit takes at most so many bytes of UTF-8 (a pair takes 4, which is 2 each). */
const BYTES_PER_UNIT_MAX = 3;

/** UTF-8 bytes of a text. A lone surrogate counts as the 3 bytes of the replacement character, as encoders send it. */
export function frameBytes(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    if (unit < 0x800) {
      bytes += 1;
    } else if (isPairAt(text, at, unit)) {
      bytes += 2;
      at += 1;
    } else {
      bytes += 2;
    }
  }
  return bytes;
}

/** Whether a text frame is over `FRAME_MAX_BYTES`; counts only where the number of characters leaves it open. */
export function isOversized(text: string): boolean {
  if (text.length > FRAME_MAX_BYTES) return true;
  if (text.length * BYTES_PER_UNIT_MAX <= FRAME_MAX_BYTES) return false;
  return frameBytes(text) > FRAME_MAX_BYTES;
}

function isPairAt(text: string, at: number, unit: number): boolean {
  if (unit < 0xd800 || unit > 0xdbff) return false;
  // NaN behind the last unit, which compares as false.
  const next = text.charCodeAt(at + 1);
  return next >= 0xdc00 && next <= 0xdfff;
}
