/** What the objects were billed for, asked through the bench's own Worker (../history-worker.ts). */
import * as v from "valibot";

const USERS_PER_REQUEST = 200;

const Meters = v.array(
  v.object({ rowsRead: v.number(), rowsWritten: v.number(), alarmsSet: v.number(), queueMessages: v.number() }),
);

export interface MeterSums {
  readonly rowsRead: number;
  /** With alarms, which are billed as rows. */
  readonly rowsWritten: number;
  readonly queueMessages: number;
}

/** Of all users together. @throws when one of them has no object */
export async function readMeters(url: string, users: readonly string[], signal: AbortSignal): Promise<MeterSums> {
  const sums = { rowsRead: 0, rowsWritten: 0, queueMessages: 0 };
  for (let start = 0; start < users.length; start += USERS_PER_REQUEST) {
    const body = JSON.stringify(users.slice(start, start + USERS_PER_REQUEST));
    const answer = await fetch(`${url}/bench/meters`, { method: "POST", body, signal });
    for (const meter of v.parse(Meters, await answer.json())) {
      sums.rowsRead += meter.rowsRead;
      sums.rowsWritten += meter.rowsWritten + meter.alarmsSet;
      sums.queueMessages += meter.queueMessages;
    }
  }
  return sums;
}
