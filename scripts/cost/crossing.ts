/** Where the bill of this design and that of servers cross. */
import { billOf, totalOf } from "./bill.ts";
import { classicOf } from "./classic.ts";
import type { ClassicInputs } from "./classic-inputs.ts";
import { UTILISATION_MIN } from "./classic-options.ts";
import { usageOf } from "./usage.ts";
import type { Workload } from "./workload.ts";

export interface Crossing {
  /** Most people connected at once with whom this design costs no more, everything else as it is; null: it never does more. */
  readonly online: number | null;
  /** The share of their capacity that servers have to be used for to be no dearer; null: they are dearer at any. */
  readonly utilisation: number | null;
}

/** As many people as there are. */
const ONLINE_MAX = 10_000_000_000;
/** Halvings of the range: more than enough for the digits that are printed. */
const HALVINGS = 40;

export function crossingOf(workload: Workload, inputs: ClassicInputs, serverDeliveriesPerS: number): Crossing {
  return {
    online: crossingOnline(workload, inputs, serverDeliveriesPerS),
    utilisation: crossingUtilisation(workload, inputs, serverDeliveriesPerS),
  };
}

function ownUsd(workload: Workload): number {
  return totalOf(billOf(usageOf(workload, workload.mode === "naive" ? "naive" : "this")));
}

/** The bill grows with the people from nothing, that of servers from a floor and more slowly: they cross once, but for a machine's price. */
function crossingOnline(workload: Workload, inputs: ClassicInputs, serverDeliveriesPerS: number): number | null {
  const isDearer = (online: number): boolean => {
    const other = scaledTo(workload, online);
    return ownUsd(other) > classicOf(other, inputs, serverDeliveriesPerS).totalUsd;
  };
  if (isDearer(1)) return 0;
  let below = 1;
  while (!isDearer(below * 2)) {
    below *= 2;
    if (below > ONLINE_MAX) return null;
  }
  let above = below * 2;
  while (above - below > 1) {
    const middle = Math.floor((below + above) / 2);
    if (isDearer(middle)) above = middle;
    else below = middle;
  }
  return below;
}

/** So many connected, and as many accounts for each of them as before. */
export function scaledTo(workload: Workload, online: number): Workload {
  return { ...workload, online, users: Math.round((online * workload.users) / workload.online) };
}

function crossingUtilisation(workload: Workload, inputs: ClassicInputs, serverDeliveriesPerS: number): number | null {
  const own = ownUsd(workload);
  const isDearerAt = (utilisation: number): boolean =>
    classicOf(workload, { ...inputs, utilisation }, serverDeliveriesPerS).totalUsd > own;
  if (isDearerAt(1)) return null;
  if (!isDearerAt(UTILISATION_MIN)) return UTILISATION_MIN;
  let dearer = UTILISATION_MIN;
  let cheaper = 1;
  for (let step = 0; step < HALVINGS; step++) {
    const middle = (dearer + cheaper) / 2;
    if (isDearerAt(middle)) dearer = middle;
    else cheaper = middle;
  }
  return cheaper;
}
