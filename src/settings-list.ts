/** The names, defaults and meanings of all settings: the README's table, in its order. */

/** One row of the README's table; `default` is undefined where there is none. */
export interface SettingRow {
  readonly name: string;
  readonly default: string | undefined;
  readonly meaning: string;
}

export const SETTINGS = [
  {
    name: "AUTH_SECRET",
    default: undefined,
    meaning: "HS256 secret of at least 32 bytes; a comma list during rotation (all verify, the first signs).",
  },
  {
    name: "AUTH_JWKS_URL",
    default: undefined,
    meaning: "Instead of a secret: the https URL of the host app's public keys, for RS256, ES256 and EdDSA tokens.",
  },
  {
    name: "AUTH_ISSUER",
    default: undefined,
    meaning: "Required `iss` of a token. Must be set with `AUTH_JWKS_URL`, may be set with `AUTH_SECRET`.",
  },
  {
    name: "AUTH_AUDIENCE",
    default: undefined,
    meaning: "Required `aud` of a token. Must be set with `AUTH_JWKS_URL`, may be set with `AUTH_SECRET`.",
  },
  {
    name: "ALLOWED_ORIGINS",
    default: "*",
    meaning: "Comma list of web origins, for CORS and for the socket's `Origin`; `*` allows all.",
  },
  {
    name: "DEV_LOGIN",
    default: undefined,
    meaning: "`1` lets `POST /dev/login` hand out tokens to anybody. Never in production.",
  },
  {
    name: "LINK_SECRET",
    default: undefined,
    meaning:
      "Seals the codes of invites and shares and the passwords of devices: at least 32 bytes; a comma list during rotation." +
      " By default made from `AUTH_SECRET`; with `AUTH_JWKS_URL` there are none of the three without it.",
  },
  { name: "RADIUS_M", default: "8046.72", meaning: "How far a nearby friend may be, in metres (5 miles)." },
  { name: "INACTIVE_AFTER_S", default: "600", meaning: "Seconds without a live position until a user is inactive." },
  { name: "UPDATE_EVERY_S", default: "30", meaning: "Seconds between positions that clients are asked for." },
  {
    name: "FANOUT",
    default: "exact",
    meaning:
      "`exact`: every update of a nearby friend is delivered. `economy`: only what changes the picture by more than" +
      " max(25 m, 1 % of the distance), or after 5 minutes.",
  },
  { name: "POSITION_BURST", default: "30", meaning: "Live positions of one user that fan out at once." },
  {
    name: "POSITION_MIN_S",
    default: "5",
    meaning: "After the burst, one live position per so many seconds and user; 0 turns the limit off.",
  },
  {
    name: "SPEED_MAX_MPS",
    default: "150",
    meaning:
      "A position that implies a faster move (m/s) waits for the next one to confirm it, unless it goes on along a plane's" +
      " course; 0 lets every position pass.",
  },
  {
    name: "HISTORY_SINKS",
    default: "r2",
    meaning: "Where movement history is kept for long: comma list of `r2` and `cassandra`; empty turns history off.",
  },
  { name: "HISTORY_QUEUES", default: "1", meaning: "Number of queues that users are spread over." },
  {
    name: "CASSANDRA_CONTACT_POINTS",
    default: undefined,
    meaning: "Comma list of `host` or `host:port`. This and the next two must be set with the `cassandra` sink.",
  },
  { name: "CASSANDRA_DATACENTER", default: undefined, meaning: "The cluster's local datacenter." },
  { name: "CASSANDRA_KEYSPACE", default: undefined, meaning: "The keyspace of the history table." },
  { name: "CASSANDRA_USERNAME", default: undefined, meaning: "If the cluster asks for a login; with a password." },
  { name: "CASSANDRA_PASSWORD", default: undefined, meaning: "If the cluster asks for a login; with a user name." },
  {
    name: "UPSTASH_REDIS_REST_URL",
    default: undefined,
    meaning:
      "Turns the index of active friends on: the https URL of an Upstash Redis. Without it a user who becomes active asks" +
      " every friend directly.",
  },
  { name: "UPSTASH_REDIS_REST_TOKEN", default: undefined, meaning: "Its token. Both are set, or neither." },
  { name: "MONITOR_SHARDS", default: "40", meaning: "Objects that the monitor is spread over (docs/operations.md)." },
  {
    name: "SLOW_MS",
    default: "250",
    meaning: "What takes longer (ms) is logged, with every call that was part of it; 0 turns tracing off.",
  },
  {
    name: "LOG_LEVEL",
    default: "info",
    meaning:
      "`debug` adds a line for each request over HTTP; `info` has errors, refused operators, and what began or ended.",
  },
  {
    name: "MAP_STYLE_URL",
    default: undefined,
    meaning:
      "The web app's basemap: https URL of a MapLibre style. Without it the app draws its own, which needs no network.",
  },
] as const satisfies readonly SettingRow[];

export type SettingName = (typeof SETTINGS)[number]["name"];
