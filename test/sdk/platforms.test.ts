/** The SDK on platforms that are neither Node nor a browser: one bundle, a connection, a position, the end. */
import { join } from "node:path";
import vm from "node:vm";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { build } from "vite";
import { beforeAll, expect, inject, test } from "vitest";
import { signToken } from "../blackbox/helpers.ts";

const TIMEOUT_MS = 30_000;

/** What each platform runs: the states up to the first snapshot, and what is left unsaved. */
const VISIT = `async function visit(createNearbyClient, url, token) {
  const states = [];
  const client = createNearbyClient({ url, token: () => Promise.resolve(token) });
  client.on("status", ({ state }) => states.push(state));
  const nearby = new Promise((resolve) => client.on("nearby", resolve));
  client.send({ lat: 37.7749, lng: -122.4194 });
  const { friends } = await nearby;
  const { unsaved } = client;
  client.close();
  return JSON.stringify({ states, friends, unsaved });
}`;

const EXPECTED = { states: ["online", "closed"], friends: [], unsaved: 1 };

let bundle = "";

beforeAll(async () => {
  const built = await build({
    configFile: false,
    logLevel: "silent",
    build: {
      write: false,
      minify: false,
      lib: { entry: join(import.meta.dirname, "../../src/client/index.ts"), formats: ["iife"], name: "sdk" },
    },
  });
  const [output] = Array.isArray(built) ? built : [built];
  if (output === undefined || !("output" in output)) throw new Error("nothing was built");
  bundle = output.output[0].code;
});

test(
  "where there is little: no DOM, no URL with setters, no atob, as in React Native",
  { timeout: TIMEOUT_MS },
  async () => {
    const { url } = inject("nearby");
    const token = await signToken(inject("nearby"), "bare.platforms");
    const globals = { setTimeout, clearTimeout, queueMicrotask, WebSocket, fetch, AbortController };
    const context = vm.createContext({ ...globals, url, token });
    const answer: unknown = await vm.runInContext(
      `${bundle}; ${VISIT}; visit(sdk.createNearbyClient, url, token)`,
      context,
    );
    expect(JSON.parse(String(answer))).toEqual(EXPECTED);
  },
);

test("in a Worker", { timeout: TIMEOUT_MS }, async () => {
  const { url } = inject("nearby");
  const token = await signToken(inject("nearby"), "worker.platforms");
  const contents = `${bundle}; ${VISIT};
    export default {
      fetch: async (_, { URL, TOKEN }) => new Response(await visit(sdk.createNearbyClient, URL, TOKEN)),
    };`;
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      telemetry: { enabled: false },
      log: new Log(LogLevel.ERROR),
      workers: [
        {
          name: "visitor",
          compatibilityDate: "2026-01-01",
          modulesRoot: "/",
          modules: [{ type: "ESModule", path: "/worker.js", contents }],
          bindings: { URL: url, TOKEN: token },
        },
      ],
    }),
  );
  try {
    const answer = await miniflare.dispatchFetch("http://worker.invalid/");
    expect(JSON.parse(await answer.text())).toEqual(EXPECTED);
  } finally {
    await miniflare.dispose();
  }
});
