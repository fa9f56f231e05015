/** The ways in which a server may be run, as the textbooks line them up. */
export const MODELS = ["processes", "threads", "loop", "pool", "coroutines"] as const;

export type Model = (typeof MODELS)[number];

/** Something that serves connections. */
export interface Host {
  /** Changes over to another list of Redis servers. */
  useServers(redisUrls: readonly string[]): Promise<void>;
  close(): void;
}

/** What all of them are started with. */
export interface HostOptions {
  readonly host: string;
  readonly port: number;
  readonly databaseFile: string;
  readonly redisUrls: readonly string[];
  /** Settings, as the Worker's vars. */
  readonly vars: Readonly<Record<string, string>>;
  readonly onError: (error: Error) => void;
}
