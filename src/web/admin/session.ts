/**
 * The operator's token: kept for this tab only, and in no address that a server gets to see. It may be handed over behind
 * the `#`, from where it is taken at once.
 */
import { signal } from "@preact/signals";

import { readToken } from "../state/session.ts";
import { keep, kept } from "../state/storage.ts";

/** Not the app's: an operator may be signed in there as somebody else. */
const KEY = "adminToken";

export const token = signal<string | undefined>(undefined);

/** Why nobody is signed in, to be said on the page. */
export const problem = signal<string | undefined>(undefined);

const UNREADABLE = "This is no token. Make one with: npm run token -- NAME --role admin";

/** The server decides; here a token only has to be readable. */
export function signIn(text: string): void {
  const read = readToken(text);
  problem.value = read === undefined ? UNREADABLE : undefined;
  if (read === undefined) return;
  keep(KEY, read.token, "session");
  token.value = read.token;
}

export function signOut(because?: string): void {
  keep(KEY, undefined, "session");
  problem.value = because;
  token.value = undefined;
}

export function readAddress(): void {
  const remembered = kept(KEY, "session");
  if (remembered !== undefined) token.value = remembered;
  takeAddress();
  addEventListener("hashchange", takeAddress);
}

function takeAddress(): void {
  const handed = new URLSearchParams(location.hash.slice(1)).get("token");
  if (handed === null) return;
  history.replaceState(null, "", location.pathname);
  signIn(handed);
}
