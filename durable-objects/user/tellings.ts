import type { Answer, Sighting } from "../../src/nearby/sighting.ts";
import { encodeAnswer, encodeSighting, SAME } from "./wire.ts";
import type { Card } from "./words.ts";

interface Telling {
  readonly sighting: Sighting;
  readonly card: Card;
  readonly text: string;
  /** The sighting may have been told with another card. */
  readonly amended: boolean;
}

/** What friends are told of the user, written once for all who get the same: the exact sighting, and the coarse one. */
export class Tellings {
  readonly #card: () => Card;
  /** What was said up to here was said before this memory began: with which card is not known. */
  readonly #forgottenRev: number;
  #exact: Telling | null = null;
  #coarse: Telling | null = null;

  constructor(card: () => Card, forgottenRev: number) {
    this.#card = card;
    this.#forgottenRev = forgottenRev;
  }

  /** @returns the encoded sighting */
  encode(sighting: Sighting): string {
    return this.#telling(sighting).text;
  }

  /** @param held rev of the sighting that the asking friend holds; 0 for none */
  answer(answer: Answer, held: number): string {
    if (answer.kind !== "active") return encodeAnswer(answer, "");
    const { text, amended } = this.#telling(answer.sighting);
    return held === answer.sighting.rev && !amended ? SAME : encodeAnswer(answer, text);
  }

  #telling(sighting: Sighting): Telling {
    const isExact = sighting.errorM === 0;
    const card = this.#card();
    const last = isExact ? this.#exact : this.#coarse;
    if (last?.sighting === sighting && last.card === card) return last;
    const amended = last?.sighting.rev === sighting.rev || sighting.rev <= this.#forgottenRev;
    const telling = { sighting, card, text: encodeSighting(sighting, card), amended };
    if (isExact) this.#exact = telling;
    else this.#coarse = telling;
    return telling;
  }
}
