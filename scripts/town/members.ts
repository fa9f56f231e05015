/** Simulated people on real connections: each has an account, friends, and a client of its own. */
import { createNearbyClient, type NearbyClient } from "../../src/client/index.ts";
import { befriend, callApi, type Account } from "./api.ts";
import { inPool } from "./pool.ts";

/** Enough to keep two cores of a laptop busy; more only makes each handshake wait longer. */
const CONCURRENCY = 16;
/** A local server needs milliseconds a handshake; this is for one that never comes up. */
const ONLINE_WITHIN_MS = 30_000;

export interface Member extends Account {
  readonly client: NearbyClient;
}

export interface Step {
  /** One more is done. */
  tick(): void;
  readonly signal: AbortSignal;
}

/** Makes friends of all pairs. */
export async function befriendAll(
  url: string,
  pairs: readonly (readonly [Account, Account])[],
  step: Step,
): Promise<void> {
  await inPool(pairs, CONCURRENCY, async ([asker, accepter]) => {
    step.signal.throwIfAborted();
    await befriend(url, asker, accepter);
    step.tick();
  });
}

/** Connects everybody; on failure or abort nobody stays connected. */
export async function connectAll(url: string, accounts: readonly Account[], step: Step): Promise<Member[]> {
  const members: Member[] = [];
  try {
    await inPool(accounts, CONCURRENCY, async (account) => {
      const client = createNearbyClient({ url, token: () => Promise.resolve(account.token) });
      members.push({ ...account, client });
      await untilOnline(client, step.signal);
      step.tick();
    });
  } catch (error) {
    closeAll(members);
    throw error;
  }
  return members;
}

/** Lets strangers see them, and the other way round. */
export async function letBeSeen(url: string, accounts: readonly Account[]): Promise<void> {
  await inPool(accounts, CONCURRENCY, async ({ token }) => {
    await callApi(url, { method: "PATCH", path: "/v1/me", token, body: { discoverable: true } });
  });
}

export function closeAll(members: readonly Member[]): void {
  for (const { client } of members) client.close();
}

/** Resolves when the client is online; rejects when it was closed, or does not get there in time. */
export async function untilOnline(client: NearbyClient, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (client.status.state === "online") return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  let lastProblem = "no answer";
  const off = client.on("status", (status) => {
    if (status.state === "online") resolve();
    if (status.state === "waiting") lastProblem = `${status.code} ${status.reason}`.trim();
    if (status.state === "closed") reject(new Error(`the connection was closed (${status.code} ${status.reason})`));
  });
  const late = () => reject(new Error(`not connected within ${ONLINE_WITHIN_MS / 1000} s: ${lastProblem}`));
  const timer = setTimeout(late, ONLINE_WITHIN_MS);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    off();
  }
}
