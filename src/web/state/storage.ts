/** What this browser keeps for the app. Where storing is refused (private windows, full disks), nothing is kept. */

const PREFIX = "nearby.";

export function kept(name: string, storage: "local" | "session" = "local"): string | undefined {
  try {
    return storageOf(storage).getItem(PREFIX + name) ?? undefined;
  } catch {
    return undefined;
  }
}

/** `undefined` removes it. */
export function keep(name: string, text: string | undefined, storage: "local" | "session" = "local"): void {
  try {
    if (text === undefined) storageOf(storage).removeItem(PREFIX + name);
    else storageOf(storage).setItem(PREFIX + name, text);
  } catch {
    // The app works without; it asks again next time.
  }
}

function storageOf(kind: "local" | "session"): Storage {
  return kind === "local" ? localStorage : sessionStorage;
}
