import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";

import { shell } from "./src/web/build/shell.ts";

/** The web app and the operations console: `npm run build` puts them into dist/web, where the platform serves them from. */
export default defineConfig({
  root: fileURLToPath(new URL("src/web", import.meta.url)),
  plugins: [shell()],
  build: {
    outDir: fileURLToPath(new URL("dist/web", import.meta.url)),
    emptyOutDir: true,
    target: "es2022",
    // A file that is inlined as a data: address would need a wider Content-Security-Policy.
    assetsInlineLimit: 0,
    // Own code and the map's are measured apart (scripts/serve/page-sizes.ts), and the library's changes more rarely.
    rolldownOptions: {
      // Two pages: /admin comes from admin.html, and what only it loads is named admin-* (src/web/build/shell.ts).
      input: { index: page("index.html"), admin: page("admin.html") },
      output: {
        assetFileNames: "assets/[name]-[hash][extname]",
        chunkFileNames: "assets/[name]-[hash].js",
        entryFileNames: "assets/[name]-[hash].js",
        codeSplitting: { groups: [{ name: "maplibre", test: /node_modules\/maplibre-gl\// }] },
      },
    },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1_200,
  },
});

function page(name: string): string {
  return fileURLToPath(new URL(`src/web/${name}`, import.meta.url));
}
