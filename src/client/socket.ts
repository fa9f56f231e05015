/** What this client needs of a WebSocket: the browser's, Node's, the Workers' and the `ws` package's all have it. */
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

/**
 * The address of the socket below a server's base address, `https://host/base` or `wss://host/base`.
 *
 * @throws TypeError when the address is not one of http, https, ws or wss
 */
export function connectUrl(base: string, device?: string): string {
  const url = new URL(base);
  if (url.protocol === "http:") url.protocol = "ws:";
  if (url.protocol === "https:") url.protocol = "wss:";
  if (url.protocol !== "ws:" && url.protocol !== "wss:") {
    throw new TypeError(`The server's address must start with http(s):// or ws(s)://, not ${url.protocol}`);
  }
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/v1/connect`;
  url.search = device === undefined ? "" : `?device=${encodeURIComponent(device)}`;
  url.hash = "";
  return url.href;
}
