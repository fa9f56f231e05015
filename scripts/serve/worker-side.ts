/**
 * What `serve` does inside the Worker's process: knows which objects are awake, keeps the queues' ledger, and answers
 * the process outside.
 *
 * The objects of one process and the Worker share their module scope. A set of names there lists exactly the objects that
 * may hold sockets. (The files of the state directory would list every user who was ever seen, and waking all of them
 * at shutdown takes longer than a shutdown may last.) And a ledger there sees every queue message, because objects and
 * Worker get an `env` whose queues go through it.
 *
 * Runs in workerd with its types stripped, like ledger.ts.
 */
import { QueueLedger, type Batch, type KeptMessage, type LedgerConsumer, type Producer } from "./ledger.ts";

export interface WorkerSideOptions {
  /** Binding name to queue name, as the Worker sees them. */
  readonly producers: Readonly<Record<string, string>>;
  /** Queue name to a binding that the Worker does not see. */
  readonly inlets: Readonly<Record<string, string>>;
  /** By queue name. */
  readonly consumers: Readonly<Record<string, LedgerConsumer>>;
  /** Keeps other local processes out: it is asked for in the header `authorization`. */
  readonly secret: string;
  /** The files that are served by the Worker behind `binding`, which the Worker itself does not see. */
  readonly page: { readonly binding: string; readonly paths: readonly string[] };
}

/** Handlers of the Worker's default export. */
type Handlers = Readonly<Record<string, (event: never, env: never, ctx: never) => unknown>>;
type Env = Readonly<Record<string, Producer>>;
/** The binding of another Worker. */
interface Service {
  fetch(request: Request): Promise<Response>;
}

/** The namespace of the objects that hold sockets. */
interface Drainable {
  getByName(name: string): { drain(): Promise<void> };
}

/** Every call may wake a hibernating object, which takes descriptors. */
const DRAINED_AT_ONCE = 200;
const FAILURES_TOLD = 3;

export class WorkerSide {
  readonly #options: WorkerSideOptions;
  readonly #ledger: QueueLedger;
  readonly #pagePaths: ReadonlySet<string>;
  readonly #awake = new Set<string>();
  readonly #envs = new WeakMap<Env, Env>();
  #draining = false;
  #run: string | undefined;

  constructor(options: WorkerSideOptions) {
    this.#options = options;
    this.#ledger = new QueueLedger(options.consumers);
    this.#pagePaths = new Set(options.page.paths);
  }

  /** Called by each object that may hold sockets when it is made. */
  noteAwake(name: string | undefined): void {
    // One that has gone to sleep is made again by its name: an id alone does not bring it back.
    if (name !== undefined) this.#awake.add(name);
  }

  /** A new socket would be cut without a close code once its object has been drained. */
  get draining(): boolean {
    return this.#draining;
  }

  /** The `env` for objects and Worker; the same one for the same one, since settings are read once for each. */
  envFor(env: Env): Env {
    let own = this.#envs.get(env);
    if (own === undefined) {
      const hidden = new Set([...Object.values(this.#options.inlets), this.#options.page.binding]);
      const entries = Object.entries(env).filter(([name]) => !hidden.has(name));
      own = Object.fromEntries(entries.map(([name, value]) => [name, this.#ownBinding(name, value)]));
      this.#envs.set(env, own);
    }
    return own;
  }

  #ownBinding(name: string, value: Producer): Producer {
    const queue = this.#options.producers[name];
    return queue === undefined ? value : this.#ledger.producer(queue, value);
  }

  /** The default export in place of the Worker's own. */
  wrap(handlers: Handlers): Record<string, unknown> {
    const own: Record<string, unknown> = {};
    for (const [name, handler] of Object.entries(handlers)) {
      const handle = (event: unknown, env: Env, ctx: unknown) =>
        Reflect.apply(handler, handlers, [event, this.envFor(env), ctx]);
      if (name === "queue") {
        own[name] = (batch: Batch, env: Env, ctx: unknown) =>
          this.#ledger.deliver(batch, (each) => handle(each, env, ctx));
      } else if (name === "fetch") {
        own[name] = (request: Request, env: Env, ctx: unknown) =>
          this.#pageFor(request, env)?.fetch(request) ?? handle(asSeenOutside(request), env, ctx);
      } else own[name] = handle;
    }
    return own;
  }

  /** Where a file of the page comes from; undefined for every other request. */
  #pageFor({ method, url }: Request, env: Readonly<Record<string, unknown>>): Service | undefined {
    if (this.#pagePaths.size === 0 || (method !== "GET" && method !== "HEAD")) return undefined;
    if (!this.#pagePaths.has(new URL(url).pathname)) return undefined;
    const service = env[this.#options.page.binding];
    return isService(service) ? service : undefined;
  }

  /**
   * - `POST /drain`: `drain()` of each object that is awake; answers with the first failures, in words.
   * - `POST /give-back [message, ...]`: sends messages that an earlier server left; answers with the `run` of this one.
   * - `POST /flush?waitMs=N`: brings queue messages to their consumers; answers with the `run` and with those `left`.
   *
   * Miniflare starts a runtime that has crashed again, with an empty ledger; another `run` tells so.
   */
  async answer(request: Request, asked: { env: Env; ctx: unknown; objects: Drainable; handlers: Handlers }) {
    const { env, ctx, objects, handlers } = asked;
    if (request.headers.get("authorization") !== this.#options.secret) return new Response(null, { status: 403 });
    const { pathname, searchParams } = new URL(request.url);
    switch (pathname) {
      case "/drain":
        return Response.json(await this.#drain(objects));
      case "/flush": {
        const waitMs = Number(searchParams.get("waitMs"));
        const handle = (batch: Batch) =>
          Reflect.apply(queueHandler(handlers), handlers, [batch, this.envFor(env), ctx]);
        return Response.json({ run: this.#runId(), left: await this.#ledger.flush(handle, waitMs) });
      }
      case "/give-back":
        await this.#giveBack(JSON.parse(await request.text()), env);
        return Response.json({ run: this.#runId() });
      default:
        return new Response(null, { status: 404 });
    }
  }

  /** Made with the first question: workerd has no chance in a module's own scope. */
  #runId(): string {
    this.#run ??= crypto.randomUUID();
    return this.#run;
  }

  async #drain(objects: Drainable): Promise<string[]> {
    this.#draining = true;
    const names = [...this.#awake];
    const failures: string[] = [];
    for (let start = 0; start < names.length; start += DRAINED_AT_ONCE) {
      const group = names.slice(start, start + DRAINED_AT_ONCE);
      await Promise.all(
        group.map(async (name) => {
          try {
            await objects.getByName(name).drain();
          } catch (error) {
            failures.push(String(error));
          }
        }),
      );
    }
    return failures.slice(0, FAILURES_TOLD);
  }

  async #giveBack(messages: readonly KeptMessage[], env: Env): Promise<void> {
    for (const message of messages) {
      const inlet = env[this.#options.inlets[message.queue] ?? ""];
      if (!inlet) throw new Error(`nobody consumes the queue ${message.queue}`);
      await this.#ledger.giveBack(message, inlet);
    }
  }
}

/**
 * Behind a proxy that ends TLS a request comes by plain HTTP, and the links and the addresses for phones in its answer would,
 * too. Whoever sends the header without a proxy changes nothing but the links in their own answer.
 */
function asSeenOutside(request: Request): Request {
  if (request.headers.get("x-forwarded-proto") !== "https") return request;
  const url = new URL(request.url);
  url.protocol = "https:";
  return new Request(url, request);
}

function isService(value: unknown): value is Service {
  return typeof value === "object" && value !== null && "fetch" in value && typeof value.fetch === "function";
}

function queueHandler(handlers: Handlers) {
  const { queue } = handlers;
  if (queue === undefined) throw new Error("the Worker has no queue handler");
  return queue;
}
