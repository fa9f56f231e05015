/** The servers of a workload, all running before the first round. */
import { openSync } from "node:fs";
import type { SettingsEnv } from "../serve/settings.ts";
import type { TargetName } from "./entry.ts";
import { logFile } from "./record.ts";
import { openClassic } from "./classic-target.ts";
import { openFloor, openReal, type Target, type TargetOptions } from "./targets.ts";

export interface LineupOptions extends TargetOptions {
  /** Of ours, and of the classic one. */
  readonly settings?: SettingsEnv;
  /** Of ours: see BackendOptions. */
  readonly entry?: string;
}

/** Opens them one after the other into `targets`, whose owner closes what is in it, also when one of them fails. */
export async function openTargets(
  targets: Target[],
  names: readonly TargetName[],
  options: LineupOptions,
): Promise<void> {
  for (const name of names) targets.push(await openTarget(name, options));
}

export async function closeTargets(targets: readonly Target[]): Promise<void> {
  await Promise.all(targets.map((target) => target.close()));
}

export async function openTarget(name: TargetName, options: LineupOptions): Promise<Target> {
  switch (name) {
    case "ours":
      return openReal({ ...options, logFd: openSync(logFile(options.label ?? name), "w") });
    case "floor":
      return openFloor(options);
    case "classic":
      return openClassic(options);
  }
}
