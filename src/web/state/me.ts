/** The user's own profile, and the pause. */
import { signal } from "@preact/signals";

import { api, Nothing, Profile } from "./api.ts";
import { serverNowMs } from "./clock.ts";
import { discover } from "./live.ts";
import { attempt } from "./notices.ts";
import { signOut } from "./session.ts";

export const profile = signal<Profile | undefined>(undefined);

/** The longest delay of a browser's timer. */
const TIMER_MAX_MS = 2_147_483_647;
/** The pause ends on the server, and this page looks a moment later. */
const LOOK_AFTER_MS = 1_500;

let timer: ReturnType<typeof setTimeout> | undefined;

export async function loadProfile(): Promise<void> {
  take(await api("GET", "/v1/me", { schema: Profile }));
}

export function forgetProfile(): void {
  clearTimeout(timer);
  profile.value = undefined;
  discover(false);
}

function take(next: Profile): void {
  profile.value = next;
  discover(next.discoverable);
  clearTimeout(timer);
  if (next.pausedUntil === undefined) return;
  const delayMs = Math.max(0, next.pausedUntil - serverNowMs()) + LOOK_AFTER_MS;
  timer = setTimeout(() => void loadProfile().catch(() => {}), Math.min(delayMs, TIMER_MAX_MS));
}

/** @param forMs undefined: until the user shares again */
export function pause(forMs: number | undefined): Promise<boolean> {
  const body = forMs === undefined ? { sharing: false, pausedUntil: null } : { pausedUntil: serverNowMs() + forMs };
  return patch(body);
}

export function resume(): Promise<boolean> {
  return patch({ sharing: true });
}

/** Whether strangers nearby may see the user, and the user them. */
export function setDiscoverable(discoverable: boolean): Promise<boolean> {
  return patch({ discoverable });
}

/** An empty text clears a field. */
export function saveProfile(fields: { name: string; avatar: string }): Promise<boolean> {
  return patch({ name: fields.name.trim() || null, avatar: fields.avatar.trim() || null });
}

function patch(body: object): Promise<boolean> {
  return attempt(async () => take(await api("PATCH", "/v1/me", { schema: Profile, body })));
}

export function deleteAccount(): Promise<boolean> {
  return attempt(async () => {
    await api("DELETE", "/v1/me", { schema: Nothing });
    signOut("signedOutDeleted");
  });
}
