/** Command line options: one way to refuse bad ones, so that every command ends with the same exit code and form. */
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";

/** What shells and getopt use for a command that was called wrongly, as against 1 for one that failed. */
export const USAGE_EXIT_CODE = 2;

/** Tells what is wrong and how the command is used, on stderr, and exits with 2. */
export function refuseUsage(usage: string, problem: string): never {
  process.stderr.write(`${problem}\nusage: ${usage}\n`);
  process.exit(USAGE_EXIT_CODE);
}

/**
 * Reads the command line (`args`, default: that of this process) by the options of `node:util` parseArgs.
 * `--help` prints the usage and exits with 0; an unknown option, a missing value, or more positional words than
 * `positionalsMax` (default 0) prints what is wrong and exits with 2.
 */
export function readOptions<const T extends ParseArgsOptionsConfig>(
  usage: string,
  options: T,
  { positionalsMax = 0, args = process.argv.slice(2) }: { positionalsMax?: number; args?: string[] } = {},
) {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(`usage: ${usage}\n`);
    process.exit(0);
  }
  const parsed = parse(usage, options, args);
  const extra = parsed.positionals[positionalsMax];
  if (extra !== undefined) refuseUsage(usage, `unexpected argument: ${extra}`);
  return parsed;
}

function parse<const T extends ParseArgsOptionsConfig>(usage: string, options: T, args: string[]) {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    // The first sentence names the option; what follows advises on escapes that no command here needs.
    const message = error instanceof Error ? error.message : String(error);
    return refuseUsage(usage, message.split(/\. |\n/)[0] ?? message);
  }
}

export interface IntegerOption {
  /** As typed, for the message: `--port`. */
  option: string;
  /** Undefined means that the option was not given. */
  text: string | undefined;
  fallback: number;
  /** Default 1. */
  min?: number;
  /** Default: the largest safe integer. */
  max?: number;
}

/** The value of an option that is a whole number; anything else exits with 2 and a message that names the option. */
export function readInteger(usage: string, spec: IntegerOption): number {
  const { option, text, fallback, min = 1, max = Number.MAX_SAFE_INTEGER } = spec;
  if (text === undefined) return fallback;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  return refuseUsage(usage, `${option} must be a whole number ${range}, not: ${text}`);
}
