/**
 * Who is signed in. The token is kept for this tab only, and never in an address that a server gets to see: a host app
 * hands it over behind the `#`, from where it is taken at once.
 */
import { signal } from "@preact/signals";
import * as v from "valibot";

import type { Word } from "../lang/en.ts";
import { keep, kept } from "./storage.ts";

export interface Session {
  readonly token: string;
  readonly user: string;
  readonly name: string | undefined;
  readonly expMs: number;
}

export const session = signal<Session | undefined>(undefined);

/** Why nobody is signed in any more, to be said on the page. */
export const signedOutBecause = signal<Word | undefined>(undefined);

const Claims = v.object({ sub: v.string(), exp: v.number(), name: v.optional(v.string()) });

/** What a token says about itself. The server checks it; here it only has to be readable. */
export function readToken(token: string): Session | undefined {
  const payload = token.trim().split(".")[1] ?? "";
  try {
    const bytes = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    const claims = v.safeParse(Claims, JSON.parse(new TextDecoder().decode(bytes)));
    if (!claims.success) return undefined;
    const { sub, exp, name } = claims.output;
    return { token: token.trim(), user: sub, name, expMs: exp * 1000 };
  } catch {
    return undefined;
  }
}

/** @returns what is wrong with the token, or undefined when it is taken */
export function signIn(token: string): Word | undefined {
  const read = readToken(token);
  if (read === undefined) return "tokenUnreadable";
  keep("token", read.token, "session");
  signedOutBecause.value = undefined;
  session.value = read;
  return undefined;
}

export function signOut(because?: Word): void {
  keep("token", undefined, "session");
  keep("devUser", undefined, "session");
  signedOutBecause.value = because;
  session.value = undefined;
}

/** As the header has it. */
export function bearer(): string | undefined {
  return session.peek() === undefined ? undefined : `Bearer ${session.peek()?.token}`;
}

/** A request was answered 401. One that was sent with an earlier token says nothing about this one. */
export function refuse(authorization: string): void {
  if (authorization === bearer()) signOut("signedOutRefused");
}

/** Of the development login, for as long as this tab lives: its token can be renewed without asking. */
export function rememberDevUser(user: string, name: string): void {
  keep("devUser", JSON.stringify({ user, name }), "session");
}

const DevUser = v.object({ user: v.string(), name: v.string() });

export function devUser(): v.InferOutput<typeof DevUser> | undefined {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), DevUser), kept("devUser", "session"));
  return parsed.success ? parsed.output : undefined;
}

export function restoreSession(): void {
  const token = kept("token", "session");
  if (token !== undefined) session.value = readToken(token);
}
