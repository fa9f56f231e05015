/** What the profiles found, in µs of a delivery: the shares alone would hide that one server does more for it. */
import { formatMachine } from "../machine.ts";
import { markdownTable } from "../tables.ts";
import type { ProfileReport, ServerProfile } from "./bench.ts";
import { PARTS } from "./samples.ts";

const DIGITS = 1;

export function formatProfileReport({ users, friends, seconds, servers, machine }: ProfileReport): string {
  const { floor, ours } = servers;
  const parts = Object.entries(PARTS).map(([key, what]) => {
    const us = (server: ServerProfile) =>
      usOf(server, Object.entries(server.parts).find(([name]) => name === key)?.[1]);
    return [what, ...cells(us(floor), us(ours))];
  });
  const total = ["all", ...cells(floor.cpuPerDeliveryUs, ours.cpuPerDeliveryUs)];
  const functions = ours.functions.map(({ name, share }) => [`\`${name}\``, usOf(ours, share).toFixed(DIGITS)]);
  return [
    `${users} people with ${friends} friends near, ${seconds} s a server, sampled by \`perf\``,
    "",
    markdownTable(["CPU time of a delivery, µs", "floor", "ours", "more"], [...parts, total]),
    "",
    "Functions of the Worker, with what the runtime does for them:",
    "",
    markdownTable(["function", "µs of a delivery"], functions),
    "",
    `- ${formatMachine(machine)}`,
  ].join("\n");
}

function usOf({ cpuPerDeliveryUs }: ServerProfile, share = 0): number {
  return share * cpuPerDeliveryUs;
}

function cells(floorUs: number, oursUs: number): string[] {
  return [floorUs, oursUs, oursUs - floorUs].map((us) => us.toFixed(DIGITS));
}
