/** What the runtime offers of Node's module, and is used here. Node's own types would describe a whole Node to the Worker. */
declare module "node:async_hooks" {
  export class AsyncLocalStorage<T> {
    getStore(): T | undefined;
    run<R>(store: T, work: () => R): R;
  }
}
