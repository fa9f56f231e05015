import type { Fix } from "../../src/protocol/fix.ts";
import { frameArrived, type FramePace, NEW_PACE } from "../../src/protocol/pace.ts";
import type { Settings } from "../../src/settings.ts";
import { newestLive } from "./frames.ts";
import type { Person } from "./person.ts";
import type { Report } from "./rpc-types.ts";

/** After a flood of reports: the pace is that of frames, one in 100 ms. */
const REPORT_RETRY_S = 1;

/** Points that come without a socket. All are stored before they are answered. */
export class Reports {
  readonly #settings: Settings;
  /** Of requests. It is full again by the time that an idle object is forgotten. */
  #pace: FramePace = NEW_PACE;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async take(person: Person, points: readonly Fix[], now: number): Promise<Report> {
    const arrived = frameArrived(this.#pace, now);
    this.#pace = arrived.pace;
    if (arrived.verdict !== "admitted") return { refused: "too_fast", retryAfterS: REPORT_RETRY_S };
    const { live } = await this.store(person, points, { now, restMs: 0 });
    return { live };
  }

  /**
   * The points of a source whose pace is looked at elsewhere.
   *
   * @param restMs how long the source may be silent although nothing is wrong (`Live.report`)
   * @returns whether the newest is recent enough to be the present (`fresh`), and whether it became that (`live`)
   */
  async store(
    { live, history, connections }: Person,
    points: readonly Fix[],
    { now, restMs }: { now: number; restMs: number },
  ): Promise<{ fresh: boolean; live: boolean }> {
    history.took(null, points, now);
    const fix = newestLive(points, now, this.#settings.inactiveAfterMs + restMs);
    const reported = fix === null ? { live: false } : live.report(fix, now, restMs);
    history.settle(now);
    if (connections.size === 0 && live.active) {
      live.keep();
      history.promise();
    } else await history.store(now);
    return { fresh: fix !== null, live: "live" in reported && reported.live };
  }
}
