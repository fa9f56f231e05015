import { useEffect, useState } from "preact/hooks";

import { say, sayCount } from "../lang/words.ts";
import { isReplaced, reconnect, retryAtMs, status, unsaved } from "../state/live.ts";

const SECOND_MS = 1000;

const WORDS = { online: "online", polling: "slow", closed: "closed" } as const;

/** Whether what is shown is live, and what has not reached the server yet. */
export function ConnectionPill() {
  const { state } = status.value;
  const isOnline = state === "online";
  return (
    <div class={`pill ${isOnline ? "good" : state === "closed" ? "bad" : "waiting"}`} role="status">
      <span class="dot" />
      <span>
        {state === "connecting" || state === "waiting" ? <Away isWaiting={state === "waiting"} /> : say(WORDS[state])}
        {unsaved.value > 0 && !isOnline ? <span class="soft"> · {sayCount("unsaved", unsaved.value)}</span> : null}
      </span>
    </div>
  );
}

function Away({ isWaiting }: { readonly isWaiting: boolean }) {
  const [, redraw] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => redraw((n) => n + 1), SECOND_MS);
    return () => clearInterval(timer);
  }, []);
  if (!isWaiting) return <>{say("connecting")}</>;
  const seconds = Math.max(0, Math.ceil(((retryAtMs.value ?? Date.now()) - Date.now()) / SECOND_MS));
  return (
    <>
      {say("offline")}
      <span class="soft" aria-hidden="true">
        {" "}
        · {say("retryIn", { seconds })}
      </span>
    </>
  );
}

/** When the server closed the connection for good, it comes back only if the user wants it. */
export function Disconnected() {
  if (status.value.state !== "closed") return null;
  return (
    <div class="banner" role="alert">
      <p>{isReplaced(status.value) ? say("closedElsewhere") : say("closed")}</p>
      <button type="button" class="button main" onClick={reconnect}>
        {say("reconnect")}
      </button>
    </div>
  );
}
