/** Ways in: what the address hands over, a development login, a token typed in. */
import { signal } from "@preact/signals";

import type { Word } from "../lang/en.ts";
import { api, ApiError, Config, Login } from "./api.ts";
import { choosePlace } from "./place.ts";
import { devUser, rememberDevUser, restoreSession, session, signIn } from "./session.ts";
import { keep, kept } from "./storage.ts";

/** Undefined until the server has said it. */
export const config = signal<Config | undefined>(undefined);

const CONFIG_RETRY_MS = 3_000;

/** Asks until it is answered: the page may come from this browser's own store while there is no network. */
export async function loadConfig(): Promise<void> {
  for (;;) {
    try {
      config.value = await api("GET", "/app/config.json", { schema: Config });
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, CONFIG_RETRY_MS));
    }
  }
}

/** The code of an invitation that this page was opened with, until it is accepted or put off. */
export const invitation = signal<string | undefined>(undefined);

/**
 * Takes what the address hands over, and takes it out of the address: `#token=JWT` signs in, with `&at=LAT,LNG` the user
 * stands there; `?invite=CODE` or `#invite=CODE` is an invitation. Nothing behind the `#` ever reaches a server.
 */
export function readAddress(): void {
  restoreSession();
  invitation.value = kept("invite", "session");
  takeAddress();
  addEventListener("hashchange", takeAddress);
}

function takeAddress(): void {
  const hash = new URLSearchParams(location.hash.slice(1));
  const query = new URLSearchParams(location.search);
  const token = hash.get("token");
  const invite = hash.get("invite") ?? query.get("invite");
  if (token === null && invite === null) return;
  history.replaceState(null, "", location.pathname);
  if (token !== null) takeToken(token, hash.get("at"));
  if (invite !== null) {
    invitation.value = invite;
    // The sign-in of a host app may lead away from this page and back.
    keep("invite", invite, "session");
  }
}

/** What was wrong with the token of the address, to be said where one signs in. */
export const handedProblem = signal<Word | undefined>(undefined);

function takeToken(token: string, at: string | null): void {
  handedProblem.value = signIn(token);
  const user = session.peek()?.user;
  const [, lat, lng] = /^(-?[\d.]+),(-?[\d.]+)$/.exec(at ?? "") ?? [];
  if (handedProblem.value === undefined && user !== undefined && lat !== undefined && lng !== undefined) {
    choosePlace(user, { lat: Number(lat), lng: Number(lng) });
  }
}

export function forgetInvitation(): void {
  invitation.value = undefined;
  keep("invite", undefined, "session");
}

const NAME_MAX_CHARS = 100;
const ID_MAX_CHARS = 64;

/** A name as a user id: a development server takes anybody for whom they say they are. */
export function idOf(name: string): string {
  const plain = name.trim().normalize("NFKD").toLowerCase();
  const id = plain
    .replace(/\p{M}/gu, "")
    .replace(/[^a-z0-9._:@-]+/g, "-")
    .replace(/^[-.]+|-+$/g, "")
    .slice(0, ID_MAX_CHARS);
  // Names in other scripts leave nothing behind: their letters as numbers do.
  if (id !== "") return id;
  return Array.from(plain)
    .map((letter) => letter.codePointAt(0)?.toString(36))
    .join("-")
    .slice(0, ID_MAX_CHARS);
}

/** @returns what is wrong, or undefined when it worked. @throws ApiError when the server does not answer */
export async function devSignIn(name: string): Promise<Word | undefined> {
  const text = name.trim();
  if (text === "" || Array.from(text).length > NAME_MAX_CHARS) return "nameBad";
  const user = idOf(text);
  try {
    const { token } = await api("POST", "/dev/login", { schema: Login, body: { user, name: text } });
    rememberDevUser(user, text);
    return signIn(token);
  } catch (error) {
    if (error instanceof ApiError && error.status === 400) return "nameBad";
    throw error;
  }
}

/** Before a token expires by so much, a new one is asked for where that needs nobody's help. */
const RENEW_BEFORE_MS = 60_000;

/** For the connection: the token of the session, or a fresh one of the development login. */
export async function currentToken(): Promise<string> {
  const current = session.peek();
  if (current === undefined) throw new Error("nobody is signed in");
  const dev = devUser();
  if (dev === undefined || dev.user !== current.user || Date.now() < current.expMs - RENEW_BEFORE_MS) {
    return current.token;
  }
  const { token } = await api("POST", "/dev/login", { schema: Login, body: dev });
  signIn(token);
  return token;
}
