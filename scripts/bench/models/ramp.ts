/** Opens one connection after the other until it goes no further. */
import { Client, type Door } from "../clients.ts";
import { locationFrame } from "../people.ts";
import { availableMiB } from "./processes.ts";

/** As many as the model may be slow to make room for, and a client still gets its answer within the time of a handshake. */
const OPEN_AT_ONCE = 8;
/** Without a new connection for so long, it stands. */
const STALL_MS = 5_000;
/** Of the machine's memory so much is left alone: what runs beside must not be pushed out. */
export const MEMORY_LEFT_MIB = 4_096;
const LOOK_EVERY_MS = 250;

/** Why it went no further. */
export type Stop = "cap" | "time" | "stalled" | "refused" | "memory";

export interface RampOptions {
  readonly label: string;
  readonly doors: readonly Door[];
  readonly timeMs: number;
  readonly signal: AbortSignal;
  readonly onOpen: () => void;
}

export interface Ramp {
  /** Connections that have their snapshot, in the order of the doors. */
  readonly held: Client[];
  readonly stop: Stop;
  /** What the first one that was refused was told. */
  readonly refusal: string | undefined;
  readonly seconds: number;
}

/** A connection counts as held when its friends have been loaded: a position sent, the snapshot received. */
export async function ramp({ label, doors, timeMs, signal, onOpen }: RampOptions): Promise<Ramp> {
  const held = new Map<number, Client>();
  const opening = new Set<Client>();
  const startMs = performance.now();
  let lastMs = startMs;
  let stop: Stop | undefined;
  let refusal: string | undefined;
  const stopped = Promise.withResolvers<void>();
  const end = (why: Stop): void => {
    stop ??= why;
    stopped.resolve();
  };
  const refuse = (error: unknown): void => {
    if (stop === undefined) refusal = error instanceof Error ? error.message : String(error);
    end("refused");
  };
  const next = doors.entries();
  const hands = Array.from({ length: OPEN_AT_ONCE }, async () => {
    for (const [index, door] of next) {
      if (stop !== undefined || signal.aborted) return;
      const client = new Client(door, label, refuse);
      opening.add(client);
      try {
        await untilSnapshot(client, index, doors.length);
      } catch (error) {
        refuse(error);
        return;
      }
      opening.delete(client);
      client.onEnd = (code) => refuse(new Error(`one that was held was closed with ${code}`));
      held.set(index, client);
      onOpen();
      lastMs = performance.now();
    }
  });
  const looking = setInterval(() => {
    const nowMs = performance.now();
    if (nowMs - startMs > timeMs) end("time");
    if (nowMs - lastMs > STALL_MS) end("stalled");
    if (availableMiB() < MEMORY_LEFT_MIB) end("memory");
  }, LOOK_EVERY_MS);
  signal.addEventListener("abort", () => stopped.resolve(), { once: true });
  await Promise.race([Promise.all(hands), stopped.promise]);
  clearInterval(looking);
  stop ??= "cap";
  for (const client of opening) client.cut();
  signal.throwIfAborted();
  const inOrder = [...held].toSorted(([a], [b]) => a - b).map(([, client]) => client);
  return { held: inOrder, stop, refusal, seconds: (lastMs - startMs) / 1000 };
}

async function untilSnapshot(client: Client, index: number, users: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  client.onFrame = ({ type }) => void (type === "nearby" && resolve());
  await client.opened();
  client.onEnd = (code) => reject(new Error(`closed with ${code}`));
  client.socket.send(locationFrame(index, users, 0, Date.now() - 1_000));
  await promise;
  client.onFrame = () => {};
}
