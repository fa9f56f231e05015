/** The table of the five models, and what the figures say about where each breaks. */
import { totalmem } from "node:os";
import type { Model } from "../classic/hosting/model.ts";
import { round } from "../figures.ts";
import { formatMachine, type Machine } from "../machine.ts";
import { markdownTable } from "../tables.ts";
import { mappingLimit } from "./processes.ts";
import type { Stop } from "./ramp.ts";

export interface ModelFigures {
  readonly model: Model;
  /** Connections with their friends loaded. */
  readonly held: number;
  readonly stop: Stop;
  readonly refusal: string | null;
  /** Those that were open stayed open. */
  readonly survived: boolean;
  readonly openedPerS: number;
  /** With all of them open. */
  readonly memoryMiB: number;
  /** Over a server without any. */
  readonly perConnectionMiB: number;
  readonly descriptorsPerConnection: number;
  /** Pieces of memory of the process that has the most, for each of the first connections. */
  readonly mappingsPerConnection: number;
  readonly threads: number;
  readonly processes: number;
  readonly updatesPerS: number;
  readonly deliveriesPerS: number;
  readonly lost: number;
  /** The clients could not have sent much faster. */
  readonly paceBound: boolean;
  readonly switchesPerUpdate: number;
  /** CPUs that were busy with it, on average. */
  readonly serverCpus: number;
  readonly redisCpus: number;
  readonly loadCpus: number;
  /** The same for all that ran on the machine. */
  readonly machineCpus: number;
}

export interface ModelsReport {
  readonly machine: Machine;
  readonly models: readonly (ModelFigures & { readonly breaks: string })[];
}

const WORDS: Readonly<Record<Model, string>> = {
  processes: "a process per connection",
  threads: "a thread per connection",
  loop: "one event loop",
  pool: "a reactor with a pool of workers",
  coroutines: "coroutines",
};

/** Above this share of a CPU a thread that can use only one has nothing left. */
const BUSY_SHARE = 0.85;
/** A heap that grows takes some mappings, too: less than this for a connection says nothing about connections. */
const MAPPINGS_OF_A_HEAP = 10;
/** A quiet machine spends less than this on itself. */
const BESIDE_MAX_CPUS = 0.2;

export function makeModelsReport(figures: readonly ModelFigures[], machine: Machine): ModelsReport {
  const digits = (one: ModelFigures): ModelFigures => ({
    ...one,
    openedPerS: round(one.openedPerS, 1),
    memoryMiB: round(one.memoryMiB, 1),
    perConnectionMiB: round(one.perConnectionMiB, 3),
    descriptorsPerConnection: round(one.descriptorsPerConnection, 2),
    mappingsPerConnection: round(one.mappingsPerConnection, 1),
    updatesPerS: round(one.updatesPerS, 1),
    deliveriesPerS: round(one.deliveriesPerS, 0),
    switchesPerUpdate: round(one.switchesPerUpdate, 1),
    serverCpus: round(one.serverCpus, 2),
    redisCpus: round(one.redisCpus, 2),
    loadCpus: round(one.loadCpus, 2),
    machineCpus: round(one.machineCpus, 2),
  });
  return { machine, models: figures.map((one) => ({ ...digits(one), breaks: breaksOf(one, machine) })) };
}

/** What ends first, by the figures: connections, and then updates. */
export function breaksOf(one: ModelFigures, machine: Machine): string {
  return `${connectionsEnd(one, machine)} ${updatesEnd(one, machine)}`;
}

function connectionsEnd(one: ModelFigures, machine: Machine): string {
  const { held, stop, openedPerS, perConnectionMiB, refusal } = one;
  const size =
    perConnectionMiB < 1 ? `${Math.round(perConnectionMiB * 1024)} KiB` : `${perConnectionMiB.toFixed(0)} MiB`;
  const ends = endsAt(one, machine);
  switch (stop) {
    case "cap":
      return `All ${held} connections that were tried are held; at ${size} each, ${ends}.`;
    case "time":
      return `Connections are opened at ${openedPerS.toFixed(1)} a second, which ended them at ${held} in the time given; at ${size} each, ${ends}.`;
    case "memory":
      return `Memory: at ${size} each, ${held} connections left no more than must be left alone.`;
    case "stalled":
      return `After ${held} connections (${size} each) no other was opened for 5 s.`;
    case "refused":
      return `After ${held} connections (${size} each) one failed (${refusal ?? "without a word"})${one.survived ? "" : ", and all others with it"}; ${ends}.`;
  }
}

/** Which limit of this machine comes first: its memory, or what the process that holds the connections may have. */
function endsAt(one: ModelFigures, { descriptors }: Machine): string {
  const { perConnectionMiB, descriptorsPerConnection, mappingsPerConnection, processes } = one;
  // Where each has a process, each has limits of its own.
  const isAlone = processes === 1;
  const ends: [at: number, what: string][] = [
    [totalmem() / 2 ** 20 / Math.max(perConnectionMiB, 1 / 1024), "the memory of this machine ends"],
    [isAlone && descriptors !== null ? descriptors / descriptorsPerConnection : Infinity, "its descriptors end"],
    [
      isAlone && mappingsPerConnection > MAPPINGS_OF_A_HEAP ? mappingLimit() / mappingsPerConnection : Infinity,
      "its memory mappings (vm.max_map_count) end",
    ],
  ];
  const [at, what] = ends.reduce((least, other) => (other[0] < least[0] ? other : least));
  return `${what} at about ${rounded(Math.floor(at))}`;
}

function updatesEnd(one: ModelFigures, { cpus }: Machine): string {
  const { serverCpus, redisCpus, loadCpus, machineCpus, switchesPerUpdate, paceBound, lost } = one;
  const switches = `${switchesPerUpdate < 10 ? switchesPerUpdate.toFixed(1) : switchesPerUpdate.toFixed(0)} context switches an update`;
  const part = `server ${serverCpus.toFixed(2)}, Redis ${redisCpus.toFixed(2)}, load ${loadCpus.toFixed(2)} CPUs`;
  const losses = lost > 0 ? ` ${lost} deliveries were lost.` : "";
  if (paceBound) return `Updates were bound by what the clients may send (${part}; ${switches}).${losses}`;
  const besideCpus = machineCpus - serverCpus - redisCpus - loadCpus;
  if (machineCpus >= BUSY_SHARE * cpus && besideCpus > BESIDE_MAX_CPUS) {
    return `Updates end with the machine's ${cpus} CPUs, of which ${besideCpus.toFixed(2)} went to what ran beside (${part}; ${switches}).${losses}`;
  }
  if (machineCpus >= BUSY_SHARE * cpus)
    return `Updates end with the machine's ${cpus} CPUs (${part}; ${switches}).${losses}`;
  if (serverCpus >= BUSY_SHARE)
    return `Updates end with the one CPU that its thread can use (${part}; ${switches}).${losses}`;
  return `Updates end by waiting, with CPU to spare (${part}; ${switches}).${losses}`;
}

/** To two digits: it is an estimate. */
function rounded(value: number): string {
  const scale = 10 ** Math.max(0, Math.floor(Math.log10(value)) - 1);
  return (Math.round(value / scale) * scale).toLocaleString("en-US");
}

export function formatModelsReport({ machine, models }: ModelsReport): string {
  const headings = [
    "",
    "connections held",
    "opened/s",
    "memory",
    "each",
    "updates/s",
    "deliveries/s",
    "switches/update",
    "CPUs: server + Redis",
  ];
  const rows = models.map((one) => [
    WORDS[one.model],
    one.stop === "cap" ? `${one.held} (the cap)` : `${one.held} (${one.stop})`,
    one.openedPerS.toFixed(1),
    `${one.memoryMiB.toFixed(0)} MiB`,
    one.perConnectionMiB < 1
      ? `${Math.round(one.perConnectionMiB * 1024)} KiB`
      : `${one.perConnectionMiB.toFixed(1)} MiB`,
    one.updatesPerS.toFixed(0),
    one.deliveriesPerS.toFixed(0),
    one.switchesPerUpdate.toFixed(1),
    `${one.serverCpus.toFixed(2)} + ${one.redisCpus.toFixed(2)}`,
  ]);
  const sentences = models.map(({ model, breaks }) => `- **${WORDS[model]}**: ${breaks}`);
  return [formatMachine(machine), "", markdownTable(headings, rows), "", ...sentences].join("\n");
}
