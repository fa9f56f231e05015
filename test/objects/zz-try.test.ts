import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, expect, test, vi } from "vitest";
import { Client, befriend, callerOf, closeAll, north, objectOf, rowsOf, settled, someone, stopClock, watchCalls } from "./people.ts";
test("try", async () => {
  const proto = Reflect.getPrototypeOf(env.USER);
  console.log(Object.getOwnPropertyNames(proto), Object.getOwnPropertyDescriptor(proto, "getByName"));
  const hub = someone("hub");
  await objectOf(hub).getProfile(callerOf(hub));
  console.log(await runInDurableObject(objectOf(hub), (o) => { const e: any = Reflect.get(o, "env"); return [e.USER === env.USER, Reflect.getPrototypeOf(e.USER) === proto, Object.getOwnPropertyDescriptor(e, "USER")]; }));
});
