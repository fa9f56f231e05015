/** CPU time between two moments: of each process of a server, and of the load itself, which shares the machine with it. */
import { round } from "./figures.ts";
import { cpuSeconds, residentMiB, type ServerProcess } from "./usage.ts";

export interface CpuFigures {
  /** Of the server's processes by name; those of one name together. Null without /proc. */
  readonly serverS: Readonly<Record<string, number>> | null;
  readonly loadS: number;
  readonly seconds: number;
}

interface Edge {
  readonly atMs: number;
  readonly loadS: number;
  readonly byPid: ReadonlyMap<number, number>;
}

export class CpuMeter {
  readonly #processes: () => readonly ServerProcess[];
  #edges: Edge[] = [];

  /** @param processes asked at both ends: one that came or went in between counts for nothing */
  constructor(processes: () => readonly ServerProcess[]) {
    this.#processes = processes;
  }

  /** Call it at the beginning and at the end. */
  readonly edge = (): void => {
    const { user, system } = process.cpuUsage();
    const byPid = new Map(this.#processes().map(({ pid }) => [pid, cpuSeconds(pid) ?? Number.NaN]));
    this.#edges.push({ atMs: performance.now(), loadS: (user + system) / 1e6, byPid });
  };

  figures(): CpuFigures {
    const [start, end] = this.#edges;
    if (start === undefined || end === undefined) throw new Error("the meter was not read twice");
    const serverS: Record<string, number> = {};
    for (const { name, pid } of this.#processes()) {
      const used = (end.byPid.get(pid) ?? Number.NaN) - (start.byPid.get(pid) ?? Number.NaN);
      serverS[name] = round((serverS[name] ?? 0) + used, 2);
    }
    const isKnown = Object.keys(serverS).length > 0 && Object.values(serverS).every((value) => !Number.isNaN(value));
    return {
      serverS: isKnown ? serverS : null,
      loadS: round(end.loadS - start.loadS, 2),
      seconds: round((end.atMs - start.atMs) / 1000, 3),
    };
  }
}

export function serverCpuS({ serverS }: CpuFigures): number | null {
  return serverS === null ? null : Object.values(serverS).reduce((sum, each) => sum + each, 0);
}

/** What each process of a server has resident now, MiB; those of one name together. */
export function residentByName(processes: readonly ServerProcess[]): Record<string, number> {
  const byName: Record<string, number> = {};
  for (const { name, pid } of processes) {
    byName[name] = round((byName[name] ?? 0) + (residentMiB(pid) ?? Number.NaN), 1);
  }
  return byName;
}
