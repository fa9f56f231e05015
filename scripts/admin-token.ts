/** Tokens for commands of operators: the one that was given, or fresh ones signed with the server's secret. */
import { signToken } from "../src/auth/token.ts";
import { readSettings, SettingsError } from "../src/settings.ts";
import { refuseUsage, USAGE_EXIT_CODE } from "./options.ts";

/** Of the token of one request. */
const LIFETIME_S = 600;

export interface AdminTokenOptions {
  readonly usage: string;
  /** As given on the command line. */
  readonly token: string | undefined;
  /** Whom a signed token speaks for, in the server's rate limit; no user of this name comes into being. */
  readonly user: string;
}

/** Without a token and a secret the command ends with its usage. */
export function adminTokens({ usage, token, user }: AdminTokenOptions): () => Promise<string> {
  if (token !== undefined) return () => Promise.resolve(token);
  const { AUTH_SECRET, AUTH_ISSUER, AUTH_AUDIENCE } = process.env;
  if (AUTH_SECRET === undefined || AUTH_SECRET === "") {
    return refuseUsage(usage, "give --token (of an admin), or set AUTH_SECRET to the server's secret");
  }
  const auth = readAuth({ AUTH_SECRET, AUTH_ISSUER, AUTH_AUDIENCE });
  const subject = { user, role: "admin" as const };
  return async () => (await signToken(auth, subject, { nowMs: Date.now(), lifetimeS: LIFETIME_S })).token;
}

function readAuth(env: Record<string, string | undefined>) {
  try {
    const { auth } = readSettings(env);
    if (auth.kind === "hs256") return auth;
    throw new SettingsError("AUTH_SECRET", "must be a secret to sign with");
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return process.exit(USAGE_EXIT_CODE);
  }
}
