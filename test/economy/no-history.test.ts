import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeAll, expect, test } from "vitest";

import {
  callerOf,
  Client,
  closeAll,
  HOME,
  INACTIVE_AFTER_MS,
  later,
  objectOf,
  someone,
  stopClock,
} from "../objects/people.ts";

beforeAll(stopClock);
afterEach(closeAll);

test("[SAVE5] with history turned off points are counted, and kept nowhere", async () => {
  const ann = await Client.open(someone("ann"));
  for (let i = 0; i < 20; i += 1) ann.send({ type: "location", ...HOME, ts: Date.now() + i });
  expect(await ann.next("saved")).toEqual({ type: "saved", count: 20, through: Date.now() + 19 });
  ann.move(HOME, { ts: Date.now() + 20 });
  await ann.synced();
  later(INACTIVE_AFTER_MS);
  await runDurableObjectAlarm(objectOf(ann.user));
  expect(await ann.next("saved")).toMatchObject({ count: 21 });
  expect(await objectOf(ann.user).report(callerOf(ann.user), [{ ...HOME, ts: Date.now() }])).toEqual({ live: true });
  const rows = await runInDurableObject(objectOf(ann.user), (_object, { storage }) =>
    storage.sql.exec<{ n: number }>("SELECT count(*) AS n FROM chunk").one(),
  );
  expect(rows.n).toBe(0);
  const page = await objectOf(ann.user).history(callerOf(ann.user), { from: 0, to: Date.now(), limit: 10 });
  expect(page).toEqual({ points: [], since: Date.now() });
});
