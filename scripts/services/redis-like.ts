export type Reply = string | number | null | Reply[];

/** What stands behind a bridge. Rejects with an `Error` for a command that fails. */
export interface RedisLike {
  command(args: readonly string[]): Promise<Reply>;
  /** All or nothing, and nobody in between. */
  transaction(commands: readonly (readonly string[])[]): Promise<Reply[]>;
}
