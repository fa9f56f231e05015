import type { UserReport } from "../../src/observe/report.ts";

export const NOW = Date.UTC(2026, 5, 1);

/** What a user's object tells the monitor. */
export function reportOf(user: string, more: Partial<UserReport> = {}): UserReport {
  return {
    user,
    at: NOW,
    until: NOW + 600_000,
    active: true,
    sharing: true,
    cell: "u281",
    connections: 1,
    contacts: { near: 1, far: 2, unknown: 0 },
    waiting: 0,
    oldestAt: null,
    counts: {},
    ...more,
  };
}
