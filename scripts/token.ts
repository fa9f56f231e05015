/** `npm run token`: a JWT for trying things out, signed like the host app would sign it. */
import { signToken } from "../src/auth/token.ts";
import { NAME_MAX_CHARS } from "../src/protocol/limits.ts";
import { isUserId } from "../src/protocol/user-id.ts";
import { readSettings, SettingsError } from "../src/settings.ts";
import { readInteger, readOptions, refuseUsage, USAGE_EXIT_CODE } from "./options.ts";

const USAGE = "npm run token -- USER [--name NAME] [--role admin] [--minutes M]";
/** A working day: long enough not to be asked again while trying things out, gone by the next morning. */
const MINUTES_DEFAULT = 8 * 60;
/** A year: what lives longer than that is no test. */
const MINUTES_MAX = 365 * 24 * 60;

const { values, positionals } = readOptions(
  USAGE,
  { name: { type: "string" }, role: { type: "string" }, minutes: { type: "string" } },
  { positionalsMax: 1 },
);
const [user] = positionals;
if (user === undefined) refuseUsage(USAGE, "USER is missing");
if (!isUserId(user)) refuseUsage(USAGE, "USER must be 1 to 64 of A-Z a-z 0-9 . _ : @ -, and not . or ..");
const { name, role } = values;
if (name !== undefined && (name.trim() === "" || name.length > NAME_MAX_CHARS)) {
  refuseUsage(USAGE, `--name must have 1 to ${NAME_MAX_CHARS} characters`);
}
if (role !== undefined && role !== "admin") refuseUsage(USAGE, `--role can only be admin, not: ${role}`);
const minutes = readInteger(USAGE, {
  option: "--minutes",
  text: values.minutes,
  fallback: MINUTES_DEFAULT,
  max: MINUTES_MAX,
});

const subject = {
  user,
  ...(name === undefined ? {} : { name }),
  ...(role === "admin" ? { role: "admin" as const } : {}),
};
const { token } = await signToken(readSecret(), subject, { nowMs: Date.now(), lifetimeS: minutes * 60 });
process.stdout.write(`${token}\n`);

function readSecret() {
  const { AUTH_SECRET, AUTH_ISSUER, AUTH_AUDIENCE } = process.env;
  try {
    // A key set is left out: nobody can sign with public keys, and with one set the secret would be refused.
    const { auth } = readSettings({ AUTH_SECRET, AUTH_ISSUER, AUTH_AUDIENCE });
    if (auth.kind === "hs256") return auth;
    throw new SettingsError("AUTH_SECRET", "must be set");
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    // Without a key set among the settings, the advice to use one instead does not apply here.
    const problem = AUTH_SECRET ? error.message : "AUTH_SECRET must be set: the token is signed with it";
    process.stderr.write(`${problem}\n`);
    process.exit(USAGE_EXIT_CODE);
  }
}
