/** The real Worker, and a way to ask its objects what they were billed for. */
import worker, { CassandraObject, CellObject, MonitorObject, UserObject } from "../../src/worker.ts";

export { CassandraObject, CellObject, MonitorObject, UserObject };

export default {
  async fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname !== "/bench/meters") return worker.fetch(request, env, ctx);
    const users = await request.json<string[]>();
    // An object that slept has started to count anew, and says null or too little: ask while they are awake.
    return Response.json(await Promise.all(users.map((user) => env.USER.getByName(user).meters())));
  },
  queue: worker.queue,
} satisfies ExportedHandler<Env>;
