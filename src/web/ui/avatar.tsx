import { useState } from "preact/hooks";

import { colourOf, initialsOf } from "../map/colours.ts";

export interface AvatarProps {
  readonly id: string;
  readonly name: string;
  readonly avatar?: string | undefined;
  readonly isSmall?: boolean;
}

/** Somebody's picture, or initials where there is none or it cannot be loaded. */
export function Avatar({ id, name, avatar, isSmall = false }: AvatarProps) {
  const [failed, setFailed] = useState<string>();
  return (
    <span class={isSmall ? "avatar small" : "avatar"} style={{ backgroundColor: colourOf(id) }} aria-hidden="true">
      {avatar === undefined || avatar === failed ? (
        initialsOf(name)
      ) : (
        <img src={avatar} alt="" loading="lazy" referrerpolicy="no-referrer" onError={() => setFailed(avatar)} />
      )}
    </span>
  );
}
