/** The module that `serve` puts in front of the Worker's own: it knows which objects are awake, and can drain them. */

/** Name of the entrypoint that drains; it listens on a socket of its own, on the loopback address only. */
export const DRAIN_ENTRYPOINT = "Drain";
/** Name of the module inside the Worker. */
export const ENTRY_MODULE = "serve-entry.js";

/**
 * The objects of one process share its module scope, so a set of ids there lists exactly those that may hold sockets.
 * (The files of the state directory would list every user who was ever seen, and waking all of them at shutdown takes
 * longer than a shutdown may last.) A request to the entrypoint calls `drain()` of each, in groups: every call may
 * wake a hibernating object, which takes descriptors. While draining, no new socket is accepted: it would be cut
 * without a close code.
 *
 * `secret` keeps other local processes out: it is asked for in the header `authorization`.
 */
export function entrySource(mainModule: string, objectBinding: string, objectClass: string, secret: string): string {
  return `
import { WorkerEntrypoint } from "cloudflare:workers";
import { ${objectClass} as Base } from "./${mainModule}";
export * from "./${mainModule}";
export { default } from "./${mainModule}";

const GROUP = 200;
const awake = new Set();
let draining = false;

export class ${objectClass} extends Base {
  constructor(ctx, env) {
    super(ctx, env);
    awake.add(ctx.id.toString());
  }
  fetch(request) {
    if (draining) return new Response(null, { status: 503, headers: { "retry-after": "1" } });
    return super.fetch(request);
  }
}

export class ${DRAIN_ENTRYPOINT} extends WorkerEntrypoint {
  async fetch(request) {
    if (request.headers.get("authorization") !== ${JSON.stringify(secret)}) return new Response(null, { status: 403 });
    draining = true;
    const ids = [...awake];
    const failures = [];
    for (let start = 0; start < ids.length; start += GROUP) {
      await Promise.all(ids.slice(start, start + GROUP).map(async (id) => {
        try {
          await this.env.${objectBinding}.get(this.env.${objectBinding}.idFromString(id)).drain();
        } catch (error) {
          failures.push(String(error));
        }
      }));
    }
    return Response.json({ drained: ids.length - failures.length, failures: failures.slice(0, 3) });
  }
}
`;
}
