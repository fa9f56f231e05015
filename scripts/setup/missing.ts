/** Which settings a deployed Worker would miss. Values of secrets cannot be read back, so this goes by their names. */
import type { SettingName } from "../../src/settings-list.ts";
import { countBound } from "../serve/queues.ts";
import { varsOf, type Config } from "./resources.ts";

const SECRET = "npx wrangler secret put";
const VAR = "a var in wrangler.toml";

/**
 * What is missing or contradicts itself, each in one sentence; empty when nothing does.
 *
 * @param secrets their names
 */
export function missingSettings(config: Config, secrets: readonly string[]): string[] {
  const vars = varsOf(config);
  const has = (name: SettingName) => secrets.includes(name) || (vars.get(name) ?? "") !== "";
  const need = (name: SettingName, why: string, how: string) => (has(name) ? [] : [`${name} is missing${why}: ${how}`]);
  const problems: string[] = [];
  if (!has("AUTH_JWKS_URL")) {
    problems.push(...need("AUTH_SECRET", " (or AUTH_JWKS_URL)", `${SECRET} AUTH_SECRET`));
  } else {
    if (has("AUTH_SECRET")) problems.push("AUTH_SECRET and AUTH_JWKS_URL are both set: take one away");
    problems.push(...need("AUTH_ISSUER", ", needed with AUTH_JWKS_URL", VAR));
    problems.push(...need("AUTH_AUDIENCE", ", needed with AUTH_JWKS_URL", VAR));
    problems.push(
      ...need("LINK_SECRET", ", needed with AUTH_JWKS_URL for invites, shares and devices", `${SECRET} LINK_SECRET`),
    );
  }
  const sinks = (vars.get("HISTORY_SINKS") ?? "r2").split(",").map((name) => name.trim());
  if (sinks.includes("cassandra")) {
    const why = ", needed with the cassandra sink";
    problems.push(...need("CASSANDRA_CONTACT_POINTS", why, VAR));
    problems.push(...need("CASSANDRA_DATACENTER", why, VAR));
    problems.push(...need("CASSANDRA_KEYSPACE", why, VAR));
    if (has("CASSANDRA_USERNAME") || has("CASSANDRA_PASSWORD")) {
      problems.push(...need("CASSANDRA_USERNAME", ", needed with a password", VAR));
      problems.push(...need("CASSANDRA_PASSWORD", ", needed with a user name", `${SECRET} CASSANDRA_PASSWORD`));
    }
  }
  if (has("UPSTASH_REDIS_REST_URL") || has("UPSTASH_REDIS_REST_TOKEN")) {
    problems.push(...need("UPSTASH_REDIS_REST_URL", ", needed with a token", VAR));
    const how = `${SECRET} UPSTASH_REDIS_REST_TOKEN`;
    problems.push(...need("UPSTASH_REDIS_REST_TOKEN", ", needed with the URL", how));
    if ((vars.get("UPSTASH_REDIS_REST_TOKEN") ?? "") !== "")
      problems.push(`UPSTASH_REDIS_REST_TOKEN stands in wrangler.toml: ${how}`);
  }
  if ((vars.get("LINK_SECRET") ?? "") !== "")
    problems.push(`LINK_SECRET stands in wrangler.toml: ${SECRET} LINK_SECRET`);
  if (has("DEV_LOGIN")) problems.push("DEV_LOGIN is set: anybody could log in as anybody; take it away");
  const asked = Number(vars.get("HISTORY_QUEUES") ?? 1);
  const bound = countBound((config.queues.producers ?? []).map(({ binding }) => binding));
  if (asked > bound) {
    problems.push(`HISTORY_QUEUES is ${asked}, but ${bound} are bound: npm run setup -- --queues ${asked}`);
  }
  return problems;
}
