/** What `npm run fanout -- --json` measured, as the workload of a bill. */
import { readFileSync } from "node:fs";
import * as v from "valibot";

import { MODES } from "./workload.ts";

const perUpdate = v.pipe(v.number(), v.finite(), v.minValue(0));

const FANOUT = v.object({
  mode: v.picklist(MODES),
  friendsPerPerson: perUpdate,
  activePerUpdate: perUpdate,
  nearbyPerUpdate: perUpdate,
  meetingsPerUpdate: perUpdate,
  activationCallsPerUpdate: perUpdate,
});

export type FanoutDocument = v.InferOutput<typeof FANOUT>;

/** The file is no such document; the message says where. */
export class FanoutFileError extends Error {
  override readonly name = "FanoutFileError";
}

/** @throws FanoutFileError when the file cannot be read, is not JSON, or lacks a figure */
export function readFanoutFile(path: string): FanoutDocument {
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    const reason = error instanceof SyntaxError ? "is not JSON" : "cannot be read";
    throw new FanoutFileError(`${path}: ${reason}`, { cause: error });
  }
  const parsed = v.safeParse(FANOUT, document);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const field = v.getDotPath(issue);
    throw new FanoutFileError(`${path}: ${field === null ? "" : `${field}: `}${issue.message}`);
  }
  if (parsed.output.nearbyPerUpdate > parsed.output.activePerUpdate) {
    throw new FanoutFileError(`${path}: nearbyPerUpdate is above activePerUpdate`);
  }
  return parsed.output;
}
