import { describe, expect, test } from "vitest";
import { CANARIES, type CanaryName } from "../sim/canaries.ts";
import type { Plan } from "../sim/generate.ts";
import { firstFailure } from "../sim/seeds.ts";

/** The rarest failure (a timeout that forgets nothing) shows in about one run of fifty. */
const SEEDS_MAX = 200;
const RUN_TIMEOUT_MS = 120_000;

function* plans(options: Pick<Plan, "tempo" | "roughness">): Generator<Plan> {
  for (let seed = 1; seed <= SEEDS_MAX; seed++) yield { seed, people: 12, steps: 90, faults: true, ...options };
}

/** Where each shows soonest, and what it breaks. */
const WHERE: Record<CanaryName, { tempo: Plan["tempo"]; roughness: number; rules: string[] }> = {
  "wrong slack": { tempo: "calm", roughness: 1, rules: ["silent-inside"] },
  "without rev": { tempo: "rush", roughness: 2, rules: ["silent-inside", "shows-away", "wrong-view", "old-view"] },
  "without pair": { tempo: "rush", roughness: 2, rules: ["silent-inside", "wrong-view", "old-view"] },
  "without look again": { tempo: "rush", roughness: 1, rules: ["old-view", "wrong-view"] },
  "without forgetting at a timeout": { tempo: "calm", roughness: 3, rules: ["silent-inside"] },
  "without a word that less may be known": { tempo: "calm", roughness: 1, rules: ["shows-withdrawn"] },
  "without visibility": { tempo: "calm", roughness: 1, rules: ["told-hidden", "told-finer"] },
  "restored from an old copy": { tempo: "calm", roughness: 1, rules: ["silent-inside", "shows-dropped", "wrong-view"] },
};

describe("cores that must fail", () => {
  for (const [name, build] of Object.entries(CANARIES)) {
    test(name, { timeout: RUN_TIMEOUT_MS }, () => {
      const { rules, ...options } = WHERE[name as CanaryName];
      expect(rules).toContain(firstFailure(plans(options), build)?.rule);
    });
  }
});
