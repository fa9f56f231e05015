/** The words of the command line of `npm run cost`, and how their values are read. */
import { readOptions, refuseUsage } from "../options.ts";
import { INPUTS } from "./classic-inputs.ts";

const INPUT_OPTIONS = Object.values(INPUTS).map(({ option }) => option);

export const USAGE =
  "npm run cost -- [--users N] [--online N] [--friends N] [--active N] [--near N] [--positions-per-day N]" +
  " [--sessions-per-day N] [--mode exact|economy|naive] [--meetings X] [--fanout FILE] [--answer-ms N]" +
  " [--remote-share X] [--history on|off] [--index on|off] [--strangers X] [--logged-share X] [--server-deliveries N]" +
  ` [--classic] [--limits] [--utilisation X] [--egress-usd X] ${INPUT_OPTIONS.map((option) => `[--${option} X]`).join(" ")} [--json]`;

const OPTIONS = {
  users: { type: "string" },
  online: { type: "string" },
  friends: { type: "string" },
  active: { type: "string" },
  near: { type: "string" },
  "positions-per-day": { type: "string" },
  "sessions-per-day": { type: "string" },
  mode: { type: "string" },
  meetings: { type: "string" },
  fanout: { type: "string" },
  "answer-ms": { type: "string" },
  history: { type: "string" },
  index: { type: "string" },
  "logged-share": { type: "string" },
  "remote-share": { type: "string" },
  strangers: { type: "string" },
  "server-deliveries": { type: "string" },
  classic: { type: "boolean", default: false },
  limits: { type: "boolean", default: false },
  utilisation: { type: "string" },
  "egress-usd": { type: "string" },
  "server-usd": { type: "string" },
  "server-cores": { type: "string" },
  "core-deliveries": { type: "string" },
  "server-connections": { type: "string" },
  "redis-usd": { type: "string" },
  "redis-pushes": { type: "string" },
  "redis-gb": { type: "string" },
  "subscription-bytes": { type: "string" },
  "node-usd": { type: "string" },
  "node-writes": { type: "string" },
  "node-gb": { type: "string" },
  "point-bytes": { type: "string" },
  "etcd-usd": { type: "string" },
  "balancer-usd": { type: "string" },
  "balancer-unit-usd": { type: "string" },
  "zone-usd": { type: "string" },
  json: { type: "boolean", default: false },
} as const;

export type Values = ReturnType<typeof readValues>;

/** The options as texts (default: of this process); an unknown one exits with 2. */
export function readValues(args?: string[]) {
  return readOptions(USAGE, OPTIONS, args === undefined ? {} : { args }).values;
}

export function readSwitch(option: string, text: string): boolean {
  if (text === "on" || text === "off") return text === "on";
  return refuseUsage(USAGE, `${option} must be on or off, not: ${text}`);
}

/** The value of an option that is a number, with decimals or without; at least `min`, by default 0. */
export function readNumber(
  option: string,
  text: string | undefined,
  { fallback, min = 0, max }: { fallback: number; min?: number; max: number },
): number {
  if (text === undefined) return fallback;
  const value = /^\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  return refuseUsage(USAGE, `${option} must be a number ${range}, not: ${text}`);
}
