/** Who is calling, as a verified token says. Plain data: it travels to the user's object. */
export interface Caller {
  /** A user id (`isUserId`). */
  readonly user: string;
  /** When the token ends, ms since the epoch; the socket is closed with 4401 then. */
  readonly expMs: number;
  readonly role?: "admin";
  /** What the host app calls the user: 1 to `NAME_MAX_CHARS` characters, trimmed, printable. */
  readonly name?: string;
  /** https URL of at most `AVATAR_MAX_CHARS` characters. */
  readonly picture?: string;
}
