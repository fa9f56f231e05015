import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";

import { shell } from "./src/web/build/shell.ts";

/** The web app: `npm run build` puts it into dist/web, where the platform serves it from. */
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
