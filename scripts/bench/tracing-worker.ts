/**
 * Measures one traced call: the same methods with and without `@traced`, so many times that the process's CPU seconds tell
 * them apart. The runtime's own clock stands still while code runs, so the seconds are counted from outside.
 */
import { DurableObject } from "cloudflare:workers";
import * as platform from "cloudflare:workers";

import { useSpansOf } from "../../src/observe/spans.ts";
import type { About } from "../../src/observe/steps.ts";
import { ABOUT, departing, onwardOf, returned, type Traceable, traced } from "../../src/observe/trace.ts";

/** wrangler.toml binds them, and refuses an entry without them. */
export class CassandraObject extends DurableObject {}
export class CellObject extends DurableObject {}
export class MonitorObject extends DurableObject {}
export class UserObject extends DurableObject {}

useSpansOf(platform);

const ABOUT_HAND: About = { object: "hand", slowMs: 60_000 };

/** Calls of one event: those to 40 friends. */
const CALLS_PER_EVENT = 40;

class Bare implements Traceable {
  readonly [ABOUT] = ABOUT_HAND;
  #sum = 0;

  get sum(): number {
    return this.#sum;
  }

  add(value: number): number {
    this.#sum = (this.#sum + value) % 1_000_003;
    return this.#sum;
  }

  /** As a handler calls a part of the object. */
  addAll(count: number): number {
    for (let value = 0; value < count; value += 1) this.add(value);
    return this.#sum;
  }

  /** As a handler calls other objects: only what the trace does at both ends of the call. */
  ask(count: number): number {
    for (let value = 0; value < count; value += 1) {
      const step = departing("friend", "meet");
      this.#sum += (onwardOf(step) ?? "").length;
      returned(step, this.#sum % 7);
    }
    return this.#sum;
  }

  /** As a friend's object is called: with the trace of the caller, whose event began just now. */
  take(value: number, _onward?: string): number {
    this.#sum = (this.#sum + value) % 1_000_003;
    return this.#sum;
  }
}

@traced({ carrying: ["take"], brief: ["take"] })
class Traced extends Bare {
  override add(value: number): number {
    return super.add(value);
  }
  override addAll(count: number): number {
    return super.addAll(count);
  }
  override ask(count: number): number {
    return super.ask(count);
  }
  override take(value: number, onward?: string): number {
    return super.take(value, onward);
  }
}

/** The same without the decorator, so that the override costs both. */
class Plain extends Bare {
  override add(value: number): number {
    return super.add(value);
  }
  override addAll(count: number): number {
    return super.addAll(count);
  }
  override ask(count: number): number {
    return super.ask(count);
  }
  override take(value: number, onward?: string): number {
    return super.take(value, onward);
  }
}

function run(kind: string, hand: Bare, calls: number): void {
  const onward = `${Date.now()} abcdefghij`;
  if (kind === "event") for (let i = 0; i < calls; i += 1) hand.add(i);
  else if (kind === "carried") for (let i = 0; i < calls; i += 1) hand.take(i, onward);
  else if (kind === "part") for (let i = 0; i < calls / CALLS_PER_EVENT; i += 1) hand.addAll(CALLS_PER_EVENT);
  else if (kind === "outgoing") for (let i = 0; i < calls / CALLS_PER_EVENT; i += 1) hand.ask(CALLS_PER_EVENT);
  else throw new Error(`no measurement is called ${kind}`);
}

export default {
  fetch(request: Request): Response {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/healthz") return new Response("ok");
    const hand = searchParams.get("traced") === "1" ? new Traced() : new Plain();
    run(pathname.slice(1), hand, Number(searchParams.get("calls")));
    return new Response(String(hand.sum));
  },
} satisfies ExportedHandler;
