/**
 * What the SDK promises, against a real server and through a network that fails. Runs in Node and in a page: it imports
 * nothing but the SDK.
 */
import { HOME, HURRY, Lab, type LabOptions, must, mustEqual, north, sleep } from "./sdk-lab.ts";

export type { Fault, LabOptions } from "./sdk-lab.ts";

type Scenario = (lab: Lab) => Promise<void>;

const ONLINE: Readonly<Record<string, Scenario>> = {
  "friends come, move, and leave, on both sides": async (lab) => {
    const [ana, ben] = await lab.friends();
    const a = await ana.appear(HOME);
    const b = await ben.appear(north(500));
    await a.until(() => a.sees(ben) !== undefined, "sight of Ben");
    await b.until(() => b.sees(ana) !== undefined, "sight of Ana");
    must(Math.abs((a.sees(ben)?.distance ?? 0) - 500) < 1, "Ben at 500 m");
    b.client.send(north(900));
    await a.until(() => (a.sees(ben)?.distance ?? 0) > 800, "move of Ben");
    mustEqual(a.log.friends, [`${ben.id} new`, `${ben.id} moved`], "events");
    b.client.send(north(30_000));
    await a.until(() => a.sees(ben) === undefined, "leave of Ben");
    await b.until(() => b.sees(ana) === undefined, "leave of Ana");
    mustEqual([a.log.gone, b.log.gone], [[`${ben.id} far`], [`${ana.id} far`]], "gone");
  },

  "an own move changes the distances and the order at once": async (lab) => {
    const [ana, ben] = await lab.friends();
    const eve = lab.person("eve");
    await ana.befriend(eve);
    await ben.appear(north(500));
    await eve.appear(north(1500));
    const a = await ana.appear(HOME);
    await a.until(() => a.client.friends.length === 2, "sight of both");
    const before = a.client.friends;
    a.client.send(north(2000));
    mustEqual(
      a.client.friends.map(({ id }) => id),
      [eve.id, ben.id],
      "order",
    );
    mustEqual(
      before.map(({ id }) => id),
      [ben.id, eve.id],
      "order of what was read before",
    );
    must(Math.abs((a.client.friends[0]?.distance ?? 0) - 500) < 1, "Eve at 500 m");
  },

  "changes of the friend list are told": async (lab) => {
    const [ana, ben] = [lab.person("ana"), lab.person("ben")];
    const a = await ana.appear(HOME);
    const b = await ben.appear(north(10));
    await ben.api("PUT", `/v1/friends/${ana.id}`);
    await a.until(() => a.log.friendships.includes(`${ben.id} incoming`), "request");
    await ana.api("PUT", `/v1/friends/${ben.id}`);
    await b.until(() => b.log.friendships.includes(`${ana.id} friend`), "acceptance");
    await a.until(() => a.sees(ben) !== undefined, "sight of Ben");
    await ana.api("PATCH", "/v1/me", { sharing: false });
    await b.until(() => b.log.gone.includes(`${ana.id} paused`), "pause of Ana");
    await ana.api("PATCH", "/v1/me", { sharing: true });
    await b.until(() => b.sees(ana) !== undefined, "return of Ana");
    await ben.api("DELETE", `/v1/friends/${ana.id}`);
    await a.until(() => a.log.friendships.includes(`${ben.id} removed`), "end of the friendship");
    await a.until(() => a.log.gone.includes(`${ben.id} unfriended`), "leave of Ben");
  },

  "positions are kept until they are stored, and are all in the history": async (lab) => {
    const ana = lab.person("ana");
    const a = ana.device();
    const start = Date.now() - 60_000;
    for (let i = 0; i < 20; i += 1) a.client.send({ ...north(i), ts: start + i * 1000 });
    mustEqual(a.client.unsaved, 20, "unsaved before");
    await a.until(() => a.client.unsaved === 0, "saved");
    mustEqual(a.log.saved.at(-1), { type: "saved", count: 20, through: start + 19_000 }, "saved");
    mustEqual(
      await ana.history(),
      Array.from({ length: 20 }, (_, i) => start + i * 1000),
      "history",
    );
  },

  "a position too far in the future is refused and forgotten": async (lab) => {
    const a = lab.person("ana").device();
    await a.untilState("online");
    a.client.send({ ...HOME, ts: Date.now() + 25 * 3_600_000 });
    await a.until(() => a.log.errors.includes("bad_timestamp"), "error");
    mustEqual(a.client.unsaved, 0, "unsaved");
  },

  "a new token goes over the open socket, in time": async (lab) => {
    const ana = lab.person("ana");
    let asked = 0;
    const a = ana.device({
      token: () => {
        asked += 1;
        return ana.token(4);
      },
    });
    await a.untilState("online");
    await sleep(6_000);
    must(asked >= 2, "more than one token");
    mustEqual(
      a.log.statuses.map(({ state }) => state),
      ["online"],
      "states",
    );
  },

  "when the token ends nevertheless (4401), the next connection has a new one": async (lab) => {
    const ana = lab.person("ana");
    let asked = 0;
    const a = ana.device({
      token: () => {
        asked += 1;
        return asked === 2 ? Promise.reject(new Error("login is down")) : ana.token(asked === 1 ? 3 : 3600);
      },
    });
    await a.untilState("online");
    await a.until(() => a.log.statuses.some((status) => status.state === "waiting" && status.code === 4401), "4401");
    await a.untilState("online");
    mustEqual(a.log.errors, ["token_failed"], "errors");
  },

  "a token that the server refuses is told": async (lab) => {
    const a = lab.person("ana").device({ token: () => Promise.resolve("not.a.token"), random: () => 0.1 });
    await a.until(() => a.log.errors.includes("token_refused"), "error");
    must(a.state !== "polling" && a.state !== "online", "no connection");
  },

  "the same device connects again: the first one ends (4409), and stays away": async (lab) => {
    const ana = lab.person("ana");
    const first = ana.device({ device: "phone" });
    await first.untilState("online");
    const second = ana.device({ device: "phone" });
    await first.untilState("closed");
    await sleep(1_500);
    mustEqual([first.client.status.state, second.state], ["closed", "online"], "states");
  },

  "two tabs of a user both see, and both may send": async (lab) => {
    const [ana, ben] = await lab.friends();
    const one = await ana.appear(HOME);
    const two = ana.device();
    await two.until(() => two.log.nearby.length > 0, "nearby");
    await ben.appear(north(100));
    await one.until(() => one.sees(ben) !== undefined, "sight in the first");
    await two.until(() => two.sees(ben) !== undefined, "sight in the second");
  },

  "a deleted account ends the connection for good (4410)": async (lab) => {
    const ana = lab.person("ana");
    const a = await ana.appear(HOME);
    await ana.api("DELETE", "/v1/me");
    await a.untilState("closed");
    must(a.client.status.state === "closed" && a.client.status.code === 4410, "code 4410");
  },
};

const HASTY: Readonly<Record<string, Scenario>> = {
  "who is silent leaves as inactive, and comes back": async (lab) => {
    const [ana, ben] = await lab.friends();
    const a = await ana.appear(HOME);
    const b = await ben.appear(north(100));
    await a.until(() => a.sees(ben) !== undefined, "sight of Ben");
    await a.until(() => {
      a.client.send(HOME);
      return a.log.gone.includes(`${ben.id} inactive`);
    }, "leave of Ben");
    b.client.send(north(200));
    await a.until(() => a.sees(ben) !== undefined, "return of Ben");
  },
};

const FAULTY: Readonly<Record<string, Scenario>> = {
  "a cut connection comes back, with a whole snapshot": async (lab) => {
    const [ana, ben] = await lab.friends();
    const a = await ana.appear(HOME, lab.faulty);
    const b = await ben.appear(north(100));
    await a.until(() => a.sees(ben) !== undefined, "sight of Ben");
    await lab.fault("cut");
    await a.untilState("waiting");
    b.client.send(north(30_000));
    await a.until(() => a.log.nearby.length > 1, "snapshot");
    await a.until(() => a.sees(ben) === undefined, "leave of Ben");
  },

  "offline and back: the trail is complete": async (lab) => {
    const ana = lab.person("ana");
    const a = await ana.appear(HOME, lab.faulty);
    const sent = [a.client.position?.ts ?? 0];
    await lab.fault("refuse");
    await a.untilState("waiting");
    const start = Date.now() + 1;
    for (let i = 0; i < 130; i += 1) {
      sent.push(start + i * 10);
      a.client.send({ ...north(i), ts: start + i * 10 });
      if (i % 10 === 0) await sleep(10);
    }
    mustEqual(a.client.unsaved, 131, "unsaved while offline");
    await lab.fault("none");
    await a.untilState("online");
    await a.until(() => a.client.unsaved < 20, "saved");
    mustEqual(await ana.history(), sent, "history");
  },

  "a server that is away at the start is found when it comes": async (lab) => {
    const ana = lab.person("ana");
    await lab.fault("refuse");
    const a = ana.device(lab.faulty);
    a.client.send(HOME);
    await a.until(() => a.log.statuses.filter(({ state }) => state === "waiting").length >= 4, "attempts");
    must(!a.log.statuses.some(({ state }) => state === "polling"), "no word of HTTP, which fails as well");
    await lab.fault("none");
    await a.untilState("online");
    await a.until(() => a.log.nearby.length > 0, "nearby");
    mustEqual((await ana.history()).length, 1, "points");
  },

  "a dead connection is noticed, and left": async (lab) => {
    const a = lab.person("ana").device(lab.hurried);
    await a.untilState("online");
    await lab.fault("stall");
    await a.until(
      () =>
        a.log.statuses.some((status) => status.state === "waiting" && status.reason === "the server stopped answering"),
      "loss of the connection",
    );
    await lab.fault("none");
    await a.untilState("online");
  },

  "a slow network delays, and changes nothing else": async (lab) => {
    const [ana, ben] = await lab.friends();
    await lab.options.setFault({ kind: "delay", ms: 150 });
    const a = await ana.appear(HOME, lab.faulty);
    const b = await ben.appear(north(100));
    for (let i = 2; i <= 10; i += 1) b.client.send({ ...north(i * 100), ts: Date.now() + i });
    await a.until(() => (a.sees(ben)?.distance ?? 0) > 999, "last move");
    mustEqual(
      a.log.statuses.map(({ state }) => state),
      ["online"],
      "states",
    );
  },

  "without sockets it works over HTTP, says so, and returns": async (lab) => {
    const [ana, ben] = await lab.friends();
    const b = await ben.appear(north(100));
    await lab.fault("noUpgrade");
    const a = ana.device(lab.hurried);
    const sent = [Date.now()];
    a.client.send({ ...HOME, ts: sent[0] ?? 0 });
    await a.untilState("polling");
    await a.until(() => a.sees(ben) !== undefined, "sight of Ben");
    await b.until(() => b.sees(ana) !== undefined, "sight of Ana");
    await a.until(() => a.client.unsaved === 0, "saved");
    b.client.send(north(700));
    await a.until(() => (a.sees(ben)?.distance ?? 0) > 600, "move of Ben");
    b.client.send(north(30_000));
    await a.until(() => a.log.gone.includes(`${ben.id} far`), "leave of Ben");
    for (let i = 1; i <= 12; i += 1) {
      const ts = Date.now() + i;
      sent.push(ts);
      a.client.send({ ...north(i), ts });
    }
    await a.until(() => a.client.unsaved === 0, "saved");
    mustEqual(a.log.saved.at(-1)?.count, 13, "points stored over HTTP");
    must(!a.log.statuses.slice(-1).some(({ state }) => state !== "polling"), "polling all the time");
    await lab.fault("none");
    await a.untilState("online");
    b.client.send(north(300));
    await a.until(() => a.sees(ben) !== undefined, "return of Ben over the socket");
    mustEqual((await ana.history()).filter((ts) => sent.includes(ts)).length, 13, "points in the history");
  },

  "upgrades that nobody answers are sockets that cannot be had, too": async (lab) => {
    await lab.fault("swallowUpgrade");
    const a = lab.person("ana").device(lab.hurried);
    await a.untilState("polling");
    await lab.fault("none");
    await a.untilState("online");
  },

  "a token that ends while it works over HTTP is replaced": async (lab) => {
    const ana = lab.person("ana");
    await lab.fault("noUpgrade");
    const a = ana.device({ ...lab.hurried, token: () => ana.token(2) });
    await a.untilState("polling");
    await sleep(3_000);
    const ts = Date.now();
    a.client.send({ ...HOME, ts });
    await a.until(() => a.client.unsaved === 0, "saved");
    mustEqual(await ana.history(), [ts], "history");
    mustEqual(a.log.errors, [], "errors");
  },

  "whatever the network does, every position is stored once": async (lab) => {
    const ana = lab.person("ana");
    const a = await ana.appear(HOME, lab.hurried);
    const sent = [a.client.position?.ts ?? 0];
    const faults = ["cut", "refuse", "none", "stall", "none", "noUpgrade", "cut", "none", "cut"] as const;
    for (const [round, fault] of faults.entries()) {
      await lab.fault(fault);
      for (let i = 0; i < 15; i += 1) {
        const ts = Date.now() + round * 100 + i;
        if (sent.includes(ts)) continue;
        sent.push(ts);
        a.client.send({ ...north(i), ts });
        await sleep(1_000 / HURRY);
      }
    }
    await lab.fault("none");
    await a.untilState("online");
    const wanted = sent.toSorted((x, y) => x - y);
    let stored: number[] = [];
    for (let i = 0; i < 100 && stored.length < wanted.length; i += 1) {
      stored = await ana.history();
      await sleep(100);
    }
    mustEqual(stored, wanted, "history");
  },
};

const ALL = { ...ONLINE, ...HASTY, ...FAULTY };

export const TITLES: readonly string[] = Object.keys(ALL);

/** Runs one of `TITLES`; rejects with what was expected. */
export async function runScenario(title: string, options: LabOptions): Promise<void> {
  const scenario = ALL[title];
  if (scenario === undefined) throw new Error(`there is no scenario "${title}"`);
  const lab = new Lab(options, title in HASTY);
  await lab.fault("none");
  try {
    await scenario(lab);
  } finally {
    await lab.end();
  }
}
