/** Whose process serves an address, and what a row of bars looks like. */
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, test } from "vitest";

import { residentMiB } from "../../scripts/bench/usage.ts";
import { spark } from "../../scripts/terminal/spark.ts";
import { listenersOn, ownerOf } from "../../scripts/top/owner.ts";

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2253 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0100007F:2253 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000 20 4 30 10 -1
   2: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000000000000000 100 0 0 10 0
`;

describe("whose a socket is", () => {
  test("of a table only what listens on the port", () => {
    expect(listenersOn(TABLE, 8787)).toEqual(["4711"]);
    expect(listenersOn(TABLE, 80)).toEqual(["4713"]);
    expect(listenersOn(TABLE, 8788)).toEqual([]);
    expect(listenersOn("", 80)).toEqual([]);
  });

  test("a server of this process is found, until it has ended", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port was given");
    const url = `http://127.0.0.1:${address.port}`;
    expect(ownerOf(url)).toEqual({ pid: process.pid });
    server.close();
    await once(server, "close");
    expect(ownerOf(url)).toMatchObject({
      pid: undefined,
      why: `nothing listens on port ${address.port} of this machine`,
    });
  });

  test("a server elsewhere has none here", () => {
    expect(ownerOf("https://nearby.example")).toEqual({ pid: undefined, why: "the server is not on this machine" });
  });

  test("memory that is resident, and none of a process that is not there", () => {
    expect(residentMiB(process.pid)).toBeGreaterThan(10);
    expect(residentMiB(undefined)).toBeUndefined();
  });
});

describe("a row of bars", () => {
  test("from zero to the largest value, the newest on the right", () => {
    expect(spark([0, 1, 2, 3, 4, 5, 6, 7, 8], 8)).toBe("▂▃▄▅▆▇██");
    expect(spark([5, 5], 4)).toBe("  ██");
    expect(spark([0, 0], 2)).toBe("▁▁");
    expect(spark([8, undefined, 1], 3)).toBe("█ ▂");
    expect(spark([], 3)).toBe("   ");
    expect(spark([1], 0)).toBe("");
  });
});
