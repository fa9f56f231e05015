/** The real Worker, whose users' objects can all be reset: what the platform does with them when a new version comes. */
import worker, {
  CassandraObject,
  CellObject,
  MonitorObject,
  UserObject as RealUserObject,
} from "../../../src/worker.ts";

export { CassandraObject, CellObject, MonitorObject };

interface ResetEnv extends Omit<Env, "USER"> {
  readonly USER: DurableObjectNamespace<UserObject>;
}

const RESET_PATH = "/bench/reset";

export class UserObject extends RealUserObject {
  /** Everything in memory is gone, and every socket cut. */
  reset(): void {
    this.ctx.abort("reset by the bench");
  }
}

export default {
  async fetch(request: Request, env: ResetEnv, ctx: ExecutionContext): Promise<Response> {
    if (new URL(request.url).pathname !== RESET_PATH) return worker.fetch(request, env, ctx);
    const users = await request.json<string[]>();
    // A reset object gives its caller no answer.
    await Promise.allSettled(users.map((user) => env.USER.getByName(user).reset()));
    return new Response(null, { status: 204 });
  },
  queue: worker.queue,
} satisfies ExportedHandler<ResetEnv>;
