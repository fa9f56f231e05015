/** The operator's settings: Worker vars and secrets as text, checked once and handed out with units in their names. */
import { type IndexSettings, parseIndex, SAFE_URL, safeUrlOf } from "./index-settings.ts";
import { type SettingName, SETTINGS } from "./settings-list.ts";

export const SINK_NAMES = ["r2", "cassandra"] as const;

export type SinkName = (typeof SINK_NAMES)[number];

/** Queues that `HISTORY_QUEUES` may name: 320,000 chunks a second, 20 times what 10 million people make. */
export const QUEUES_MAX = 64;

/** RFC 7518, 3.2: an HS256 key must have at least the 256 bits of its hash. */
export const AUTH_SECRET_MIN_BYTES = 32;

/** Who may sign tokens. `issuer` and `audience` are checked wherever they are set. */
export type AuthSettings =
  | {
      readonly kind: "hs256";
      readonly secrets: readonly [Uint8Array, ...Uint8Array[]];
      readonly issuer?: string;
      readonly audience?: string;
    }
  | { readonly kind: "jwks"; readonly url: URL; readonly issuer: string; readonly audience: string };

/** How to reach the cluster of the `cassandra` sink. */
export interface CassandraSettings {
  /** `host` or `host:port`. */
  readonly contactPoints: readonly [string, ...string[]];
  readonly datacenter: string;
  readonly keyspace: string;
  readonly login?: { readonly username: string; readonly password: string };
}

export interface HistorySettings {
  /** Empty: history is off. */
  readonly sinks: readonly SinkName[];
  /** How many queues users are spread over. */
  readonly queues: number;
  /** Set with the `cassandra` sink, and only then. */
  readonly cassandra?: CassandraSettings;
}

export interface Settings {
  readonly auth: AuthSettings;
  /** Keys of link codes: the first seals, all open. Empty: none can be made. */
  readonly linkSecrets: readonly Uint8Array[];
  readonly allowedOrigins: "*" | readonly string[];
  readonly devLogin: boolean;
  readonly radiusM: number;
  readonly inactiveAfterMs: number;
  readonly updateEveryS: number;
  readonly updateEveryMs: number;
  readonly fanout: "exact" | "economy";
  readonly positionBurst: number;
  readonly positionMinMs: number;
  /** 0: no limit. */
  readonly speedMaxMps: number;
  readonly history: HistorySettings;
  /** Null: there is no index of active friends. */
  readonly index: IndexSettings | null;
  readonly monitorShards: number;
  /** 0: nothing is traced. */
  readonly slowMs: number;
  readonly logLevel: "info" | "debug";
  /** Of the web app's basemap; null: the app draws its own. */
  readonly mapStyleUrl: string | null;
}

/** A setting that is missing or refused. The message names it and says what is allowed, and never repeats a value. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly setting: SettingName;

  constructor(setting: SettingName, allowed: string) {
    super(`${setting} ${allowed}`);
    this.setting = setting;
  }
}

/** By the env object: settings are read on every request, and an env object never changes while the Worker runs. */
const known = new WeakMap<object, Settings | SettingsError>();

/**
 * The checked settings of a Worker's `env` (or of `process.env`): text under the names of `SETTINGS`. An empty text
 * counts as unset, because that is what compose files and CI make of an absent variable.
 *
 * @throws SettingsError naming the first bad setting; the same object each time for the same `env`
 */
export function readSettings(env: object): Settings {
  let result = known.get(env);
  if (result === undefined) {
    result = parse(env);
    known.set(env, result);
  }
  if (result instanceof SettingsError) throw result;
  return result;
}

function parse(env: object): Settings | SettingsError {
  try {
    const auth = readAuth(env);
    const updateEveryS = readNumber(env, "UPDATE_EVERY_S", { min: 0.1, max: 86_400, unit: "seconds" });
    return {
      auth,
      linkSecrets: readLinkSecrets(env, auth),
      allowedOrigins: readOrigins(env),
      devLogin: readDevLogin(env, auth),
      // Above 100 km "nearby" means nothing, and safe regions would have no room to save calls.
      radiusM: readNumber(env, "RADIUS_M", { min: 1, max: 100_000, unit: "metres" }),
      inactiveAfterMs: Math.round(readNumber(env, "INACTIVE_AFTER_S", { min: 1, max: 86_400, unit: "seconds" }) * 1000),
      updateEveryS,
      updateEveryMs: Math.round(updateEveryS * 1000),
      fanout: readFanout(env),
      positionBurst: readNumber(env, "POSITION_BURST", { min: 1, max: 1_000_000, unit: "positions", whole: true }),
      positionMinMs: readNumber(env, "POSITION_MIN_S", { min: 0, max: 86_400, unit: "seconds" }) * 1000,
      speedMaxMps: readNumber(env, "SPEED_MAX_MPS", { min: 0, max: 100_000, unit: "metres per second" }),
      history: readHistory(env),
      index: readIndex(env),
      monitorShards: readNumber(env, "MONITOR_SHARDS", { min: 1, max: 1_000, unit: "objects", whole: true }),
      // Above a minute nothing is slow that has not timed out long before.
      slowMs: readNumber(env, "SLOW_MS", { min: 0, max: 60_000, unit: "milliseconds", whole: true }),
      logLevel: readLogLevel(env),
      mapStyleUrl: readMapStyle(env),
    };
  } catch (error) {
    if (error instanceof SettingsError) return error;
    throw error;
  }
}

/** The text of a setting, its default when it is unset, or undefined when there is neither. */
function readText(env: object, name: SettingName): string | undefined {
  const value: unknown = Reflect.get(env, name);
  // A var in wrangler.toml may be written as a bare number.
  const text = typeof value === "number" ? String(value) : value;
  if (text === undefined || text === "") return SETTINGS.find((row) => row.name === name)?.default;
  if (typeof text !== "string") throw new SettingsError(name, "must be text");
  return text;
}

type NumberRule = Readonly<{ min: number; max: number; unit: string; whole?: boolean }>;

function readNumber(env: object, name: SettingName, rule: NumberRule): number {
  const text = readText(env, name)?.trim() ?? "";
  // Plain decimals only: `Number` also takes "0x10", "1e400" and white space.
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= rule.min && value <= rule.max && (rule.whole !== true || Number.isInteger(value))) return value;
  const kind = rule.whole === true ? "a whole number" : "a number";
  throw new SettingsError(name, `must be ${kind} of ${rule.unit} from ${rule.min} to ${rule.max}`);
}

function readAuth(env: object): AuthSettings {
  const secret = readText(env, "AUTH_SECRET");
  const url = readText(env, "AUTH_JWKS_URL");
  const issuer = readText(env, "AUTH_ISSUER");
  const audience = readText(env, "AUTH_AUDIENCE");
  if (secret === undefined && url === undefined) {
    throw new SettingsError("AUTH_SECRET", "or AUTH_JWKS_URL must be set: without one nobody can be let in");
  }
  if (secret !== undefined && url !== undefined) {
    // One algorithm family only: accepting both is how a public key gets used as an HMAC secret.
    throw new SettingsError("AUTH_JWKS_URL", "must not be set together with AUTH_SECRET: choose one");
  }
  if (secret !== undefined) {
    return {
      kind: "hs256",
      secrets: readSecrets(secret, "AUTH_SECRET"),
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    };
  }
  // An issuer signs tokens for many apps with the same keys; without these two, a token for another app would do here.
  if (issuer === undefined) throw new SettingsError("AUTH_ISSUER", "must be set with AUTH_JWKS_URL");
  if (audience === undefined) throw new SettingsError("AUTH_AUDIENCE", "must be set with AUTH_JWKS_URL");
  return { kind: "jwks", url: readKeysUrl(url ?? ""), issuer, audience };
}

/** A secret that signs tokens may open codes, too: what is derived from it for that is of another kind. */
function readLinkSecrets(env: object, auth: AuthSettings): readonly Uint8Array[] {
  const list = readText(env, "LINK_SECRET");
  if (list !== undefined) return readSecrets(list, "LINK_SECRET");
  return auth.kind === "hs256" ? auth.secrets : [];
}

function readSecrets(list: string, name: "AUTH_SECRET" | "LINK_SECRET"): [Uint8Array, ...Uint8Array[]] {
  const encoder = new TextEncoder();
  // Spaces and the newline that `echo` adds are never meant to be part of a secret.
  const [first, ...others] = list.split(",").map((part, index) => {
    const bytes = encoder.encode(part.trim());
    if (bytes.length >= AUTH_SECRET_MIN_BYTES) return bytes;
    const have = `secret ${index + 1} has ${bytes.length}`;
    throw new SettingsError(
      name,
      `must be one secret of at least ${AUTH_SECRET_MIN_BYTES} bytes, or several divided by commas (${have})`,
    );
  });
  if (first === undefined) throw new Error("split answers at least one part");
  return [first, ...others];
}

function readKeysUrl(text: string): URL {
  const url = safeUrlOf(text);
  // Keys fetched in the clear could be swapped on the way.
  if (url !== null) return url;
  throw new SettingsError("AUTH_JWKS_URL", SAFE_URL);
}

function readIndex(env: object): IndexSettings | null {
  const index = parseIndex(readText(env, "UPSTASH_REDIS_REST_URL"), readText(env, "UPSTASH_REDIS_REST_TOKEN"));
  if (index !== null && "allowed" in index) throw new SettingsError(index.setting, index.allowed);
  return index;
}

function readOrigins(env: object): "*" | readonly string[] {
  const text = readText(env, "ALLOWED_ORIGINS")?.trim();
  if (text === undefined || text === "*") return "*";
  const origins = text.split(",").map((part) => part.trim());
  if (origins.every(isOrigin)) return origins;
  throw new SettingsError(
    "ALLOWED_ORIGINS",
    "must be * or a comma list of origins as browsers send them, such as https://app.example (no path, no final slash)",
  );
}

/** Whether a browser could send this text as `Origin`; anything else would silently match nobody. */
function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  if (url.protocol === "https:" || url.protocol === "http:") return url.origin === text;
  // Packaged web apps have origins such as capacitor://localhost, for which `url.origin` is "null".
  return /^[a-z][a-z0-9+.-]*:\/\/[a-z0-9.-]+(:\d+)?$/.test(text);
}

function readDevLogin(env: object, auth: AuthSettings): boolean {
  const text = readText(env, "DEV_LOGIN");
  if (text === undefined || text === "0") return false;
  if (text !== "1") throw new SettingsError("DEV_LOGIN", "must be 1 or unset");
  if (auth.kind === "hs256") return true;
  throw new SettingsError("DEV_LOGIN", "needs AUTH_SECRET: with AUTH_JWKS_URL there is no key to sign tokens with");
}

function readFanout(env: object): "exact" | "economy" {
  const text = readText(env, "FANOUT");
  if (text === "exact" || text === "economy") return text;
  throw new SettingsError("FANOUT", "must be exact or economy");
}

function readLogLevel(env: object): "info" | "debug" {
  const text = readText(env, "LOG_LEVEL");
  if (text === "info" || text === "debug") return text;
  throw new SettingsError("LOG_LEVEL", "must be info or debug");
}

function readHistory(env: object): HistorySettings {
  const sinks = readSinks(env);
  const queues = readNumber(env, "HISTORY_QUEUES", { min: 1, max: QUEUES_MAX, unit: "queues", whole: true });
  return { sinks, queues, ...(sinks.includes("cassandra") ? { cassandra: readCassandra(env) } : {}) };
}

function readSinks(env: object): readonly SinkName[] {
  // The one setting whose empty text means something: no history.
  const text = Reflect.get(env, "HISTORY_SINKS") === "" ? "" : (readText(env, "HISTORY_SINKS") ?? "");
  if (text.trim() === "") return [];
  const names = new Set(text.split(",").map((part) => part.trim()));
  const sinks = SINK_NAMES.filter((name) => names.has(name));
  if (sinks.length === names.size) return sinks;
  throw new SettingsError(
    "HISTORY_SINKS",
    `must be a comma list of ${SINK_NAMES.join(" and ")}, or empty for no history`,
  );
}

function readCassandra(env: object): CassandraSettings {
  const points = (readText(env, "CASSANDRA_CONTACT_POINTS") ?? "").split(",").map((part) => part.trim());
  const [first, ...others] = points;
  if (first === undefined || !points.every((point) => /^[A-Za-z0-9._-]+(:\d{1,5})?$/.test(point))) {
    throw new SettingsError(
      "CASSANDRA_CONTACT_POINTS",
      "must be a comma list of host or host:port with the cassandra sink",
    );
  }
  const datacenter = readText(env, "CASSANDRA_DATACENTER");
  if (datacenter === undefined) throw new SettingsError("CASSANDRA_DATACENTER", "must be set with the cassandra sink");
  const keyspace = readText(env, "CASSANDRA_KEYSPACE") ?? "";
  // As Cassandra takes it unquoted; it stands in statements that create it.
  if (!/^[a-z][a-z0-9_]{0,47}$/.test(keyspace)) {
    throw new SettingsError(
      "CASSANDRA_KEYSPACE",
      "must be set with the cassandra sink: a small letter, then up to 47 small letters, digits and _",
    );
  }
  const username = readText(env, "CASSANDRA_USERNAME");
  const password = readText(env, "CASSANDRA_PASSWORD");
  if ((username === undefined) !== (password === undefined)) {
    const missing = username === undefined ? "CASSANDRA_USERNAME" : "CASSANDRA_PASSWORD";
    throw new SettingsError(missing, "must be set too: a login is a user name and a password");
  }
  const login = username === undefined || password === undefined ? {} : { login: { username, password } };
  return { contactPoints: [first, ...others], datacenter, keyspace, ...login };
}

function readMapStyle(env: object): string | null {
  const text = readText(env, "MAP_STYLE_URL");
  if (text === undefined) return null;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // The page may load nothing in the clear.
  if (url?.protocol === "https:") return url.href;
  throw new SettingsError("MAP_STYLE_URL", "must be an https URL");
}
