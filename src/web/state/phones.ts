/** Phone apps that report for the user, each with a password of its own. */
import { signal } from "@preact/signals";

import { api, Devices, NewDevice, Nothing } from "./api.ts";
import type { Device } from "./api.ts";
import { attempt } from "./notices.ts";

export const phones = signal<readonly Device[] | undefined>(undefined);

/** The one that was made just now: nobody shows its password again. */
export const freshPhone = signal<NewDevice | undefined>(undefined);

export function loadPhones(): Promise<boolean> {
  return attempt(async () => {
    phones.value = (await api("GET", "/v1/devices", { schema: Devices })).devices;
  });
}

export function forgetPhones(): void {
  phones.value = undefined;
  freshPhone.value = undefined;
}

/** @param name what its owner calls the phone; an empty text for none */
export function addPhone(app: Device["app"], name: string): Promise<boolean> {
  return attempt(async () => {
    const body = name.trim() === "" ? { app } : { app, name: name.trim() };
    const made = await api("POST", "/v1/devices", { schema: NewDevice, body });
    phones.value = [...(phones.peek() ?? []), made];
    freshPhone.value = made;
  });
}

export function removePhone(id: string): Promise<boolean> {
  return attempt(async () => {
    await api("DELETE", `/v1/devices/${encodeURIComponent(id)}`, { schema: Nothing });
    phones.value = phones.peek()?.filter((one) => one.id !== id);
  });
}
