/** What the platform gives, where an application gives nothing else. No DOM is needed; names are looked up when used. */
import type { Fetch } from "./polling.ts";
import type { OpenSocket, StartTimer } from "./socket.ts";

/** Calls `run` each time that the network returns; the returned function ends that. */
export type WatchNetwork = (run: () => void) => () => void;

/** Timers count in 32 bits: a longer wait would be none at all. Whatever waits so long may as well look earlier. */
const TIMER_LONGEST_MS = 2 ** 31 - 1;

export const openWebSocket: OpenSocket = (url, protocols) => new WebSocket(url, protocols);

export const fetchHttp: Fetch = (url, init) => fetch(url, init);

export const startTimeout: StartTimer = (delayMs, run) => {
  const timer = setTimeout(run, Math.min(delayMs, TIMER_LONGEST_MS));
  return () => clearTimeout(timer);
};

/** Browsers fire `online`; elsewhere there may be no such listener. */
export const watchOnline: WatchNetwork = (run) => {
  const scope: BrowserScope = globalThis;
  scope.addEventListener?.("online", run);
  return () => scope.removeEventListener?.("online", run);
};

interface BrowserScope {
  readonly globalThis: unknown;
  addEventListener?(type: string, run: () => void): void;
  removeEventListener?(type: string, run: () => void): void;
}
