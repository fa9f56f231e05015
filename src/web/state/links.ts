/** Links to send: invitations, and shares of the live position. */
import { signal } from "@preact/signals";

import { api, Invite, Invites, Nothing, Share, Shares } from "./api.ts";
import { attempt } from "./notices.ts";

export const invites = signal<readonly Invite[] | undefined>(undefined);
export const shares = signal<readonly Share[] | undefined>(undefined);

const MINUTE_MS = 60_000;

export function loadLinks(): Promise<boolean> {
  return attempt(async () => {
    const [open, live] = await Promise.all([
      api("GET", "/v1/invites", { schema: Invites }),
      api("GET", "/v1/shares", { schema: Shares }),
    ]);
    invites.value = open.invites;
    shares.value = live.shares;
  });
}

export function forgetLinks(): void {
  invites.value = undefined;
  shares.value = undefined;
}

export function invite(): Promise<boolean> {
  return attempt(async () => {
    const made = await api("POST", "/v1/invites", { schema: Invite, body: {} });
    invites.value = [made, ...(invites.peek() ?? [])];
  });
}

export function share(forMs: number): Promise<boolean> {
  return attempt(async () => {
    const body = { minutes: Math.round(forMs / MINUTE_MS) };
    const made = await api("POST", "/v1/shares", { schema: Share, body });
    shares.value = [made, ...(shares.peek() ?? [])];
  });
}

export function revokeInvite(code: string): Promise<boolean> {
  return attempt(async () => {
    await api("DELETE", `/v1/invites/${encodeURIComponent(code)}`, { schema: Nothing });
    invites.value = invites.peek()?.filter((one) => one.code !== code);
  });
}

export function endShare(code: string): Promise<boolean> {
  return attempt(async () => {
    await api("DELETE", `/v1/shares/${encodeURIComponent(code)}`, { schema: Nothing });
    shares.value = shares.peek()?.filter((one) => one.code !== code);
  });
}
