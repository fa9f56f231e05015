/** The real Worker, whose objects can be reset, and whose queue and bucket fail at random while faults are on. */
import { seededRandom } from "../../scripts/town/random.ts";
import worker, { CassandraObject, CellObject, MonitorObject, UserObject as RealUserObject } from "../../src/worker.ts";

export { CassandraObject, CellObject, MonitorObject };

interface CrashEnv extends Omit<Env, "USER"> {
  readonly USER: DurableObjectNamespace<UserObject>;
}

/** How often each fault has happened, and how many batches there were for the last three. */
const counts = {
  batches: 0,
  resets: 0,
  resetBeforeReport: 0,
  resetAfterReport: 0,
  queueRefused: 0,
  queueTookAndFailed: 0,
  resetBeforeQueue: 0,
  resetBetweenQueueAndRow: 0,
  consumerThrew: 0,
  bucketRefused: 0,
  bucketTookAndFailed: 0,
};
type Fault = keyof typeof counts;

/** How long the queue may take to answer, at most: time for points to arrive and for resets to strike in between. */
const QUEUE_MS = 100;
/** Of all calls to a part, the share that ends in each of its faults. */
const QUEUE_FAULTS: [Fault, number][] = [
  ["queueRefused", 0.06],
  ["queueTookAndFailed", 0.04],
  ["resetBeforeQueue", 0.04],
  ["resetBetweenQueueAndRow", 0.04],
];
const REPORT_FAULTS: [Fault, number][] = [
  ["resetBeforeReport", 0.03],
  ["resetAfterReport", 0.03],
];
/** Batches are few: their fates are dealt from a deck, so that each comes up in every six. */
const BATCH_FATES: readonly (Fault | undefined)[] = [
  "consumerThrew",
  "bucketRefused",
  "bucketTookAndFailed",
  undefined,
  undefined,
  undefined,
];

/** The module is shared by the Worker and all objects of the process. */
let isOn = false;
let random = seededRandom(0);
let deck: (Fault | undefined)[] = [];

function draw(faults: readonly (readonly [Fault, number])[]): Fault | undefined {
  if (!isOn) return undefined;
  let dice = random();
  for (const [fault, share] of faults) {
    dice -= share;
    if (dice >= 0) continue;
    counts[fault] += 1;
    return fault;
  }
  return undefined;
}

function dealFate(): Fault | undefined {
  if (!isOn) return undefined;
  counts.batches += 1;
  if (deck.length === 0) deck = [...BATCH_FATES];
  const [fate] = deck.splice(Math.floor(random() * deck.length), 1);
  if (fate !== undefined) counts[fate] += 1;
  return fate;
}

export class UserObject extends RealUserObject {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, { ...env, HISTORY_QUEUE_0: faultyQueue(env.HISTORY_QUEUE_0, () => abort(ctx)) });
  }

  override async report(...args: Parameters<RealUserObject["report"]>): ReturnType<RealUserObject["report"]> {
    const fault = draw(REPORT_FAULTS);
    if (fault === "resetBeforeReport") abort(this.ctx);
    const answer = await super.report(...args);
    if (fault === "resetAfterReport") abort(this.ctx);
    return answer;
  }

  reset(): void {
    counts.resets += 1;
    abort(this.ctx);
  }

  /** Chunks that the queue has not taken. */
  waiting(): number {
    return this.ctx.storage.sql.exec<{ n: number }>("SELECT count(*) AS n FROM chunk WHERE queued = 0").one().n;
  }
}

/** Everything in memory is gone, and every socket cut. */
function abort(ctx: DurableObjectState): never {
  ctx.abort("reset by the test");
  throw new Error("reset by the test");
}

function faultyQueue(queue: Queue, reset: () => never): Queue {
  return {
    send: (body, options) => queue.send(body, options),
    metrics: () => queue.metrics(),
    async sendBatch(messages, options) {
      if (isOn) await scheduler.wait(random() * QUEUE_MS);
      const fault = draw(QUEUE_FAULTS);
      if (fault === "queueRefused") throw new Error("the queue refuses");
      if (fault === "resetBeforeQueue") return reset();
      const sent = await queue.sendBatch(messages, options);
      if (isOn) await scheduler.wait(random() * QUEUE_MS);
      if (fault === "queueTookAndFailed") throw new Error("the queue's answer is lost");
      return fault === "resetBetweenQueueAndRow" ? reset() : sent;
    },
  };
}

function faultyBucket(bucket: R2Bucket, fate: Fault | undefined): R2Bucket {
  return new Proxy(bucket, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return async (...args: unknown[]): Promise<unknown> => {
        if (name === "put" && fate === "bucketRefused") throw new Error("the bucket refuses");
        const answer: unknown = await Reflect.apply(value, target, args);
        if (name === "put" && fate === "bucketTookAndFailed") throw new Error("the bucket's answer is lost");
        return answer;
      };
    },
  });
}

async function control(request: Request, { USER }: CrashEnv): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const users = request.method === "POST" ? await request.json<string[]>() : [];
  switch (pathname) {
    case "/test/faults":
      isOn = searchParams.get("on") === "1";
      random = seededRandom(Number(searchParams.get("seed")));
      return Response.json(counts);
    case "/test/reset":
      // A reset object gives its caller no answer.
      await Promise.allSettled(users.map((user) => USER.getByName(user).reset()));
      return Response.json(counts);
    case "/test/waiting": {
      const waiting = await Promise.all(users.map((user) => USER.getByName(user).waiting()));
      return Response.json(waiting.reduce((sum, each) => sum + each, 0));
    }
    default:
      return new Response(null, { status: 404 });
  }
}

export default {
  fetch(request: Request, env: CrashEnv, ctx: ExecutionContext): Promise<Response> | Response {
    const { pathname } = new URL(request.url);
    return pathname.startsWith("/test/") ? control(request, env) : worker.fetch(request, env, ctx);
  },
  async queue(batch: MessageBatch, env: CrashEnv): Promise<void> {
    const fate = dealFate();
    if (fate === "consumerThrew") throw new Error("the consumer is reset");
    await worker.queue(batch, { ...env, HISTORY: faultyBucket(env.HISTORY, fate) });
  },
} satisfies ExportedHandler<CrashEnv>;
