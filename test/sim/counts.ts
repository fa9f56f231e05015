/** What really happened in a run: a fault that is planned and never strikes tests nothing. */
export function noCounts() {
  return {
    updates: 0,
    calls: 0,
    words: 0,
    lostCalls: 0,
    lostAnswers: 0,
    repeatedCalls: 0,
    slowCalls: 0,
    reorderedCalls: 0,
    timeouts: 0,
    ignoredAnswers: 0,
    brokenCalls: 0,
    evictions: 0,
    resets: 0,
    resetsInMidCall: 0,
    clocksSetBack: 0,
    fromAttachment: 0,
    fromRow: 0,
    unsure: 0,
    socketsLost: 0,
    socketsBack: 0,
    lateAlarms: 0,
    inactive: 0,
    wakes: 0,
    pauses: 0,
    resumes: 0,
    unfriended: 0,
    befriended: 0,
    mutes: 0,
    coarsened: 0,
    hidden: 0,
    revealed: 0,
    blocked: 0,
    unblocked: 0,
    oldPositions: 0,
  };
}

export type Counts = ReturnType<typeof noCounts>;
export type CountName = keyof Counts;

export function addCounts(sum: Counts, more: Counts): void {
  for (const name of Object.keys(more) as CountName[]) sum[name] += more[name];
}
