/** The bill of servers as a table, beside this design's total. */
import { round } from "../bench/figures.ts";
import { CLASSIC_COMPONENTS, type ClassicComponent, type Machine } from "./classic.ts";
import { type CostReport, count, dollars, percent, row } from "./report.ts";

/** Lines that are machines, and how many. */
const MACHINES: ReadonlySet<ClassicComponent> = new Set<Machine>([
  "servers",
  "pubsub",
  "cache",
  "database",
  "history",
  "etcd",
]);

export function formatClassic({ workload, thisDesign, classic, servers }: CostReport): string {
  const { machines, usd, totalUsd, inputs, crossing } = classic;
  return [
    row("USD a month", ["machines", "classic"]),
    ...CLASSIC_COMPONENTS.map(([name, what]) => {
      const machine = isMachine(name) ? count(machines[name]) : "";
      return `${row(name, [machine, dollars(usd[name])])}  ${what}`;
    }),
    row("total", ["", dollars(totalUsd)]),
    row(workload.mode, ["", dollars(thisDesign.totalUsd)]),
    "",
    `${count(classic.deliveriesPerS)} deliveries/s, ${count(servers.deliveriesPerSOfOne)}/s a server;` +
      ` ${count(classic.pushesPerS)} pushes/s, ${count(inputs.redisPushes)}/s a Redis server;` +
      ` machines ${percent(inputs.utilisation)} used; ${count(round(classic.egressGb / 1_000, 1))} TB to the phones`,
    `${workload.mode} / classic: ${classic.thisOverClassic}`,
    crossing.online === null
      ? "with everything else as it is, the classic design is dearer with any number of people"
      : `with everything else as it is, the classic design is dearer with up to about` +
        ` ${count(significant(crossing.online))} people connected at once`,
    crossing.utilisation === null
      ? "the classic design is dearer however well its machines are used"
      : `with these people the classic design is cheaper unless its machines are used for less than` +
        ` ${percent(crossing.utilisation)} of what they can`,
  ].join("\n");
}

function isMachine(name: ClassicComponent): name is Machine {
  return MACHINES.has(name);
}

/** Two digits: what is below is a matter of one machine more or less. */
export function significant(value: number): number {
  return Number(value.toPrecision(2));
}
