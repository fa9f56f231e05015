/** What a month costs, as one document and as a table. */
import { round } from "../bench/figures.ts";
import { type Bill, billOf, COMPONENTS, totalOf } from "./bill.ts";
import { type ClassicDesign, classicOf } from "./classic.ts";
import { type ClassicInputs, EGRESS_TIERS, type Input, INPUTS, type Tier } from "./classic-inputs.ts";
import { type Crossing, crossingOf } from "./crossing.ts";
import { limitsOf, type LimitsReport } from "./limits.ts";
import { OBJECT_GB, type Price, priceOf, PRICES } from "./prices.ts";
import type { CostOptions } from "./options.ts";
import { type Usage, usageOf, wholeMonthS } from "./usage.ts";
import { DAYS_PER_MONTH, SECONDS_PER_DAY, type Workload } from "./workload.ts";

export interface Design {
  /** Units per month, all users together. */
  readonly usage: Usage;
  /** USD per month. */
  readonly usd: Bill;
  readonly totalUsd: number;
  readonly usdPerUser: number;
  readonly usdPerOnline: number;
  /** Of the time of the connected people's objects, the share that is billed. */
  readonly billedShare: number;
}

export interface CostReport {
  readonly workload: Workload;
  readonly thisDesign: Design;
  readonly naive: Design;
  /** Total of the naive design / of this one. */
  readonly naiveOverThis: number;
  /** What the history costs, as a share of this design's total: chunk rows, queue and R2. */
  readonly historyShare: number;
  /** Calls because of positions, as a share of this design's total. */
  readonly callsShare: number;
  /** Messages and calls that reach the object of somebody who is connected, per second: above 0.1 it never hibernates. */
  readonly eventsPerS: number;
  /** USD per month of duration if objects that are idle were billed as long as somebody is connected. */
  readonly durationIfIdleWereBilledUsd: number;
  readonly servers: {
    /** Positions times active friends: what pub/sub carries, since only the receiving side can tell who is near. */
    readonly deliveriesPerS: number;
    readonly deliveriesPerSOfOne: number;
    readonly count: number;
    /** Servers of another design that cost less than this each, with everything around them, are cheaper. */
    readonly breakEvenUsdEach: number;
  };
  /** The same workload on servers around Redis pub/sub, with its machines at list prices. */
  readonly classic: ClassicDesign & {
    readonly inputs: ClassicInputs;
    /** This design's total / that of the classic one. */
    readonly thisOverClassic: number;
    readonly crossing: Crossing;
  };
  readonly limits: LimitsReport;
  readonly prices: Readonly<Record<string, Price>>;
  /** What the classic design's bill is made from, each with its source. */
  readonly classicInputs: Readonly<Record<string, Input>>;
  readonly egressTiers: readonly Tier[];
}

export function makeReport(
  workload: Workload,
  { serverDeliveriesPerS, classic: inputs }: Pick<CostOptions, "serverDeliveriesPerS" | "classic">,
): CostReport {
  const naive = designOf(workload, usageOf(workload, "naive"));
  const ownDesign = workload.mode === "naive" ? "naive" : "this";
  const own = designOf(workload, usageOf(workload, ownDesign));
  const without = designOf(workload, usageOf({ ...workload, history: false }, ownDesign));
  const classic = classicOf(workload, inputs, serverDeliveriesPerS);
  const { online, active, positionsPerDay } = workload;
  const deliveriesPerS = (online * positionsPerDay * active) / SECONDS_PER_DAY;
  const serverCount = Math.max(1, Math.ceil(deliveriesPerS / serverDeliveriesPerS));
  // A call is made by one friend and reaches another, so everybody gets as many as they make.
  const events = own.usage.messagesIn + own.usage.calls;
  return {
    workload,
    thisDesign: own,
    naive,
    naiveOverThis: round(naive.totalUsd / own.totalUsd, 3),
    historyShare: round(1 - without.totalUsd / own.totalUsd, 4),
    callsShare: round(own.usd.calls / own.totalUsd, 4),
    eventsPerS: round(events / (online * DAYS_PER_MONTH * SECONDS_PER_DAY), 3),
    durationIfIdleWereBilledUsd: round(priceOf("duration", wholeMonthS(online) * OBJECT_GB), 2),
    servers: {
      deliveriesPerS: round(deliveriesPerS, 1),
      deliveriesPerSOfOne: serverDeliveriesPerS,
      count: serverCount,
      breakEvenUsdEach: round(own.totalUsd / serverCount, 2),
    },
    classic: {
      ...classic,
      inputs,
      thisOverClassic: round(own.totalUsd / classic.totalUsd, 3),
      crossing: crossingOf(workload, inputs, serverDeliveriesPerS),
    },
    limits: limitsOf(workload, own.usage),
    prices: PRICES,
    classicInputs: INPUTS,
    egressTiers: EGRESS_TIERS,
  };
}

function designOf({ users, online }: Workload, usage: Usage): Design {
  const usd = billOf(usage);
  const total = totalOf(usd);
  return {
    usage,
    usd,
    totalUsd: total,
    usdPerUser: round(total / users, 6),
    usdPerOnline: round(total / online, 6),
    billedShare: round(usage.objectS / wholeMonthS(online), 5),
  };
}

const NAME_CHARS = 14;
const USD_CHARS = 16;
/** What is priced, above every table. */
export function formatWorkload({
  workload: { users, online, friends, active, near, positionsPerDay, meetings },
}: CostReport): string {
  return [
    `${count(users)} users, ${count(online)} of them connected at once, ${count(positionsPerDay)} positions a day each`,
    `${count(friends)} friends each, ${count(active)} of them active, ${count(near)} near;` +
      ` calls per position: ${count(meetings)}, naive ${count(active)}`,
  ].join("\n");
}

export function formatBill(report: CostReport): string {
  const { workload, thisDesign, naive, servers } = report;
  const { mode } = workload;
  const lines = [
    row("USD a month", [mode, "naive"]),
    ...COMPONENTS.map(
      ([name, what]) => `${row(name, [dollars(thisDesign.usd[name]), dollars(naive.usd[name])])}  ${what}`,
    ),
    row("total", [dollars(thisDesign.totalUsd), dollars(naive.totalUsd)]),
    row("per user", [small(thisDesign.usdPerUser), small(naive.usdPerUser)]),
    row("per connected", [small(thisDesign.usdPerOnline), small(naive.usdPerOnline)]),
    "",
    `naive / ${mode}: ${report.naiveOverThis}`,
    `calls because of positions: ${percent(report.callsShare)} of the bill; history: ${percent(report.historyShare)}`,
    `objects of connected people get ${report.eventsPerS} messages and calls a second and are billed for` +
      ` ${percent(thisDesign.billedShare)} of the time; if idle time were billed, duration would be` +
      ` ${dollars(report.durationIfIdleWereBilledUsd)}`,
    `${count(servers.deliveriesPerS)} deliveries/s through pub/sub: ${count(servers.count)} server${servers.count === 1 ? "" : "s"} of` +
      ` ${count(servers.deliveriesPerSOfOne)}/s would cost the same at ${dollars(servers.breakEvenUsdEach)} a month each`,
  ];
  return lines.join("\n");
}

export function row(name: string, cells: readonly string[]): string {
  return name.padEnd(NAME_CHARS) + cells.map((cell) => cell.padStart(USD_CHARS)).join("");
}

/** USD as text, with cents where they are seen. */
export function dollars(value: number): string {
  const digits = value < 1_000 ? 2 : 0;
  return `$${value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

function small(value: number): string {
  return `$${value.toFixed(4)}`;
}

export function count(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 2 });
}

export function percent(share: number): string {
  return `${round(share * 100, 2)} %`;
}
