/** Without an index of active friends a wake asks everybody, and nothing leaves the object but these calls. */
import { afterEach, beforeAll, expect, test, vi } from "vitest";

import { addFriendRows, metersOf, play, playFriends, takeMeetings } from "./crowd.ts";
import { Client, closeAll, HOME, north, someone, stopClock } from "./people.ts";

const FRIENDS = 400;
const ACTIVE = 40;

beforeAll(() => {
  stopClock();
  playFriends();
});
afterEach(closeAll);

test("400 friends, 40 of them active: 400 calls, no command, no request", async () => {
  const user = someone("popular");
  const friends = Array.from({ length: FRIENDS }, (_, i) => `${user}-${i}`);
  await addFriendRows(user, friends);
  for (const [i, friend] of friends.entries()) play(friend, i < ACTIVE ? north(10 * i) : null);
  const fetched = vi.spyOn(globalThis, "fetch");
  const ann = await Client.open(user);
  ann.move(HOME);
  expect((await ann.next("nearby")).friends).toHaveLength(ACTIVE);
  expect(takeMeetings()).toBe(FRIENDS);
  expect(await metersOf(user)).toMatchObject({ callsOut: FRIENDS, redisCommands: 0 });
  expect(fetched).not.toHaveBeenCalled();
});
