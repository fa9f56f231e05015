/** The modules that `serve` puts in front of the Worker's own. */
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import type { WorkerModule } from "./bundle.ts";
import type { Consumer, QueueBindings } from "./queues.ts";
import type { WorkerSideOptions } from "./worker-side.ts";

/** Name of the entrypoint for the server's end; it listens on a socket of its own, on the loopback address only. */
export const CONTROL_ENTRYPOINT = "ServeControl";
const ENTRY_MODULE = "serve-entry.js";
/** Files beside this one, under their own names, by which they import each other. */
const OWN_MODULES = ["worker-side.ts", "ledger.ts"];

/** Only objects behind this binding hold sockets. */
const DRAINED_BINDING = "USER";

/** Binding of the Worker that serves the web app's files; the Worker itself does not see it. */
export const PAGE_BINDING = "SERVE_PAGE";

/** Bindings for the control entrypoint, beside the Worker's own: binding name to queue. */
export function inlets(consumers: readonly Consumer[]): Record<string, string> {
  return Object.fromEntries(consumers.map(({ queue }, index) => [`SERVE_INLET_${index}`, queue]));
}

export interface EntryOptions {
  mainModule: string;
  /** Binding name to class name. */
  durableObjects: Record<string, string>;
  queues: QueueBindings;
  secret: string;
  /** What is served as a file, and not by the Worker. */
  pagePaths: readonly string[];
}

/** The entry comes first: it is the Worker's main module. */
export function entryModules(options: EntryOptions): WorkerModule[] {
  const own = OWN_MODULES.map((name) => ({
    type: "ESModule" as const,
    name,
    contents: Buffer.from(stripTypeScriptTypes(readFileSync(join(import.meta.dirname, name), "utf8"))),
  }));
  return [{ type: "ESModule", name: ENTRY_MODULE, contents: Buffer.from(entrySource(options)) }, ...own];
}

function entrySource({ mainModule, durableObjects, queues, secret, pagePaths }: EntryOptions): string {
  const options: WorkerSideOptions = {
    producers: Object.fromEntries(Object.entries(queues.producers).map(([name, { queue }]) => [name, queue])),
    inlets: Object.fromEntries(Object.entries(inlets(queues.consumers)).map(([name, queue]) => [queue, name])),
    consumers: Object.fromEntries(queues.consumers.map((one) => [one.queue, one])),
    secret,
    page: { binding: PAGE_BINDING, paths: pagePaths },
  };
  const drained = durableObjects[DRAINED_BINDING];
  if (drained === undefined) throw new Error(`serve drains the objects behind ${DRAINED_BINDING}, and there are none`);
  const others = new Set(Object.values(durableObjects));
  others.delete(drained);
  return `
import { WorkerEntrypoint } from "cloudflare:workers";
import * as main from "./${mainModule}";
import { WorkerSide } from "./worker-side.ts";
export * from "./${mainModule}";

const side = new WorkerSide(${JSON.stringify(options)});
export default side.wrap(main.default);

export class ${drained} extends main.${drained} {
  constructor(ctx, env) {
    super(ctx, side.envFor(env));
    side.noteAwake(ctx.id.name);
  }
  fetch(request) {
    if (side.draining) return new Response(null, { status: 503, headers: { "retry-after": "1" } });
    return super.fetch(request);
  }
}
${[...others].map(otherClass).join("")}
export class ${CONTROL_ENTRYPOINT} extends WorkerEntrypoint {
  fetch(request) {
    const { env, ctx } = this;
    return side.answer(request, { env, ctx, objects: env.${DRAINED_BINDING}, handlers: main.default });
  }
}
`;
}

function otherClass(className: string): string {
  return `
export class ${className} extends main.${className} {
  constructor(ctx, env) {
    super(ctx, side.envFor(env));
  }
}
`;
}
