import { encode } from "uqr";

/** Light modules around the code that a scanner needs (ISO/IEC 18004, 6.3.8). */
const QUIET_MODULES = 4;

/**
 * A QR code as an SVG of one path. The lowest level of correction: a screen is neither torn nor dirty, and fewer modules are
 * easier to scan.
 *
 * @throws when the text has more than the 2,953 bytes that a code can hold
 */
export function qrSvg(text: string): string {
  const { data, size } = encode(text, { ecc: "L", border: QUIET_MODULES });
  let path = "";
  for (const [y, row] of data.entries()) {
    for (let x = 0; x < size; x += 1) {
      if (row[x] !== true) continue;
      const from = x;
      while (row[x + 1] === true) x += 1;
      path += `M${from} ${y}h${x + 1 - from}v1h-${x + 1 - from}z`;
    }
  }
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges">` +
    `<path fill="#fff" d="M0 0h${size}v${size}h-${size}z"/><path fill="#000" d="${path}"/></svg>`
  );
}
