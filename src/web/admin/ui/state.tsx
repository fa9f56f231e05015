import { useEffect, useState } from "preact/hooks";

import { durationText } from "../../../operate/figures.ts";
import { state, stats } from "../live.ts";
import type { StreamState } from "../stream.ts";

const SECOND_MS = 1_000;

/** Drawn again each second: what counts down does not wait for the server. */
export function useSeconds(): number {
  const [nowMs, setNowMs] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), SECOND_MS);
    return () => clearInterval(timer);
  }, []);
  return nowMs;
}

export function StatePill() {
  const { kind } = state.value;
  const look = kind === "live" ? "good" : kind === "refused" ? "bad" : "waiting";
  return (
    <span class={`pill ${look}`} role="status">
      <span class="dot" />
      {wordOf(kind)}
    </span>
  );
}

function wordOf(kind: StreamState["kind"]): string {
  switch (kind) {
    case "connecting":
      return "Connecting";
    case "live":
      return "Live";
    case "waiting":
      return "Reconnecting";
    case "refused":
      return "Refused";
  }
}

/** Why nothing moves, and from when the figures are. */
export function Trouble() {
  const nowMs = useSeconds();
  const current = state.value;
  const newest = stats.value;
  if (current.kind === "waiting") {
    const seconds = Math.max(0, Math.ceil((current.retryAtMs - nowMs) / SECOND_MS));
    return (
      <p class="banner bad">
        {current.why} Trying again in {seconds} s.
        {newest === undefined ? null : ` The figures are ${durationText(nowMs - newest.at)} old.`}
      </p>
    );
  }
  if (newest === undefined || newest.shards.answered >= newest.shards.asked) return null;
  const { answered, asked } = newest.shards;
  return (
    <p class="banner warn">
      {answered} of {asked} shards of the monitor answer: sums are too small.
    </p>
  );
}
