/** What the tests of the SDK run in a page: its contract, and the React hook in a small component. */
import { createElement, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createNearbyClient, type NearbyClient } from "../../src/client/index.ts";
import { useNearbyFriends } from "../../src/client/react.ts";
import { type Fault, type LabOptions, runScenario } from "./sdk-contract.ts";

/** Given to the page by the test. */
declare const labToken: (user: string, expiresInS: number) => Promise<string>;
declare const labFault: (proxyUrl: string, fault: Fault) => Promise<void>;

/** Runs one scenario of the contract in this page. */
export function runInPage(title: string, urls: Pick<LabOptions, "url" | "hastyUrl" | "faultyUrl">): Promise<void> {
  return runScenario(title, {
    ...urls,
    signToken: (user, expiresInS) => labToken(user, expiresInS),
    setFault: (fault) => labFault(urls.faultyUrl, fault),
  });
}

function Friends({ client }: { client: NearbyClient }) {
  const { friends, status } = useNearbyFriends(client);
  return createElement(
    "ol",
    { "data-state": status?.state },
    friends.map(({ id, distance }) => createElement("li", { key: id }, `${id} ${Math.round(distance)}`)),
  );
}

/**
 * Shows the friends of a user in `container`.
 *
 * @returns the client, how many listeners it has now, and an end of the component
 */
export function mountFriends(container: unknown, url: string, token: string) {
  const client = createNearbyClient({ url, token: () => Promise.resolve(token) });
  let listeners = 0;
  const counted: NearbyClient = Object.create(client, {
    on: {
      value: (...args: Parameters<NearbyClient["on"]>) => {
        listeners += 1;
        const off = client.on(...args);
        return () => {
          listeners -= 1;
          off();
        };
      },
    },
    friends: { get: () => client.friends },
    status: { get: () => client.status },
  });
  const root = createRoot(container);
  root.render(createElement(StrictMode, undefined, createElement(Friends, { client: counted })));
  return { client, countListeners: () => listeners, unmount: () => root.unmount() };
}
