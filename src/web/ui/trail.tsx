import { useEffect } from "preact/hooks";

import { say, sayClock, sayCount, sayDistance } from "../lang/words.ts";
import { closeTrail, loadTrail, momentMs, shiftDay, today, toGpx, trail, trailState } from "../state/trail.ts";
import { mapHandle } from "./ground.tsx";
import { BackIcon, NextIcon } from "./icons.tsx";

const DAY_MS = 24 * 60 * 60 * 1000;
/** A step of the slider: a minute of the day. */
const STEP_MS = 60_000;

/** Where the user was on one day, with a slider through it. */
export function TrailPanel() {
  useEffect(() => {
    void open(today());
    return () => {
      closeTrail();
      mapHandle.peek()?.showOwn();
    };
  }, []);
  const shown = trail.value;
  const dayMs = shown?.dayMs ?? today();
  return (
    <section>
      <h2>{say("trailTitle")}</h2>
      <div class="day">
        <button
          type="button"
          class="icon-button"
          aria-label={say("trailPrevious")}
          onClick={() => void open(shiftDay(dayMs, -1))}
        >
          <BackIcon />
        </button>
        <input
          type="date"
          aria-label={say("trailDay")}
          value={dateText(dayMs)}
          max={dateText(today())}
          onChange={(event) => {
            const chosen = new Date(`${event.currentTarget.value}T00:00`).getTime();
            if (!Number.isNaN(chosen)) void open(chosen);
          }}
        />
        <button
          type="button"
          class="icon-button"
          aria-label={say("trailNext")}
          disabled={dayMs >= today()}
          onClick={() => void open(shiftDay(dayMs, 1))}
        >
          <NextIcon />
        </button>
      </div>
      {trailState.value === "failed" ? (
        <p class="empty">{say("trailFailed")}</p>
      ) : shown === undefined || trailState.value === "loading" ? (
        <p class="empty">…</p>
      ) : shown.points.length === 0 ? (
        <p class="empty">{say("trailNone")}</p>
      ) : (
        <Day />
      )}
    </section>
  );
}

async function open(dayMs: number): Promise<void> {
  await loadTrail(dayMs);
  mapHandle.peek()?.showTrail();
}

function Day() {
  const { points = [], lengthM = 0, dayMs = 0 } = trail.value ?? {};
  const first = points[0]?.ts ?? dayMs;
  const last = points.at(-1)?.ts ?? dayMs + DAY_MS;
  const step = last - first > 2 * STEP_MS ? STEP_MS : 1;
  return (
    <>
      <label class="slider">
        <span class="slider-head">
          <span>{say("trailTime")}</span>
          <output>{sayClock(momentMs.value)}</output>
        </span>
        <input
          type="range"
          // A whole number of steps, counted from the last point, where the slider begins.
          min={last - Math.ceil((last - first) / step) * step}
          max={last}
          step={step}
          value={momentMs}
          aria-valuetext={sayClock(momentMs.value)}
          onInput={(event) => (momentMs.value = Math.max(first, Number(event.currentTarget.value)))}
        />
        <span class="slider-ends soft" aria-hidden="true">
          <span>{sayClock(first)}</span>
          <span>{sayClock(last)}</span>
        </span>
      </label>
      <p class="hint">
        {sayCount("trailCount", points.length)} · {say("trailLength", { distance: sayDistance(lengthM) })}
      </p>
      <button type="button" class="button wide" onClick={download}>
        {say("trailDownload")}
      </button>
    </>
  );
}

function download(): void {
  const { points, dayMs } = trail.peek() ?? {};
  if (points === undefined || dayMs === undefined) return;
  const address = URL.createObjectURL(toGpx(points));
  const link = document.createElement("a");
  link.href = address;
  link.download = `trail-${dateText(dayMs)}.gpx`;
  link.click();
  URL.revokeObjectURL(address);
}

/** As a date field has it, in local time. */
function dateText(atMs: number): string {
  const date = new Date(atMs);
  return `${date.getFullYear()}-${twoDigits(date.getMonth() + 1)}-${twoDigits(date.getDate())}`;
}

function twoDigits(n: number): string {
  return String(n).padStart(2, "0");
}
