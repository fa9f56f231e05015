import { createContext, runInContext } from "node:vm";

import { beforeEach, describe, expect, test, vi } from "vitest";

import { sharePage } from "../../src/pages/share.ts";
import { SHARE_SCRIPT } from "../../src/pages/share-script.ts";

const NOW_MS = 1_800_000_000_000;
const MINUTE_MS = 60_000;
/** How far the visitor's clock is behind the server's. */
const BEHIND_MS = 10 * MINUTE_MS;

/** As much of an element as the script touches. */
class Part {
  textContent = "";
  className = "";
  hidden = false;
  href = "";
  isThere = true;
  dataset: Record<string, string> = {};

  remove(): void {
    this.isThere = false;
  }
}

class Socket {
  static readonly OPEN = 1;
  static all: Socket[] = [];
  readonly url: string;
  readonly sent: string[] = [];
  readyState = 0;
  isClosed = false;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  constructor(url: string) {
    this.url = url;
    Socket.all.push(this);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.isClosed = true;
  }

  opens(): void {
    this.readyState = Socket.OPEN;
    this.onopen?.();
  }

  brings(frame: object | string): void {
    this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
  }

  closes(code: number): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

interface Browser {
  readonly part: (id: string) => Part;
  readonly socket: () => Socket;
  /** What a HEAD of the page answers; null for no network. */
  pageStatus: number | null;
  readonly pages: string[];
}

/** The script in a page of which nothing is real but its ids, which are those of the real page. */
async function browse(endsInMs = 90 * MINUTE_MS): Promise<Browser> {
  const markup = (await sharePage({ name: "Ann", endsAt: NOW_MS + endsInMs, nowMs: NOW_MS, nonce: "n" })).toString();
  const parts = new Map([...markup.matchAll(/ id="([a-z]+)"/g)].map(([, id = ""]) => [id, new Part()]));
  const part = (id: string): Part => {
    const found = parts.get(id);
    if (found === undefined) throw new Error(`the page has no ${id}`);
    return found;
  };
  const data = /data-now="(\d+)" data-ends-at="(\d+)"/.exec(markup);
  part("live").dataset = { now: data?.[1] ?? "", endsAt: data?.[2] ?? "" };
  const browser: Browser = {
    part,
    pageStatus: 200,
    pages: [],
    socket: () => {
      const socket = Socket.all.at(-1);
      if (socket === undefined) throw new Error("the page opened no socket");
      return socket;
    },
  };
  const fetch = (path: string, { method }: { method: string }): Promise<{ status: number }> => {
    browser.pages.push(`${method} ${path}`);
    const { pageStatus } = browser;
    return pageStatus === null ? Promise.reject(new TypeError("no network")) : Promise.resolve({ status: pageStatus });
  };
  const timers = { setTimeout, clearTimeout, setInterval, clearInterval };
  const location = { origin: "https://nearby.test", pathname: "/s/CODE" };
  const document = { getElementById: part };
  runInContext(SHARE_SCRIPT, createContext({ ...timers, Date, WebSocket: Socket, document, fetch, location }));
  return browser;
}

const FRAME = { type: "share", lat: 52.52, lng: 13.405, ts: NOW_MS - 5_000, name: "<b>Zoë", endsAt: NOW_MS };

const shown = (browser: Browser): string => browser.part("state").textContent;

describe("the script of a share's page", () => {
  beforeEach(() => {
    Socket.all = [];
    vi.useFakeTimers({ now: NOW_MS - BEHIND_MS });
    return () => vi.useRealTimers();
  });

  test("shows a frame as text, with ages by the server's clock", async () => {
    const browser = await browse();
    expect(browser.socket().url).toBe("wss://nearby.test/s/CODE/connect");
    browser.socket().opens();
    expect([shown(browser), browser.part("state").className]).toEqual(["Live", "state live"]);
    browser.part("fix").hidden = true;
    browser.socket().brings(FRAME);
    expect(browser.part("name").textContent).toBe("<b>Zoë");
    expect(browser.part("place").textContent).toBe("52.52000, 13.40500");
    expect(browser.part("map").href).toBe("https://www.openstreetmap.org/?mlat=52.52&mlon=13.405#map=16/52.52/13.405");
    expect([browser.part("fix").hidden, browser.part("waiting").hidden]).toEqual([false, true]);
    expect(browser.part("age").textContent).toBe("5 s ago");
    expect(browser.part("left").textContent).toBe("in 1 h 30 min,");
    vi.advanceTimersByTime(MINUTE_MS);
    expect(browser.part("age").textContent).toBe("1 min ago");
    expect(browser.part("left").textContent).toBe("in 1 h 29 min,");
  });

  test("ignores what it does not know", async () => {
    const browser = await browse();
    browser.socket().opens();
    for (const frame of ["pong", "", { type: "news", lat: 1, lng: 1 }]) browser.socket().brings(frame);
    expect(browser.part("place").textContent).toBe("");
    browser.socket().brings({ ...FRAME, color: "red" });
    expect(browser.part("place").textContent).not.toBe("");
  });

  const expectOver = (browser: Browser): void => {
    expect(shown(browser)).toBe("This share has ended.");
    expect(browser.part("live").isThere).toBe(false);
    const before = Socket.all.length;
    vi.advanceTimersByTime(100 * MINUTE_MS);
    expect([Socket.all.length, vi.getTimerCount()]).toEqual([before, 0]);
  };

  test("ends with 4404, leaves no place on the screen and connects no more", async () => {
    const browser = await browse();
    browser.socket().opens();
    browser.socket().brings(FRAME);
    browser.socket().closes(4404);
    expect(shown(browser)).toBe("This share has ended.");
    expectOver(browser);
  });

  test("ends at its time, also without a connection", async () => {
    const browser = await browse(MINUTE_MS);
    vi.advanceTimersByTime(MINUTE_MS - 1_000);
    expect(shown(browser)).not.toBe("This share has ended.");
    vi.advanceTimersByTime(1_000);
    expect(browser.socket().isClosed).toBe(true);
    expectOver(browser);
  });

  test("ends when the page is gone that it came from", async () => {
    const browser = await browse();
    browser.pageStatus = 404;
    browser.socket().closes(1006);
    expect(shown(browser)).toBe("No connection. Trying again…");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(browser.pages).toEqual(["HEAD /s/CODE"]);
    expectOver(browser);
  });

  test("connects again within a second, then ever more slowly, at most every 30 s", async () => {
    const browser = await browse();
    browser.socket().opens();
    browser.socket().brings(FRAME);
    browser.pageStatus = null;
    browser.socket().closes(1006);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(browser.pages).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(10 * MINUTE_MS);
    expect(browser.pages.length).toBeGreaterThan(10 * 2);
    expect(browser.pages.length).toBeLessThan(10 * 4 + 10);
    browser.pageStatus = 503;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(Socket.all).toHaveLength(2);
    browser.socket().opens();
    expect(shown(browser)).toBe("Live");
    // What was shown before stays while there is no connection: its age says how old it is.
    expect(browser.part("place").textContent).toBe("52.52000, 13.40500");
    browser.socket().brings(FRAME);
    browser.socket().closes(1012);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(Socket.all).toHaveLength(3);
  });

  test("asks for a sign of life, and leaves a connection that gives none", async () => {
    const browser = await browse();
    const { sent } = browser.socket();
    browser.socket().opens();
    expect(sent).toEqual(["ping"]);
    for (let n = 0; n < 10; n += 1) {
      vi.advanceTimersByTime(30_000);
      browser.socket().brings("pong");
    }
    expect(sent).toHaveLength(11);
    expect([shown(browser), Socket.all.length]).toEqual(["Live", 1]);
    vi.advanceTimersByTime(2 * MINUTE_MS);
    expect(Socket.all[0]?.isClosed).toBe(true);
    expect(shown(browser)).toBe("No connection. Trying again…");
  });
});
