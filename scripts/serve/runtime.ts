/** Miniflare's options for a built Worker: everything that the deployed one would have, on this machine. */
import { join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, type MiniflareOptions } from "miniflare";
import type { Bundle } from "./bundle.ts";
import { CONTROL_ENTRYPOINT, entryModules, inlets, PAGE_BINDING } from "./entry.ts";
import type { StartHost } from "./messages.ts";
import { pagePaths } from "./page.ts";
import { localQueues } from "./queues.ts";

export const WORKER_NAME = "nearby-friends";

/**
 * The files of the web app are served by a Worker of their own, by the rules of the platform. In front of the Worker, as
 * the platform has it, its router would stand between every socket and its object; so the Worker's entry sends on to it
 * what is a file.
 */
const PAGE_WORKER_NAME = "page";
const PAGE_WORKER_SOURCE = "export default { fetch: () => new Response(null, { status: 404 }) };";

/** One process has one thread for all shards of the monitor: more of them would only be more to ask. */
const LOCAL_VARS: Bundle["vars"] = { MONITOR_SHARDS: "1" };

export interface RuntimeOptions extends Pick<StartHost, "host" | "port" | "stateDir" | "vars" | "pageDir"> {
  bundle: Bundle;
  /** Of the control entrypoint. */
  secret: string;
  /** Queues that messages were kept for. */
  keptQueues: Iterable<string>;
  /** Told what the runtime writes. */
  onLine: (line: string) => void;
  /** Told that it has crashed and been started again. */
  onRestart: () => void;
}

/** What Miniflare calls the Worker among the runtime's services. */
export const RUNTIME_SERVICE = `core:user:${WORKER_NAME}`;

/** State that is not that of this Worker's code: read it with the same options, or it is not found. */
export function stateOptions(stateDir: string) {
  return {
    // Miniflare's own entrance: it obeys headers that route around the Worker, so nobody else may reach it.
    host: "127.0.0.1",
    port: 0,
    cf: false as const,
    telemetry: { enabled: false },
    log: new Log(LogLevel.WARN),
    resourcePersistencePath: stateDir,
  };
}

export function runtimeOptions(options: RuntimeOptions): MiniflareOptions {
  const { host, port, stateDir, bundle, vars, secret, keptQueues, pageDir, onLine, onRestart } = options;
  const bindings = { ...LOCAL_VARS, ...bundle.vars, ...vars };
  const queues = localQueues(
    { producers: bundle.queueProducers, consumers: bundle.queueConsumers },
    { historyQueues: bindings["HISTORY_QUEUES"], keptQueues },
  );
  const { mainModule, durableObjects } = bundle;
  const paths = pageDir === undefined ? [] : pagePaths(pageDir);
  const modules = [
    ...entryModules({ mainModule, durableObjects, queues, secret, pagePaths: paths }),
    ...bundle.modules,
  ];
  return convertV4MiniflareOptions({
    ...stateOptions(stateDir),
    handleStructuredLogs: ({ message }) => onLine(message),
    unsafeHandleRuntimeRestart: onRestart,
    workers: [
      {
        name: WORKER_NAME,
        compatibilityDate: bundle.compatibilityDate,
        compatibilityFlags: bundle.compatibilityFlags,
        modulesRoot: "/",
        modules: modules.map(({ type, name, contents }) => ({ type, path: join("/", name), contents })),
        bindings,
        durableObjects: mapValues(durableObjects, (className) => ({ className, useSQLite: true })),
        r2Buckets: bundle.r2Buckets,
        ...(pageDir === undefined ? {} : { serviceBindings: { [PAGE_BINDING]: PAGE_WORKER_NAME } }),
        ratelimits: bundle.rateLimits,
        queueProducers: {
          ...mapValues(queues.producers, ({ queue, deliveryDelayS }) => ({
            queueName: queue,
            ...(deliveryDelayS === undefined ? {} : { deliveryDelay: deliveryDelayS }),
          })),
          ...mapValues(inlets(queues.consumers), (queue) => ({ queueName: queue })),
        },
        queueConsumers: Object.fromEntries(
          queues.consumers.map(
            ({ queue, maxBatchSize, maxBatchTimeoutS, maxRetries, retryDelayS, deadLetterQueue }) => [
              queue,
              {
                maxBatchSize,
                maxBatchTimeout: maxBatchTimeoutS,
                maxRetries,
                retryDelay: retryDelayS,
                ...(deadLetterQueue === undefined ? {} : { deadLetterQueue }),
              },
            ],
          ),
        ),
        // Straight into the Worker: one hop and one descriptor less for each socket than through the entrance.
        unsafeDirectSockets: [
          { host, port },
          { host: "127.0.0.1", port: 0, entrypoint: CONTROL_ENTRYPOINT },
        ],
      },
      ...(pageDir === undefined ? [] : [pageWorker(bundle.compatibilityDate, pageDir)]),
    ],
  });
}

function pageWorker(compatibilityDate: string, directory: string) {
  return {
    name: PAGE_WORKER_NAME,
    compatibilityDate,
    modules: true as const,
    script: PAGE_WORKER_SOURCE,
    assets: { directory },
  };
}

function mapValues<From, To>(record: Readonly<Record<string, From>>, change: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
