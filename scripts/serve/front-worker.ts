/**
 * What runs in a front (fronts.ts): every request goes to the runtime as it is, and whatever comes back goes to the client.
 * A socket is joined to its object's by workerd itself, without a line of this for a frame.
 *
 * Runs in workerd with its types stripped, by itself.
 */

interface Entrypoint {
  fetch(request: Request): Promise<Response>;
}

/** A binding of the kind `workerdDebugPort`. */
interface Door {
  connect(address: string): Promise<{ getEntrypoint(service: string): Promise<Entrypoint> }>;
}

interface Env {
  readonly DOOR: Door;
  readonly ADDRESS: string;
  readonly SERVICE: string;
  readonly HALL: { getByName(name: string): Entrypoint };
}

/** A connection belongs to the request that opened it, or to an object. This one is held for all sockets of the front. */
export class Hall {
  readonly #env: Env;
  #entrypoint: Promise<Entrypoint> | undefined;

  constructor(_ctx: unknown, env: Env) {
    this.#env = env;
  }

  async fetch(request: Request): Promise<Response> {
    try {
      this.#entrypoint ??= this.#open();
      return await (await this.#entrypoint).fetch(request);
    } catch (error) {
      // The Worker answers its own failures. What is thrown here is the end of the connection: the next request opens another.
      this.#entrypoint = undefined;
      console.error("front:", String(error));
      return new Response(null, { status: 503, headers: { "retry-after": "1" } });
    }
  }

  async #open(): Promise<Entrypoint> {
    const { DOOR, ADDRESS, SERVICE } = this.#env;
    return (await DOOR.connect(ADDRESS)).getEntrypoint(SERVICE);
  }
}

export default {
  fetch(request: Request, env: Env): Promise<Response> | Response {
    // On the way the empty parts of a path are left out: what is not there would be found.
    if (new URL(request.url).pathname.includes("//")) return notFound();
    return env.HALL.getByName("hall").fetch(withoutWrongUpgrade(request));
  },
};

/** As the Worker says it (docs/http.md, HTTP1). */
function notFound(): Response {
  const problem = {
    type: "about:blank",
    title: "Not Found",
    status: 404,
    code: "not_found",
    detail: "nothing is here",
  };
  const headers = { "content-type": "application/problem+json", "cache-control": "no-store" };
  return new Response(JSON.stringify(problem), { status: 404, headers });
}

/** The Worker refuses an upgrade by another method than GET; workerd's protocol cannot even carry one. */
function withoutWrongUpgrade(request: Request): Request {
  if (request.method === "GET" || !request.headers.has("upgrade")) return request;
  const headers = new Headers(request.headers);
  headers.delete("upgrade");
  return new Request(request, { headers });
}
