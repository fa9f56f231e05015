/** Makes the friendships of a bench by the import of operators: a request each, from both sides, would take minutes. */
import { IMPORT_LINES_MAX } from "../../src/protocol/limits.ts";
import { sendLines } from "../import/send.ts";
import { progress } from "../progress.ts";
import { inGroups } from "./groups.ts";
import type { Person } from "./people.ts";

/** While one is applied, the next one is on its way. */
const REQUESTS_AT_ONCE = 2;

export interface FriendshipOptions {
  readonly url: string;
  readonly people: readonly Person[];
  readonly label: string;
  readonly signal: AbortSignal;
  /** Of an admin. */
  readonly token: () => Promise<string>;
}

export async function importFriendships(options: FriendshipOptions): Promise<void> {
  const { url, token, signal, label } = options;
  const lines = linesOf(options.people);
  const bar = progress(`${label}: friendships`, lines.length);
  const sender = { url, token, stop: signal, cut: signal };
  const requests = Array.from({ length: Math.ceil(lines.length / IMPORT_LINES_MAX) }, (_, index) =>
    lines.slice(index * IMPORT_LINES_MAX, (index + 1) * IMPORT_LINES_MAX),
  );
  await inGroups(requests, REQUESTS_AT_ONCE, async (request) => {
    const { accepted, refused } = await sendLines(sender, request.join("\n"));
    const [first] = refused;
    if (accepted !== request.length) {
      throw new Error(`${label}: ${accepted} of ${request.length} friendships were made; ${first?.reason ?? ""}`);
    }
    bar.tick(accepted);
  });
  bar.done();
}

/** Each friendship once. */
export function linesOf(people: readonly Person[]): string[] {
  return people.flatMap(({ id, friends, asleep = [] }, index) => [
    ...friends.filter((friend) => index < friend).map((friend) => line(id, people[friend]?.id ?? "")),
    ...asleep.map((sleeper) => line(id, sleeper)),
  ]);
}

function line(a: string, b: string): string {
  return JSON.stringify({ a, b });
}
