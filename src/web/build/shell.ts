/** Additions to the built app (and not to the console): the map's parts are asked for with the first, and a service worker keeps all of them. */
import { createHash } from "node:crypto";
import type { HtmlTagDescriptor, Plugin } from "vite";

/** Files of src/web/public that the page shows. */
const PUBLIC_FILES = ["/icon.svg", "/manifest.webmanifest"];
const APP_PAGE = "/index.html";
/** What only the operations console loads: on the phone of a user it would be kept for nobody. */
const CONSOLE_ONLY = /^assets\/admin-/;

export function shell(): Plugin[] {
  return [preloadMap(), serviceWorker()];
}

/** Else a browser learns of the library only after it has read the page's own code. */
function preloadMap(): Plugin {
  return {
    name: "preload-map",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler: (_html, { bundle = {}, path }) =>
        (path === APP_PAGE ? Object.keys(bundle) : [])
          .filter((name) => /^assets\/(?:maplibre|start)-.*\.js$/.test(name))
          .map((name): HtmlTagDescriptor => ({
            tag: "link",
            attrs: { rel: "modulepreload", crossorigin: true, href: `/${name}` },
            injectTo: "head",
          })),
    },
  };
}

/** Keeps the shell of the app, and nothing that is somebody's data. */
function serviceWorker(): Plugin {
  return {
    name: "service-worker",
    apply: "build",
    generateBundle(_options, bundle) {
      const built = Object.keys(bundle).filter(
        (name) => name.startsWith("assets/") && !name.endsWith(".map") && !CONSOLE_ONLY.test(name),
      );
      const files = ["/", ...PUBLIC_FILES, ...built.map((name) => `/${name}`).toSorted()];
      // Built files have a hash in their names, so their list is another with every change of one of them.
      const version = createHash("sha256").update(files.join("\n")).digest("hex").slice(0, 12);
      this.emitFile({ type: "asset", fileName: "sw.js", source: source(version, files) });
    },
  };
}

/** The page comes from the network where there is one; what has a hash in its name never changes. */
function source(version: string, files: readonly string[]): string {
  return `const CACHE = ${JSON.stringify(`shell-${version}`)};
const FILES = ${JSON.stringify(files)};
const KEPT = new Set(FILES);
addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)).then(() => skipWaiting()));
});
addEventListener("activate", (event) => {
  const others = caches.keys().then((names) => names.filter((name) => name.startsWith("shell-") && name !== CACHE));
  event.waitUntil(others.then((names) => Promise.all(names.map((name) => caches.delete(name)))).then(() => clients.claim()));
});
addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin || !KEPT.has(url.pathname)) return;
  const kept = () => caches.match(url.pathname, { cacheName: CACHE });
  if (url.pathname.startsWith("/assets/")) event.respondWith(kept().then((found) => found ?? fetch(request)));
  else event.respondWith(fetch(request).catch(() => kept().then((found) => found ?? Response.error())));
});
`;
}
