/** Asks a server and looks at its process once per interval, and keeps what a view is made of. */
import * as v from "valibot";

import { RATE_WINDOW_MS } from "../../src/operate/figures.ts";
import { type Stats, StatsSchema } from "../../src/protocol/admin.ts";
import { cpuSeconds, residentMiB } from "../bench/usage.ts";
import { ApiError, callApi } from "../town/api.ts";
import { memoryTrend } from "./leak.ts";
import { type Owner, ownerOf } from "./owner.ts";
import type { ProcessUse, View } from "./view.ts";

/** At least a wide screen of bars. */
const SAMPLES_MAX = 400;

export interface WatchOptions {
  readonly url: string;
  readonly token: () => Promise<string>;
  /** Given: this process, and no search for one. */
  readonly pid: number | undefined;
  readonly intervalS: number;
  /** Over how many samples the memory has to rise. */
  readonly intervals: number;
}

export class Watch {
  readonly #options: WatchOptions;
  #samples: Stats[] = [];
  #uses: (ProcessUse | undefined)[] = [];
  #owner: Owner;
  #trouble: string | undefined;
  /** Of the last look at the process. */
  #cpu: { pid: number; seconds: number; atMs: number } | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#owner = options.pid === undefined ? ownerOf(options.url) : { pid: options.pid };
  }

  /** One sample more. @throws ApiError while there is none at all: then something is wrong with the call itself */
  async look(): Promise<View> {
    try {
      this.#keep(await this.#ask());
      this.#trouble = undefined;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (this.#samples.length === 0) throw new ApiError(error.message + adviceOn(error), error.status);
      this.#trouble = `${error.message}; trying again`;
    }
    return this.view();
  }

  view(): View {
    const { url, intervals, intervalS } = this.#options;
    const memory = this.#samples.flatMap(({ connections }, i) => {
      const use = this.#uses[i];
      return use === undefined ? [] : [{ residentMiB: use.residentMiB, connections }];
    });
    return {
      url,
      samples: this.#samples,
      uses: this.#uses,
      noProcess: this.#owner.pid === undefined ? this.#owner.why : undefined,
      trend: memoryTrend(memory, intervals),
      window: { intervals, intervalS },
      trouble: this.#trouble,
    };
  }

  async #ask(): Promise<Stats> {
    const { url, token } = this.#options;
    const answer = await callApi(url, { method: "GET", path: "/v1/admin/stats", token: await token() });
    const parsed = v.safeParse(StatsSchema, answer);
    if (parsed.success) return parsed.output;
    throw new ApiError(`${url} answers figures of another kind: is it of the same version as this command?`);
  }

  #keep(stats: Stats): void {
    const { intervals, intervalS } = this.#options;
    const max = Math.max(SAMPLES_MAX, intervals, Math.ceil(RATE_WINDOW_MS / 1000 / intervalS) + 1);
    const use = this.#use();
    // Another process is another memory: what the last one had says nothing about a leak of this one.
    const last = this.#uses.findLast((one) => one !== undefined);
    if (use !== undefined && last !== undefined && last.pid !== use.pid) this.#uses = this.#uses.map(() => undefined);
    this.#samples = [...this.#samples, stats].slice(-max);
    this.#uses = [...this.#uses, use].slice(-max);
  }

  #use(): ProcessUse | undefined {
    const { pid } = this.#owner;
    const resident = residentMiB(pid);
    if (pid === undefined || resident === undefined) {
      // A server that was started again is another process.
      if (this.#options.pid === undefined) this.#owner = ownerOf(this.#options.url);
      return undefined;
    }
    return { pid, cpuCores: this.#cpuCores(pid), residentMiB: resident };
  }

  #cpuCores(pid: number): number | undefined {
    const seconds = cpuSeconds(pid);
    const last = this.#cpu;
    const atMs = performance.now();
    this.#cpu = seconds === undefined ? undefined : { pid, seconds, atMs };
    if (seconds === undefined || last?.pid !== pid) return undefined;
    return ((seconds - last.seconds) * 1000) / (atMs - last.atMs);
  }
}

function adviceOn({ status }: ApiError): string {
  switch (status) {
    case 401:
      return "\nthe token must be signed with the server's AUTH_SECRET and not be expired";
    case 403:
      return '\nthis token has no role admin: make one with "npm run token -- NAME --role admin"';
    case 404:
      return "\nthis server has no operations API: is it a nearby-friends server of this version?";
    default:
      return "";
  }
}
