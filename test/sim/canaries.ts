import { Circle } from "../../src/nearby/circle.ts";
import { type Contact, type Pact, UNKNOWN } from "../../src/nearby/contact.ts";
import type { Effect } from "../../src/nearby/effects.ts";
import type { Answer } from "../../src/nearby/sighting.ts";
import type { Approach, RosterEntry } from "../../src/nearby/state.ts";
import { type Build, type Core, REAL } from "./core.ts";

/*
 * Cores that are wrong on purpose: one for each rule of docs/architecture.md, with that rule taken out, and one with a
 * slack that is too large. A simulator that finds nothing wrong with them proves nothing about the real core.
 *
 * They are the real core with its contacts tampered with around an event, so that nothing else differs.
 */

type Settled = Extract<Pact, { kind: "near" | "far" }>;

/** A circle whose methods tests may change one by one. */
class Tampered extends Circle {
  /** The contact as the core itself holds it. */
  contact(no: number): Contact | undefined {
    return this.contacts.get(no);
  }
}

/** Half as much again as there is room. */
class WrongSlack extends Tampered {
  readonly #stretched = new WeakSet<Pact>();

  override meet(approach: Approach, now: number): ReturnType<Circle["meet"]> {
    const met = super.meet(approach, now);
    this.#stretch(approach.no);
    return met;
  }

  override answered(no: number, callId: number, answer: Answer, now: number): Effect[] {
    const effects = super.answered(no, callId, answer, now);
    this.#stretch(no);
    return effects;
  }

  #stretch(no: number): void {
    const contact = this.contact(no);
    if (contact?.pact.kind !== "far" || this.#stretched.has(contact.pact)) return;
    contact.pact = { ...contact.pact, slackM: contact.pact.slackM * 1.5 };
    this.#stretched.add(contact.pact);
  }
}

/** What is older than the newest word heard is taken all the same. */
class WithoutRev extends Tampered {
  override meet(approach: Approach, now: number): ReturnType<Circle["meet"]> {
    this.#forgetRev(approach.no);
    return super.meet(approach, now);
  }

  override left(...args: Parameters<Circle["left"]>): Effect[] {
    this.#forgetRev(args[0]);
    return super.left(...args);
  }

  override answered(no: number, callId: number, answer: Answer, now: number): Effect[] {
    // A stranger's answer names no rev.
    if (answer.kind !== "stranger") this.#forgetRev(no);
    return super.answered(no, callId, answer, now);
  }

  #forgetRev(no: number): void {
    const contact = this.contact(no);
    if (contact !== undefined) contact.theirRev = 0;
  }
}

/** The newest exchange to arrive counts, whatever pair is held. */
class WithoutPair extends Tampered {
  override meet(approach: Approach, now: number): ReturnType<Circle["meet"]> {
    return this.#blind(approach.no, () => super.meet(approach, now));
  }

  override answered(no: number, callId: number, answer: Answer, now: number): Effect[] {
    return this.#blind(no, () => super.answered(no, callId, answer, now));
  }

  /** A pair of zeros is older than any other. */
  #blind<T>(no: number, event: () => T): T {
    const contact = this.contact(no);
    const held = contact?.pact;
    if (contact === undefined || held === undefined || !isSettled(held)) return event();
    const blind: Settled = { ...held, mine: 0, theirs: 0 };
    contact.pact = blind;
    const result = event();
    if (contact.pact === blind) contact.pact = held;
    return result;
  }
}

/** After an answer nothing is done about what changed while it flew. */
class WithoutLookAgain extends Tampered {
  override answered(no: number, callId: number, answer: Answer, now: number): Effect[] {
    const kept: Effect[] = [];
    for (const effect of super.answered(no, callId, answer, now)) {
      if (effect.kind === "meet" && effect.no === no) this.#uncall(no, effect.callId, now);
      else kept.push(effect);
    }
    return kept;
  }

  /** As if the call had never been started. */
  #uncall(no: number, callId: number, now: number): void {
    const contact = this.contact(no);
    if (contact === undefined) return;
    const { pact, shown } = contact;
    super.failed(no, callId, now);
    Object.assign(contact, { pact, shown, missed: 0, skip: 0 });
  }
}

/** A call without an answer leaves everything as it was. */
class WithoutForgetting extends Tampered {
  override failed(no: number, callId: number, now: number): Effect[] {
    const contact = this.contact(no);
    const held = contact?.pact ?? UNKNOWN;
    const effects = super.failed(no, callId, now);
    if (contact !== undefined && isSettled(held)) contact.pact = held;
    return effects;
  }
}

/** Who may know less from now on learns it at the next meeting only. */
class WithoutWord extends Tampered {
  override reveal(entry: RosterEntry, now: number): Effect[] {
    return super.reveal(entry, now).filter(({ kind }) => kind !== "withdraw");
  }
}

/** Friends who call are told everything. */
class WithoutVisibility extends Tampered {
  override meet(approach: Approach, now: number): ReturnType<Circle["meet"]> {
    return super.meet({ ...approach, visibility: "exact" }, now);
  }
}

function isSettled(pact: Pact): pact is Settled {
  return pact.kind === "near" || pact.kind === "far";
}

function built(make: (...args: ConstructorParameters<typeof Circle>) => Core): Build {
  return { ...REAL, core: make };
}

export const CANARIES = {
  "wrong slack": built((...args) => new WrongSlack(...args)),
  "without rev": built((...args) => new WithoutRev(...args)),
  "without pair": built((...args) => new WithoutPair(...args)),
  "without look again": built((...args) => new WithoutLookAgain(...args)),
  "without forgetting at a timeout": built((...args) => new WithoutForgetting(...args)),
  "without a word that less may be known": built((...args) => new WithoutWord(...args)),
  "without visibility": built((...args) => new WithoutVisibility(...args)),
  "restored from an old copy": { ...REAL, copies: "late" },
} as const satisfies Record<string, Build>;

export type CanaryName = keyof typeof CANARIES;
