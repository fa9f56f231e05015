import { describe, expect } from "vitest";
import type { Connection } from "./connection.ts";
import { SILENCE_MS } from "./connection.ts";
import type { User } from "./helpers.ts";
import { test } from "./helpers.ts";
import { leaves, shows } from "./frames.ts";
import { HOME, offset } from "./places.ts";

/** Of the contract: an eleventh connection closes the longest silent one. */
const CONNECTIONS_MAX = 10;

async function connectMany(user: User, count: number): Promise<Connection[]> {
  const all: Connection[] = [];
  for (let n = 0; n < count; n += 1) {
    const connection = await user.connect({ device: `d${n}` });
    await connection.welcome();
    all.push(connection);
  }
  return all;
}

async function expectOpen(connections: readonly Connection[]): Promise<void> {
  await Promise.all(connections.map((connection) => connection.ping()));
}

describe("connections of one user", { concurrent: true, timeout: 20_000 }, () => {
  test("[DEV3] nine and ten connections live side by side", async ({ world }) => {
    const ana = world.user("ana");
    const nine = await connectMany(ana, CONNECTIONS_MAX - 1);
    await expectOpen(nine);
    const tenth = await ana.connect({ device: "tenth" });
    await tenth.welcome();
    await expectOpen([...nine, tenth]);
  });

  test("[DEV3] an eleventh closes the longest silent one with 4409 and no other", async ({ world }) => {
    const ana = world.user("ana");
    const ten = await connectMany(ana, CONNECTIONS_MAX);
    const [first, second, ...others] = ten;
    if (first === undefined || second === undefined) {
      throw new Error("ten connections were opened");
    }
    // The first one connected before the second, but spoke after it did.
    await new Promise((resolve) => setTimeout(resolve, 30));
    first.move(HOME);
    await first.nearby();
    const eleventh = await ana.connect({ device: "eleventh" });
    await eleventh.welcome();
    expect((await second.closeInfo()).code).toBe(4409);
    await expectOpen([first, ...others, eleventh]);
  });

  test("[DEV3] ping breaks the silence", async ({ world }) => {
    const ana = world.user("ana");
    const [first, second, ...others] = await connectMany(ana, CONNECTIONS_MAX);
    if (first === undefined || second === undefined) {
      throw new Error("ten connections were opened");
    }
    await new Promise((resolve) => setTimeout(resolve, 30));
    await first.ping();
    const eleventh = await ana.connect({ device: "eleventh" });
    await eleventh.welcome();
    expect((await second.closeInfo()).code).toBe(4409);
    await expectOpen([first, ...others, eleventh]);
  });

  test("[DEV3] connections without a device count as well", async ({ world }) => {
    const ana = world.user("ana");
    const all: Connection[] = [];
    for (let n = 0; n < CONNECTIONS_MAX + 1; n += 1) {
      const connection = await ana.connect();
      await connection.welcome();
      all.push(connection);
    }
    const [first, ...others] = all;
    expect((await first?.closeInfo())?.code).toBe(4409);
    await expectOpen(others);
  });

  test("[DEV2] the same device again closes its earlier connection with 4409", async ({ world }) => {
    const ana = world.user("ana");
    const other = await ana.connect({ device: "tablet" });
    const nameless = await ana.connect();
    const earlier = await ana.connect({ device: "phone" });
    await earlier.welcome();
    const later = await ana.connect({ device: "phone" });
    await later.welcome();
    expect((await earlier.closeInfo()).code).toBe(4409);
    await expectOpen([other, nameless, later]);
  });

  test("[DEV2] the same device of somebody else, or no device twice, closes nothing", async ({ world }) => {
    const ana = world.user("ana");
    const ben = world.user("ben");
    const connections = [
      await ana.connect({ device: "phone" }),
      await ben.connect({ device: "phone" }),
      await ben.connect(),
      await ben.connect(),
      await ben.connect({ device: "Phone" }),
    ];
    await new Promise((resolve) => setTimeout(resolve, SILENCE_MS));
    await expectOpen(connections);
  });

  test("[DEV2] a replaced device takes over: its user stays active and receives", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const b = await ben.appear(HOME);
    await ana.appear(offset(HOME, { northM: 500 }), { device: "phone" });
    await b.next(shows(ana.id), "the friend");
    const again = await ana.connect({ device: "phone" });
    await again.until((view) => view.has(ben.id), "the friend in the snapshot of the new connection");
    b.move(offset(HOME, { northM: 100 }));
    await again.next(shows(ben.id), "the move, on the new connection");
    await b.never(leaves(ana.id), "leave of a friend who only reconnected");
  });
});
