/** What went wrong in a run, by kind: a run goes on, and tells in the end. */

export class Errors {
  readonly #kinds = new Map<string, number>();
  count = 0;

  note(kind: string): void {
    this.count += 1;
    this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + 1);
  }

  get byKind(): Record<string, number> {
    return Object.fromEntries(this.#kinds);
  }
}
