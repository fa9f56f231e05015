/** All benches. The workloads come first, and of them the one that is meant when none is named. */
import { activation } from "./activation/entry.ts";
import { crowd, idle, slope } from "./crowd/entry.ts";
import type { Bench } from "./entry.ts";
import { history } from "./history/entry.ts";
import { models } from "./models/entry.ts";
import { ownTracks } from "./owntracks/entry.ts";
import { resize } from "./resize/entry.ts";
import { standard } from "./standard/entry.ts";
import { storm } from "./storm/entry.ts";
import { strangers } from "./strangers/entry.ts";
import { taxis } from "./taxis/entry.ts";
import { tracing } from "./tracing/entry.ts";

export const BENCHES: readonly Bench[] = [
  standard,
  taxis,
  storm,
  resize,
  crowd,
  idle,
  slope,
  history,
  ownTracks,
  activation,
  strangers,
  tracing,
  models,
];
