/** Users' objects that only note what the Worker asks of them. */
import { vi } from "vitest";

import { envWithObject } from "./api-calls.ts";

export const ENTRY = { id: "bob", state: "friend", since: 1, visibility: "coarse", muted: true };

/** Objects that do as they are told, and the calls that reach them. */
export function obedient() {
  const object = {
    putFriend: vi.fn(() => Promise.resolve({ entry: ENTRY, asked: false })),
    patchFriend: vi.fn(() => Promise.resolve(ENTRY)),
    deleteFriend: vi.fn(() => Promise.resolve()),
    listBlocks: vi.fn(() => Promise.resolve({ blocks: [] })),
    block: vi.fn(() => Promise.resolve({ blocked: true })),
    unblock: vi.fn(() => Promise.resolve()),
    getProfile: vi.fn(() => Promise.resolve({ user: "ann", sharing: true, discoverable: false })),
    patchProfile: vi.fn(() => Promise.resolve({ user: "ann", sharing: true, discoverable: false })),
    deleteAccount: vi.fn(() => Promise.resolve()),
  };
  const called = (): string[] => Object.entries(object).flatMap(([name, method]) => method.mock.calls.map(() => name));
  return { ...envWithObject(object), object, called };
}
