import { type Figure, figureText, RATE_NOTE } from "../../../operate/figures.ts";
import { figures, SAMPLES_MAX, stats } from "../live.ts";
import { sparkOf } from "../spark.ts";

const WIDTH_PX = 220;
const HEIGHT_PX = 44;
/** A line of two minutes already fills its place; from then on it is drawn together, until it is as long as it gets. */
const SLOTS_MIN = 24;

export function Figures() {
  if (stats.value === undefined) return <p class="card wide soft">Waiting for the first figures…</p>;
  return (
    <section class="figures" aria-label="Figures">
      {figures.value.map((figure) => (
        <FigureCard key={figure.id} figure={figure} />
      ))}
      <p class="hint">
        {RATE_NOTE.slice(0, 1).toUpperCase()}
        {RATE_NOTE.slice(1)}.
      </p>
    </section>
  );
}

function FigureCard({ figure }: { readonly figure: Figure }) {
  const { id, label, value, unit, series } = figure;
  const slots = Math.min(SAMPLES_MAX, Math.max(SLOTS_MIN, series.length));
  const { line, area } = sparkOf(series, { widthPx: WIDTH_PX, heightPx: HEIGHT_PX, slots });
  return (
    <div class="card figure" data-figure={id}>
      <h2>{label}</h2>
      <p class="number">{figureText(value, unit)}</p>
      <svg class="spark" viewBox={`0 0 ${WIDTH_PX} ${HEIGHT_PX}`} preserveAspectRatio="none" aria-hidden="true">
        <path class="spark-area" d={area} />
        <path class="spark-line" d={line} vector-effect="non-scaling-stroke" />
      </svg>
    </div>
  );
}
