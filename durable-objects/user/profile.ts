import type { Caller } from "../../src/auth/caller.ts";
import type { Profile, ProfilePatch } from "../../src/protocol/resources.ts";
import type { Card } from "./words.ts";
import type { Sql } from "./sql.ts";

type Stored = {
  name: string | null;
  avatar: string | null;
  token_name: string | null;
  token_avatar: string | null;
  sharing: number;
};

const EMPTY: Stored = { name: null, avatar: null, token_name: null, token_avatar: null, sharing: 1 };

/** Who the user is to others: what was chosen here, else what the host app's token says. Read once, kept in memory. */
export class ProfileStore {
  readonly #sql: Sql;
  #stored: Stored | undefined;
  #card: Card | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  get sharing(): boolean {
    return this.#read().sharing === 1;
  }

  /** The same object until it changes. */
  get card(): Card {
    const { name, avatar, token_name, token_avatar } = this.#read();
    this.#card ??= cardOf(name ?? token_name, avatar ?? token_avatar);
    return this.#card;
  }

  view(user: string): Profile {
    return { user, ...this.card, sharing: this.sharing };
  }

  /** What the newest token says. Writes only when it differs. */
  introduce({ name, picture }: Caller): void {
    const token_name = name ?? null;
    const token_avatar = picture ?? null;
    const stored = this.#read();
    if (stored.token_name === token_name && stored.token_avatar === token_avatar) return;
    this.#write({ ...stored, token_name, token_avatar });
  }

  patch({ name, avatar, sharing }: ProfilePatch): void {
    const stored = this.#read();
    this.#write({
      ...stored,
      name: name === undefined ? stored.name : name,
      avatar: avatar === undefined ? stored.avatar : avatar,
      sharing: sharing === undefined ? stored.sharing : +(sharing ?? true),
    });
  }

  #read(): Stored {
    if (this.#stored !== undefined) return this.#stored;
    const [row] = this.#sql.all<Stored>("SELECT name, avatar, token_name, token_avatar, sharing FROM profile");
    this.#stored = row ?? EMPTY;
    return this.#stored;
  }

  #write(stored: Stored): void {
    const { name, avatar, token_name, token_avatar, sharing } = stored;
    this.#sql.all(
      "INSERT OR REPLACE INTO profile (one, name, avatar, token_name, token_avatar, sharing) VALUES (1, ?, ?, ?, ?, ?)",
      ...[name, avatar, token_name, token_avatar, sharing],
    );
    this.#stored = stored;
    this.#card = undefined;
  }
}

export function cardOf(name: string | null, avatar: string | null): Card {
  return { ...(name === null ? {} : { name }), ...(avatar === null ? {} : { avatar }) };
}
