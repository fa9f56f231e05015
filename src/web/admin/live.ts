/** What the server says about itself, as it says it. */
import { computed, signal } from "@preact/signals";

import { figuresOf } from "../../operate/figures.ts";
import type { Stats } from "../../protocol/admin.ts";
import { signOut, token } from "./session.ts";
import { readEvents, type StreamState, type StreamWorld } from "./stream.ts";

/** As wide as a sparkline has room for; at an event every 5 s a quarter of an hour. */
export const SAMPLES_MAX = 180;

export const state = signal<StreamState>({ kind: "connecting" });
/** Oldest first. */
export const samples = signal<readonly Stats[]>([]);
export const stats = computed(() => samples.value.at(-1));
export const figures = computed(() => figuresOf(samples.value));

let running: AbortController | undefined;

export const WORLD: StreamWorld = {
  fetch: (url, init) => fetch(url, init),
  nowMs: Date.now,
  random: Math.random,
  sleep: (ms, aborted) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      aborted.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(new Error("aborted"));
      });
    }),
};

export function watchServer(): void {
  disconnect();
  const current = token.peek();
  if (current === undefined) return;
  running = new AbortController();
  void readEvents(WORLD, { token: current, signal: running.signal, onState, onStats });
}

export function disconnect(): void {
  running?.abort();
  running = undefined;
  samples.value = [];
}

function onState(next: StreamState): void {
  if (next.kind === "refused") signOut(next.refusal.text);
  state.value = next;
}

function onStats(next: Stats): void {
  samples.value = [...samples.peek(), next].slice(-SAMPLES_MAX);
}
