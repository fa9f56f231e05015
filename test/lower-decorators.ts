import { transform } from "esbuild";
import type { Plugin } from "vite";

/**
 * Lowers decorators as a deploy does: with wrangler's esbuild, at its target. Vite's own transformer leaves them as they
 * are, and no runtime knows them.
 */
export const lowerDecorators: Plugin = {
  name: "lower-decorators",
  enforce: "pre",
  async transform(code, id) {
    const [path = ""] = id.split("?");
    if (!path.endsWith(".ts") || path.includes("/node_modules/") || !/^ *@traced\b/m.test(code)) return null;
    const lowered = await transform(code, { loader: "ts", target: "es2024", sourcemap: true, sourcefile: path });
    return { code: lowered.code, map: lowered.map };
  },
};
