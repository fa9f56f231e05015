/** A small typed emitter: listeners hear events in order, also when a listener causes the next event. */
export class Events<M extends object> {
  readonly #listeners: { [K in keyof M]?: Set<(event: M[K]) => void> } = {};
  readonly #queue: (() => void)[] = [];
  #isDraining = false;

  /** @returns a function that takes the listener away again */
  on<K extends keyof M>(type: K, listener: (event: M[K]) => void): () => void {
    const set = (this.#listeners[type] ??= new Set());
    set.add(listener);
    return () => set.delete(listener);
  }

  /**
   * Without the queue a listener that sends or closes would let a second listener hear the later event first. A
   * listener that throws is a bug of the application: it surfaces as an uncaught error, and the others still hear.
   */
  emit<K extends keyof M>(type: K, event: M[K]): void {
    for (const listener of this.#listeners[type] ?? []) this.#queue.push(() => listener(event));
    if (this.#isDraining) return;
    this.#isDraining = true;
    for (let run = this.#queue.shift(); run !== undefined; run = this.#queue.shift()) {
      try {
        run();
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
    this.#isDraining = false;
  }
}
