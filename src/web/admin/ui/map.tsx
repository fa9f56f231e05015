import { figureText } from "../../../operate/figures.ts";
import { chartOf } from "../cells.ts";
import { stats } from "../live.ts";

const SIZE = { widthPx: 720, heightPx: 360 } as const;
/** The same as a list, for whoever cannot see the picture. */
const LISTED_MAX = 10;
/** Also the emptiest cell has to be seen. */
const OPACITY_MIN = 0.25;

/** How many people are active in each large cell; never who, and never where exactly. */
export function CellMap() {
  const cells = stats.value?.cells;
  if (cells === undefined) return null;
  const { boxes, meridians, parallels } = chartOf(cells, SIZE);
  return (
    <section class="card" aria-labelledby="map-title">
      <h2 id="map-title">Active people by cell</h2>
      {boxes.length === 0 ? (
        <p class="soft">No cell has enough people in it to be shown.</p>
      ) : (
        <div class="map-row">
          <svg
            class="cells"
            viewBox={`0 0 ${SIZE.widthPx} ${SIZE.heightPx}`}
            role="img"
            aria-label={`${boxes.length} cells`}
          >
            {meridians.map(({ at, label }) => (
              <g key={label}>
                <path class="grid" d={`M${at} 0V${SIZE.heightPx}`} />
                <text x={at + 4} y={SIZE.heightPx - 6}>
                  {label}
                </text>
              </g>
            ))}
            {parallels.map(({ at, label }) => (
              <g key={label}>
                <path class="grid" d={`M0 ${at}H${SIZE.widthPx}`} />
                <text x={4} y={at - 4}>
                  {label}
                </text>
              </g>
            ))}
            {boxes.map(({ cell, x, y, width, height, share, users }) => (
              <rect
                key={cell}
                class="cell"
                {...{ x, y, width, height }}
                fill-opacity={OPACITY_MIN + (1 - OPACITY_MIN) * Math.sqrt(share)}
              >
                <title>{`${cell}: ${users}`}</title>
              </rect>
            ))}
          </svg>
          <table>
            <thead>
              <tr>
                <th scope="col">Cell</th>
                <th scope="col">Around</th>
                <th scope="col">People</th>
              </tr>
            </thead>
            <tbody>
              {boxes.slice(0, LISTED_MAX).map(({ cell, place, users }) => (
                <tr key={cell}>
                  <th scope="row">
                    <code>{cell}</code>
                  </th>
                  <td>{place}</td>
                  <td>{figureText(users, "count")}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
