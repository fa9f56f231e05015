/** One user, looked up by id. */
import { signal } from "@preact/signals";
import * as v from "valibot";

import { DisconnectedSchema, type UserDetails, UserDetailsSchema } from "../../protocol/admin.ts";
import { isUserId } from "../../protocol/user-id.ts";
import { detailOf, refusalOf } from "./answer.ts";
import { signOut, token } from "./session.ts";

/** An object answers in milliseconds; longer than this something is stuck. */
const TIMEOUT_MS = 15_000;

export const details = signal<UserDetails | undefined>(undefined);
/** What went wrong with the last request, or what it did. */
export const told = signal<{ readonly text: string; readonly isProblem: boolean } | undefined>(undefined);
export const isBusy = signal(false);

/** Of the newest look-up: an answer to an earlier one comes too late. */
let asked = 0;

export function forgetUser(): void {
  asked += 1;
  details.value = undefined;
  told.value = undefined;
  isBusy.value = false;
}

export async function lookUp(id: string): Promise<void> {
  forgetUser();
  if (!isUserId(id)) {
    tellProblem("A user id is 1 to 64 of A-Z a-z 0-9 . _ : @ -");
    return;
  }
  const mine = asked;
  isBusy.value = true;
  const answer = await call("GET", `/v1/admin/users/${encodeURIComponent(id)}`, { schema: UserDetailsSchema });
  if (mine !== asked) return;
  isBusy.value = false;
  if (answer.ok) details.value = answer.value;
  else tellProblem(answer.status === 404 ? `There is no user ${id}.` : answer.text);
}

/** One device, or all connections without one. */
export async function disconnectUser(id: string, device: string | undefined): Promise<void> {
  const mine = asked;
  const body = device === undefined ? {} : { device };
  const path = `/v1/admin/users/${encodeURIComponent(id)}/disconnect`;
  const answer = await call("POST", path, { schema: DisconnectedSchema, body });
  if (mine !== asked) return;
  if (!answer.ok) {
    tellProblem(answer.text);
    return;
  }
  const { closed } = answer.value;
  await lookUp(id);
  told.value = { text: `Closed ${closed} ${closed === 1 ? "connection" : "connections"}.`, isProblem: false };
}

function tellProblem(text: string): void {
  told.value = { text, isProblem: true };
}

type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; status: number; text: string };

interface Asked<T> {
  readonly schema: v.GenericSchema<unknown, T>;
  readonly body?: object;
}

async function call<T>(method: "GET" | "POST", path: string, { schema, body }: Asked<T>): Promise<Answer<T>> {
  const current = token.peek();
  try {
    const response = await fetch(path, {
      method,
      headers: {
        authorization: `Bearer ${current}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (response.ok) {
      const parsed = v.safeParse(schema, await response.json());
      if (parsed.success) return { ok: true, value: parsed.output };
      return { ok: false, status: response.status, text: "The server answers of another kind: reload this page." };
    }
    return await refused(response, current);
  } catch {
    return { ok: false, status: 0, text: "The server cannot be reached. Try again." };
  }
}

async function refused(response: Response, asking: string | undefined): Promise<Answer<never>> {
  const { status } = response;
  if (status === 400 || status === 404) return { ok: false, status, text: await detailOf(response) };
  const { text, isFinal } = await refusalOf(response);
  if (isFinal && asking === token.peek()) signOut(text);
  return { ok: false, status, text };
}
