import { describe, expect } from "vitest";
import { shows, speaksOf } from "./frames.ts";
import { test } from "./helpers.ts";
import { HOME, offset } from "./places.ts";

/** Between two fixes, by their `ts`: the newest of three is of now. */
const STEP_MS = 30_000;

describe("jumps of the receiver, with SPEED_MAX_MPS of 150", { concurrent: true, timeout: 30_000 }, () => {
  test("[JUMP1] away and back: the friend sees neither, and the history has an outlier", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const b = await ben.appear(HOME);
    const a = await ana.connect();
    await a.welcome();
    const now = Date.now();
    const fixes = [0, 6_000, 30].map((northM, i) => ({ ...offset(HOME, { northM }), ts: now - (2 - i) * STEP_MS }));
    const [first, jump, back] = fixes;
    a.send({ type: "location", ...first });
    await b.next(shows(ana.id), "the first position");
    a.send({ type: "location", ...jump });
    await b.never(speaksOf(ana.id), "the jump");
    a.send({ type: "location", ...back });
    expect(await b.next(shows(ana.id), "the position after it")).toMatchObject({ friend: back });
    const { body } = await ana.api("GET", "/v1/history");
    expect(body).toMatchObject({ points: [first, { ...jump, outlier: true }, back] });
  });

  test("[JUMP2] a rough position replaces no better one; with none it is shown as coarse", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const b = await ben.appear(HOME);
    const a = await ana.connect();
    await a.welcome();
    a.send({ type: "location", ...offset(HOME, { northM: 900 }), ts: Date.now(), accuracy: 501 });
    const rough = await b.next(shows(ana.id), "a rough position");
    expect(rough).toMatchObject({ friend: { precision: "coarse" } });
    const better = { ...offset(HOME, { northM: 100 }), ts: Date.now(), accuracy: 500 };
    a.send({ type: "location", ...better });
    expect(await b.next(shows(ana.id), "a better one")).toMatchObject({
      friend: { lat: better.lat, lng: better.lng, precision: "exact" },
    });
    a.send({ type: "location", ...offset(HOME, { northM: 900 }), ts: Date.now(), accuracy: 501 });
    await b.never(speaksOf(ana.id), "a rough position after a better one");
  });
});
