/** What this client needs of a WebSocket: the browser's, React Native's, Node's, the Workers' and that of `ws` have it. */
export interface ClientSocket {
  send(text: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "open" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { readonly code: number; readonly reason: string }) => void): void;
}

/** Opens a socket; throws when the address or a subprotocol is not acceptable. */
export type OpenSocket = (url: string, protocols: string[]) => ClientSocket;

/** Runs `run` once after `delayMs`; the returned function cancels it. */
export type StartTimer = (delayMs: number, run: () => void) => () => void;

/** Not the class URL: React Native's has no setters. The group is everything from the `s` of a secure scheme on. */
const ADDRESS = /^(?:http|ws)(s?:\/\/[^/?#]+[^?#]*?)\/*(?:[?#].*)?$/i;

/** Addresses of one server. */
export interface Addresses {
  readonly socketUrl: string;
  /** Without a slash at the end. */
  readonly httpUrl: string;
}

/**
 * The addresses below a server's base address, `https://host/base` or `wss://host/base`.
 *
 * @throws TypeError when the address is not one of http, https, ws or wss
 */
export function addressesOf(base: string, device?: string): Addresses {
  const rest = ADDRESS.exec(base)?.[1];
  if (rest === undefined) throw new TypeError(`no http or ws address: ${base}`);
  const query = device === undefined ? "" : `?device=${encodeURIComponent(device)}`;
  return { socketUrl: `ws${rest}/v1/connect${query}`, httpUrl: `http${rest}` };
}
