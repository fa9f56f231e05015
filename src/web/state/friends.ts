/** The friend list with its requests, and who is blocked. */
import { computed, signal } from "@preact/signals";

import type { NearbyEvents } from "../../client/index.ts";
import { say } from "../lang/words.ts";
import { api, BlockPage, FriendEntry, FriendPage, Nothing, type Visibility } from "./api.ts";
import { serverNowMs } from "./clock.ts";
import { near } from "./live.ts";
import { attempt, notify } from "./notices.ts";

/** The largest that the server gives: five requests for the largest list. */
const PAGE_MAX = 1000;

const entries = signal<ReadonlyMap<string, FriendEntry>>(new Map());
export const isLoaded = signal(false);
export const blocked = signal<readonly string[]>([]);
/** The friend whose card is open. */
export const selected = signal<string | undefined>(undefined);

function named(state: FriendEntry["state"]) {
  return computed(() =>
    [...entries.value.values()]
      .filter((entry) => entry.state === state)
      .toSorted((a, b) => nameOf(a).localeCompare(nameOf(b))),
  );
}

export const friends = named("friend");
export const incoming = named("incoming");
export const outgoing = named("outgoing");
export const nearIds = computed(() => new Set(near.value.map(({ id }) => id)));

/** What somebody is called: the id where there is no name. */
export function nameOf({ id, name }: { readonly id: string; readonly name?: string }): string {
  return name ?? id;
}

export function entryOf(id: string): FriendEntry | undefined {
  return entries.value.get(id);
}

/** What happened to the list while it was being read: the pages may be from before. */
let meanwhile: ((list: Map<string, FriendEntry>) => void)[] | undefined;
let asked = 0;

export async function loadFriends(): Promise<void> {
  asked += 1;
  const mine = asked;
  meanwhile = [];
  const all = new Map<string, FriendEntry>();
  for (let cursor: string | undefined = ""; cursor !== undefined;) {
    const query: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page = await api("GET", `/v1/friends?limit=${PAGE_MAX}${query}`, { schema: FriendPage });
    for (const entry of page.friends) all.set(entry.id, entry);
    cursor = page.next;
  }
  // Another user, or another connection, has begun in between.
  if (mine !== asked) return;
  for (const repeat of meanwhile ?? []) repeat(all);
  meanwhile = undefined;
  entries.value = all;
  isLoaded.value = true;
}

export function forgetFriends(): void {
  asked += 1;
  meanwhile = undefined;
  entries.value = new Map();
  isLoaded.value = false;
  blocked.value = [];
  selected.value = undefined;
}

/** The server says that the list changed: what it says is enough to change it here, too. */
export function onFriendship({ id, state, name }: NearbyEvents["friendship"]): void {
  if (state === "removed") {
    remove(id);
    return;
  }
  const before = entries.peek().get(id);
  const visibility = before?.visibility ?? "exact";
  const entry = { ...before, id, state, since: serverNowMs(), visibility, muted: before?.muted ?? false };
  put(name === undefined ? entry : { ...entry, name });
  const who = name ?? before?.name ?? id;
  if (state === "incoming") notify(say("updateName", { name: who }));
  else if (before?.state !== "friend") notify(say("befriended", { name: who }));
}

function put(entry: FriendEntry): void {
  changeList((list) => void list.set(entry.id, entry));
}

function remove(id: string): void {
  changeList((list) => void list.delete(id));
  if (selected.peek() === id) selected.value = undefined;
}

function changeList(edit: (list: Map<string, FriendEntry>) => void): void {
  const list = new Map(entries.peek());
  edit(list);
  entries.value = list;
  meanwhile?.push(edit);
}

function pathOf(id: string): string {
  return `/v1/friends/${encodeURIComponent(id)}`;
}

/** Asks somebody, or accepts who asked. */
export function ask(id: string): Promise<boolean> {
  const before = entries.peek().get(id)?.state;
  return attempt(async () => {
    const entry = await api("PUT", pathOf(id), { schema: FriendEntry });
    put(entry);
    // The other way round the server says so, to every device.
    if (entry.state === "outgoing") notify(say("asked", { name: nameOf(entry) }));
    else if (before !== "friend") notify(say("befriended", { name: nameOf(entry) }));
  });
}

/** Unfriends, declines or withdraws. */
export function end(id: string): Promise<boolean> {
  return attempt(async () => {
    await api("DELETE", pathOf(id), { schema: Nothing });
    remove(id);
  });
}

export function setVisibility(id: string, visibility: Visibility): Promise<boolean> {
  return change(id, { visibility });
}

export function setMuted(id: string, muted: boolean): Promise<boolean> {
  return change(id, { muted });
}

function change(id: string, body: object): Promise<boolean> {
  return attempt(async () => put(await api("PATCH", pathOf(id), { schema: FriendEntry, body })));
}

/** @returns the new friend */
export async function acceptInvitation(code: string): Promise<FriendEntry> {
  const entry = await api("POST", `/v1/invites/${encodeURIComponent(code)}`, { schema: FriendEntry });
  put(entry);
  return entry;
}

export async function loadBlocked(): Promise<void> {
  const all: string[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined;) {
    const query: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page = await api("GET", `/v1/blocks?limit=${PAGE_MAX}${query}`, { schema: BlockPage });
    all.push(...page.blocks.map(({ id }) => id));
    cursor = page.next;
  }
  blocked.value = all;
}

function blockPath(id: string): string {
  return `/v1/blocks/${encodeURIComponent(id)}`;
}

export function block(id: string): Promise<boolean> {
  return attempt(async () => {
    await api("PUT", blockPath(id), { schema: Nothing });
    remove(id);
    blocked.value = [...blocked.peek(), id];
  });
}

export function unblock(id: string): Promise<boolean> {
  return attempt(async () => {
    await api("DELETE", blockPath(id), { schema: Nothing });
    blocked.value = blocked.peek().filter((other) => other !== id);
  });
}
