/**
 * What an object was billed for since it woke, counted where it happens. Prices are in scripts/cost; the counters are
 * plain numbers because they stand on the path of every position.
 */
export interface Meter {
  /** Frames that clients sent; `ping` is answered by the runtime and costs nothing. */
  messagesIn: number;
  /** Calls to other objects. */
  callsOut: number;
  /** Rows read and written, index entries included, as the cursors report them. */
  rowsRead: number;
  rowsWritten: number;
  /** Each is billed as a row, too. */
  alarmsSet: number;
  /** Messages that a queue has taken, of at most 64 KB each. */
  queueMessages: number;
  /** Commands to the index of active friends. */
  redisCommands: number;
  /** Attachments cost nothing, but they have a limit: bytes of the one that was written last. */
  attachmentWrites: number;
  attachmentBytes: number;
  /** Calls to the monitor, apart from those that a position causes: a request each. */
  monitorCalls: number;
  /** Not billed: what phone apps sent and nobody can use. They are told nothing of it, or they would send it for ever. */
  invalidReports: number;
}

export function newMeter(): Meter {
  return {
    messagesIn: 0,
    callsOut: 0,
    rowsRead: 0,
    rowsWritten: 0,
    alarmsSet: 0,
    queueMessages: 0,
    redisCommands: 0,
    attachmentWrites: 0,
    attachmentBytes: 0,
    monitorCalls: 0,
    invalidReports: 0,
  };
}
