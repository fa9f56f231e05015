/** What the bill of a classic design is made from, by the command line of `npm run cost`. */
import { type ClassicInputs, type Input, INPUTS } from "./classic-inputs.ts";
import { readNumber, type Values } from "./command-line.ts";

/** A fleet that does less is one that nobody switched off; and nothing is divided by zero. */
export const UTILISATION_MIN = 0.0001;
/** USD per GB: far above any list. */
const EGRESS_USD_MAX = 1_000;

export function readClassicInputs(values: Values): ClassicInputs {
  const read = (name: keyof typeof INPUTS): number => {
    const input: Input = INPUTS[name];
    return readNumber(`--${input.option}`, values[INPUTS[name].option], input);
  };
  const egress = values["egress-usd"];
  return {
    serverUsd: read("serverUsd"),
    serverCores: read("serverCores"),
    coreDeliveries: read("coreDeliveries"),
    serverConnections: read("serverConnections"),
    redisUsd: read("redisUsd"),
    redisPushes: read("redisPushes"),
    redisGb: read("redisGb"),
    subscriptionBytes: read("subscriptionBytes"),
    nodeUsd: read("nodeUsd"),
    nodeWrites: read("nodeWrites"),
    nodeGb: read("nodeGb"),
    pointBytes: read("pointBytes"),
    etcdUsd: read("etcdUsd"),
    balancerUsd: read("balancerUsd"),
    balancerUnitUsd: read("balancerUnitUsd"),
    zoneUsd: read("zoneUsd"),
    egressUsd: egress === undefined ? null : readNumber("--egress-usd", egress, { fallback: 0, max: EGRESS_USD_MAX }),
    utilisation: readNumber("--utilisation", values.utilisation, { fallback: 1, min: UTILISATION_MIN, max: 1 }),
  };
}
