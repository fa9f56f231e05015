/**
 * For React: `nearby-friends/react`.
 *
 * ```tsx
 * const { friends, status } = useNearbyFriends(client);
 * ```
 */
import { useCallback, useSyncExternalStore } from "react";

import type { Friend, NearbyClient, Status } from "./index.ts";

export interface NearbyFriends {
  /** As `client.friends`: nearest first, a new array after every change. */
  readonly friends: readonly Friend[];
  /** Undefined without a client. */
  readonly status: Status | undefined;
}

const NOBODY: readonly Friend[] = [];

/**
 * Renders again when the friends or the connection change, also when an own move changed the distances.
 *
 * @param client made outside of rendering, in an effect that closes it, or once for the app; undefined until it is there
 */
export function useNearbyFriends(client: NearbyClient | undefined): NearbyFriends {
  const onChange = useCallback((changed: () => void) => client?.on("change", changed) ?? noListener, [client]);
  const onStatus = useCallback((changed: () => void) => client?.on("status", changed) ?? noListener, [client]);
  const friends = useSyncExternalStore(
    onChange,
    () => client?.friends ?? NOBODY,
    () => NOBODY,
  );
  const status = useSyncExternalStore(
    onStatus,
    () => client?.status,
    () => undefined,
  );
  return { friends, status };
}

function noListener(): void {}
