import { durationText, figureText } from "../../../operate/figures.ts";
import { stats } from "../live.ts";

/** Queue and sinks: what the history has not reached yet. */
export function History() {
  const history = stats.value?.history;
  if (history === undefined) return null;
  const { waiting, oldestMs, sinks, deadLetters } = history;
  return (
    <section class="card" aria-labelledby="history-title">
      <h2 id="history-title">Queue and sinks</h2>
      <dl class="facts">
        <dt>Chunks waiting</dt>
        <dd>
          {figureText(waiting, "count")}
          {oldestMs === null ? null : <span class="soft"> the oldest for {durationText(oldestMs)}</span>}
        </dd>
        <dt>Dead letters</dt>
        <dd class={deadLetters > 0 ? "alarming" : undefined}>{figureText(deadLetters, "count")}</dd>
      </dl>
      {sinks.length === 0 ? (
        <p class="soft">No sink has reported.</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">Sink</th>
              <th scope="col">Stored</th>
              <th scope="col">Failed</th>
              <th scope="col">Behind</th>
            </tr>
          </thead>
          <tbody>
            {sinks.map(({ name, stored, failed, lagMs }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{figureText(stored, "count")}</td>
                <td class={failed > 0 ? "alarming" : undefined}>{figureText(failed, "count")}</td>
                <td>{lagMs === null ? "–" : durationText(lagMs)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
