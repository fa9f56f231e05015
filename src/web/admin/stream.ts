/**
 * The events of a server, read with fetch since EventSource can send no token: connects, tells each `stats`, and connects
 * again with growing pauses. What the world gives is an argument, so that a test can take it away.
 */
import { createParser } from "eventsource-parser";
import * as v from "valibot";

import { EVENT_EVERY_MS, type Stats, StatsSchema } from "../../protocol/admin.ts";
import { type Refusal, refusalOf } from "./answer.ts";

/** A stream that has missed so many events has died on the way: a phone that changes networks is told nothing. */
export const SILENCE_MAX_MS = 6 * EVENT_EVERY_MS;
const PAUSE_FIRST_MS = 1_000;
/** Somebody is looking at the page: longer would be waiting for nothing. */
const PAUSE_MAX_MS = 15_000;
/** Without it all consoles come back at the same moment after a restart. */
const JITTER_SHARE = 0.3;

export type StreamState =
  | { readonly kind: "connecting" | "live" }
  | { readonly kind: "waiting"; readonly why: string; readonly retryAtMs: number }
  | { readonly kind: "refused"; readonly refusal: Refusal };

export interface StreamWorld {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly nowMs: () => number;
  readonly random: () => number;
  /** Resolves after so long; rejects when aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

export interface StreamOptions {
  readonly token: string;
  readonly signal: AbortSignal;
  readonly onState: (state: StreamState) => void;
  readonly onStats: (stats: Stats) => void;
}

/** Ends when aborted, or with a refusal that no other try can change. */
export async function readEvents(world: StreamWorld, options: StreamOptions): Promise<void> {
  const { signal, onState, onStats } = options;
  let failures = 0;
  const onEvent = (stats: Stats): void => {
    failures = 0;
    onState({ kind: "live" });
    onStats(stats);
  };
  while (!signal.aborted) {
    onState({ kind: "connecting" });
    const ended = await readOnce(world, options, onEvent);
    if (signal.aborted) return;
    if (typeof ended !== "string" && ended.isFinal) {
      onState({ kind: "refused", refusal: ended });
      return;
    }
    const pauseMs = pauseOf(failures, world.random());
    failures += 1;
    const why = typeof ended === "string" ? ended : ended.text;
    onState({ kind: "waiting", why, retryAtMs: world.nowMs() + pauseMs });
    await world.sleep(pauseMs, signal).catch(() => {});
  }
}

export function pauseOf(failures: number, chance: number): number {
  const pauseMs = Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** failures);
  return pauseMs * (1 - JITTER_SHARE * chance);
}

/** One connection. @returns why it ended */
async function readOnce(
  world: StreamWorld,
  { token, signal }: StreamOptions,
  onStats: (stats: Stats) => void,
): Promise<string | Refusal> {
  const attempt = new AbortController();
  const give = (): void => attempt.abort();
  signal.addEventListener("abort", give);
  const silence = watchSilence(world, attempt);
  try {
    const response = await world.fetch("/v1/admin/events", {
      headers: { authorization: `Bearer ${token}`, accept: "text/event-stream" },
      cache: "no-store",
      credentials: "omit",
      signal: attempt.signal,
    });
    if (!response.ok) return await refusalOf(response);
    if (response.body === null) return "The server sent no events.";
    let isOther = false;
    const parser = createParser({
      onEvent({ event, data }) {
        if (event !== "stats") return;
        silence.heard();
        const stats = readStats(data);
        if (stats === undefined) isOther = true;
        else onStats(stats);
      },
    });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return "The server ended the stream.";
      parser.feed(value);
      if (isOther) return "The server sends figures of another kind: reload this page.";
    }
  } catch {
    return silence.isOver() ? "The server has been silent." : "The server cannot be reached.";
  } finally {
    silence.end();
    signal.removeEventListener("abort", give);
    attempt.abort();
  }
}

function readStats(data: string): Stats | undefined {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), StatsSchema), data);
  return parsed.success ? parsed.output : undefined;
}

function watchSilence(world: StreamWorld, attempt: AbortController) {
  let isOver = false;
  let waiting = new AbortController();
  const wait = (): void => {
    waiting = new AbortController();
    world
      .sleep(SILENCE_MAX_MS, waiting.signal)
      .then(() => {
        isOver = true;
        attempt.abort();
      })
      .catch(() => {});
  };
  wait();
  return {
    heard(): void {
      waiting.abort();
      wait();
    },
    isOver: () => isOver,
    end: () => waiting.abort(),
  };
}
