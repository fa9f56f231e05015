import { readSettings } from "../../../../src/settings.ts";
import { Peer } from "../peer.ts";
import type { Host, HostOptions, Model } from "./model.ts";
import { openPool } from "./pool.ts";
import { openProcesses } from "./processes.ts";
import { openThreads } from "./threads.ts";

/** Listens, with the given model; resolves when it does. */
export async function openHost(model: Model, options: HostOptions): Promise<Host> {
  switch (model) {
    case "processes":
      return openProcesses(options);
    case "threads":
      return openThreads(options);
    case "loop":
      return listening(options, await Peer.open(peerOptions(options)));
    case "coroutines":
      return listening(options, await Peer.open({ ...peerOptions(options), isStepwise: true }));
    case "pool": {
      const pool = openPool(options.databaseFile, options.onError);
      const peer = await listening(options, await Peer.open({ ...peerOptions(options), ...pool }));
      return {
        useServers: async (urls) => peer.useServers(urls),
        close: () => {
          peer.close();
          pool.close();
        },
      };
    }
  }
}

async function listening({ host, port }: HostOptions, peer: Peer): Promise<Peer> {
  await peer.listen(port, host);
  return peer;
}

function peerOptions({ vars, databaseFile, redisUrls, onError }: HostOptions) {
  return { origin: String(process.pid), settings: readSettings(vars), databaseFile, redisUrls, onError };
}
