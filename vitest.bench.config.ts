import { defineConfig } from "vitest/config";

/** Benchmarks of pure code: they print figures and fail nothing (test/unit/nearby-speed.test.ts has the bound). */
export default defineConfig({
  test: { name: "bench", environment: "node", benchmark: { include: ["test/bench/nearby.bench.ts"] } },
});
