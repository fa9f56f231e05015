/** The Worker's settings from the environment of a command, refused before anything is started. */
import { SETTINGS, type SettingName } from "../../src/settings-list.ts";
import { readSettings, SettingsError } from "../../src/settings.ts";

export type SettingsEnv = Partial<Record<SettingName, string>>;

/** The settings that are set in `env`; an empty text counts as unset, as it does for the Worker: all but one. */
export function pickSettings(env: Record<string, string | undefined>): SettingsEnv {
  const picked: SettingsEnv = {};
  for (const { name } of SETTINGS) {
    const text = env[name];
    if (text !== undefined && (text !== "" || name === "HISTORY_SINKS")) picked[name] = text;
  }
  return picked;
}

export type SettingsCheck = { kind: "good" } | { kind: "no_auth" } | { kind: "bad"; problem: string };

/**
 * What the Worker will say to these settings. Without any way to check tokens it serves nothing but `/healthz`; that is
 * a state of its own and not a bad value, so the others are still checked.
 */
export function checkSettings(env: SettingsEnv): SettingsCheck {
  const noAuth = env.AUTH_SECRET === undefined && env.AUTH_JWKS_URL === undefined;
  try {
    readSettings(noAuth ? { ...env, AUTH_SECRET: "x".repeat(32) } : env);
  } catch (error) {
    if (error instanceof SettingsError) return { kind: "bad", problem: error.message };
    throw error;
  }
  return { kind: noAuth ? "no_auth" : "good" };
}
