import { DurableObject } from "cloudflare:workers";

class Sender extends DurableObject {
  async send(index, bodies) {
    const queue = this.env[`HISTORY_QUEUE_${index}`];
    if (bodies.length === 1) await queue.send(bodies[0]);
    else await queue.sendBatch(bodies.map((body) => ({ body })));
  }

  drain() {}
}

export class UserObject extends Sender {}
export class OtherObject extends Sender {}

export default {
  /**
   * `POST /BINDING/QUEUE` with a list sends its members: through an object, or with `worker` for BINDING without one.
   * `GET /stored` answers with the names of what the sink has.
   */
  async fetch(request, env) {
    const [, binding, index] = new URL(request.url).pathname.split("/");
    if (binding === "healthz") return new Response("ok");
    if (binding === "stored") {
      const { objects } = await env.HISTORY.list();
      return Response.json(objects.map(({ key }) => key));
    }
    const bodies = await request.json();
    if (binding === "worker") await Promise.all(bodies.map((body) => env[`HISTORY_QUEUE_${index}`].send(body)));
    else await env[binding].getByName("one").send(index, bodies);
    return new Response(null, { status: 202 });
  },

  /** Writes each message as an object of its own; a body with `poison` is never written but as a dead letter. */
  async queue(batch, env) {
    const dead = batch.queue.endsWith("-dead");
    if (env.SINK === "down") throw new Error("the sink is down");
    if (env.SINK === "hang") await new Promise(() => {});
    for (const message of batch.messages) {
      if (message.body.poison && !dead) message.retry({ delaySeconds: 0 });
      else {
        const folder = dead ? "dead" : `history/${batch.queue}`;
        const content = { body: message.body, attempts: message.attempts };
        await env.HISTORY.put(`${folder}/${message.body.name}`, JSON.stringify(content));
      }
    }
  },
};
