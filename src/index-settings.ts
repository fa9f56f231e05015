/** The Redis that keeps the index of active friends, over REST. */
export interface IndexSettings {
  readonly url: string;
  readonly token: string;
}

/** The setting that is bad, and what is allowed. */
export interface BadIndex {
  readonly setting: "UPSTASH_REDIS_REST_URL" | "UPSTASH_REDIS_REST_TOKEN";
  readonly allowed: string;
}

export const SAFE_URL = "must be an https URL without a user (http only on localhost)";

const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Null for a URL that would be asked in the clear, except on loopback, which has no way, or that carries a login. */
export function safeUrlOf(text: string): URL | null {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const safe = url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK_HOSTS.has(url.hostname));
  return url !== undefined && safe && url.username === "" && url.password === "" ? url : null;
}

/** Null: there is no index. */
export function parseIndex(text: string | undefined, token: string | undefined): IndexSettings | BadIndex | null {
  if (text === undefined && token === undefined) return null;
  // One alone would look as if the index were on.
  if (text === undefined) return { setting: "UPSTASH_REDIS_REST_URL", allowed: "must be set with the token" };
  if (token === undefined) return { setting: "UPSTASH_REDIS_REST_TOKEN", allowed: "must be set with the URL" };
  const url = safeUrlOf(text.trim());
  // Paths are appended to it.
  if (url === null || url.search !== "" || url.hash !== "") {
    return { setting: "UPSTASH_REDIS_REST_URL", allowed: `${SAFE_URL}, and without a query` };
  }
  // What a header cannot carry would fail at every question, and look like an outage.
  if (!/^[\x21-\x7e]+$/.test(token.trim())) {
    return { setting: "UPSTASH_REDIS_REST_TOKEN", allowed: "must be printable ASCII without spaces" };
  }
  return { url: url.href.replace(/\/$/, ""), token: token.trim() };
}
