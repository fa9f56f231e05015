/** What may not stand in a log, and how it would be found there. */

export interface Finding {
  readonly line: string;
  readonly why: string;
}

const LEVELS: ReadonlySet<unknown> = new Set(["error", "audit", "info", "debug"]);

/** What the command itself says while it ends, beside the log of the Worker. */
const SAID_BY_THE_HOST = [/^queues: /, /^\d+ queue messages could not be written, and are /];

/** A coordinate to a kilometre or better. Nothing else in a log has decimals: times are whole ms. */
const DECIMALS = /\d\.\d{2,}(?![\d.])/;
/** The beginning of every JWT, and so of its first part. */
const JWT = /eyJ[\w-]{8,}/;

/** @param secrets texts that may stand nowhere, whole or as a part */
export function findingsIn(lines: readonly string[], secrets: readonly string[]): Finding[] {
  return lines.flatMap((line) => {
    const why: string[] = [];
    if (!isKnown(line)) why.push("is neither an entry nor known");
    if (JWT.test(line)) why.push("has a token");
    if (DECIMALS.test(withoutAddresses(line))) why.push("has decimals, as a position has");
    for (const secret of secrets) if (line.includes(secret)) why.push(`has the secret ${secret.slice(0, 4)}…`);
    return why.map((each) => ({ line, why: each }));
  });
}

/** The parts by which a token could be put together again: what is signed, and the signature. */
export function partsOf(token: string): string[] {
  return [token, ...token.split(".").slice(1)];
}

function isKnown(line: string): boolean {
  if (SAID_BY_THE_HOST.some((known) => known.test(line))) return true;
  try {
    const entry: unknown = JSON.parse(line);
    return (
      typeof entry === "object" && entry !== null && "level" in entry && LEVELS.has(entry.level) && "event" in entry
    );
  } catch {
    return false;
  }
}

/** Addresses of hosts have dots and digits, too. */
function withoutAddresses(line: string): string {
  return line.replaceAll(/\d+\.\d+\.\d+\.\d+/g, "");
}
