/** Time as the server has it: a device whose clock is off by an hour would show every friend an hour too old. */
import { signal } from "@preact/signals";

/** The server's clock minus this device's. */
const aheadMs = signal(0);

/** Differences below this are the way of the message, and not worth shifting what is sent. */
const AHEAD_MIN_MS = 5_000;

/** How often ages on the screen are written anew. */
const TICK_MS = 5_000;

/** @param serverMs what the server says the time is, now */
export function setServerTime(serverMs: number): void {
  const difference = serverMs - Date.now();
  aheadMs.value = Math.abs(difference) < AHEAD_MIN_MS ? 0 : difference;
}

export function serverNowMs(): number {
  return Date.now() + aheadMs.peek();
}

/** The server's time, some seconds old at most. Read inside a component, it is drawn again as time goes by. */
export const tickMs = signal(Date.now());

export function tick(): void {
  tickMs.value = serverNowMs();
}

setInterval(() => {
  if (!document.hidden) tick();
}, TICK_MS);
document.addEventListener("visibilitychange", tick);
