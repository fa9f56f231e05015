import { durationText, figureText } from "../../../operate/figures.ts";
import { stats } from "../live.ts";
import { lookUp } from "../user.ts";

export function Errors() {
  const current = stats.value;
  if (current === undefined) return null;
  const told = Object.entries(current.errors)
    .filter(([, count]) => count > 0)
    .toSorted(([, a], [, b]) => b - a);
  return (
    <section class="card" aria-labelledby="errors-title">
      <h2 id="errors-title">Recent errors</h2>
      {current.recentErrors.length === 0 ? (
        <p class="soft">None.</p>
      ) : (
        <ul class="rows errors" tabIndex={0} aria-labelledby="errors-title">
          {current.recentErrors.map(({ at, source, user, code, count }) => (
            <li key={`${at} ${source} ${user} ${code}`}>
              <code>{code}</code>
              <span class="who">
                {user === undefined ? (
                  source
                ) : (
                  <button type="button" class="link" onClick={() => void lookUp(user)}>
                    {user}
                  </button>
                )}
                {count > 1 ? ` (${count} times)` : null}
              </span>
              <span class="soft">{durationText(current.at - at)} ago</span>
            </li>
          ))}
        </ul>
      )}
      {told.length === 0 ? null : (
        <>
          <h3>Told to clients, by code</h3>
          <dl class="facts">
            {told.map(([code, count]) => (
              <div key={code}>
                <dt>
                  <code>{code}</code>
                </dt>
                <dd>{figureText(count, "count")}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
    </section>
  );
}
