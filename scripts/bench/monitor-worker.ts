/**
 * The same report to the real monitor through itty-durable, and to an object that takes it by the platform's own RPC: what
 * the comfort of the first costs, and why no position goes through it.
 */
import { DurableObject } from "cloudflare:workers";

import { MonitorShard } from "../../src/observe/monitor.ts";
import type { UserReport } from "../../src/observe/report.ts";
import { MonitorObject } from "../../src/worker.ts";

export { MonitorObject };
/** wrangler.toml binds them, and refuses an entry without them. */
export class CassandraObject extends DurableObject {}
export class CellObject extends DurableObject {}

export class UserObject extends DurableObject {
  #reports = 0;

  take(report: UserReport): number {
    if (report.active) this.#reports += 1;
    return this.#reports;
  }

  /** Called by `serve` before it ends. */
  drain(): void {}
}

interface BenchEnv {
  USER: DurableObjectNamespace<UserObject>;
  MONITOR: DurableObjectNamespace;
}

const AT_ONCE = 20;

export default {
  async fetch(request: Request, env: BenchEnv): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/healthz") return new Response("ok");
    const calls = Number(searchParams.get("calls"));
    const native = env.USER.getByName("native");
    const shard = new MonitorShard(env.MONITOR, "itty");
    const ask = async (report: UserReport): Promise<unknown> =>
      pathname === "/native" ? native.take(report) : shard.feed(report);
    for (let done = 0; done < calls; done += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => ask(reportOf(`user-${done + at}`))));
    }
    return new Response("done");
  },
} satisfies ExportedHandler<BenchEnv>;

function reportOf(user: string): UserReport {
  const at = Date.now();
  return {
    user,
    at,
    until: at + 600_000,
    active: true,
    sharing: true,
    cell: "u281",
    connections: 1,
    contacts: { near: 4, far: 30, unknown: 0 },
    waiting: 0,
    oldestAt: null,
    counts: {
      positions: 20,
      meetings: 80,
      deliveries: 160,
      messages_in: 20,
      calls_out: 80,
      "meeting.2": 80,
      "meeting.sum": 160,
    },
  };
}
