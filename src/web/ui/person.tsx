/** One person in a list: picture, name, a line about them, and what can be done. */
import type { ComponentChildren } from "preact";

import { nameOf } from "../state/friends.ts";
import { Avatar } from "./avatar.tsx";

/** Of every row: lists of any length are measured by it. */
export const PERSON_PX = 60;

export interface PersonProps {
  readonly person: { readonly id: string; readonly name?: string; readonly avatar?: string };
  readonly note?: ComponentChildren;
  readonly end?: ComponentChildren;
  /** Makes the row a button. */
  readonly onOpen?: () => void;
  readonly isSelected?: boolean;
}

export function Person({ person, note, end, onOpen, isSelected = false }: PersonProps) {
  const name = nameOf(person);
  const inside = (
    <>
      <Avatar id={person.id} name={name} avatar={person.avatar} />
      <span class="person-text">
        <bdi class="person-name">{name}</bdi>
        {note === undefined ? null : <span class="person-note">{note}</span>}
      </span>
    </>
  );
  return (
    <div class={isSelected ? "person selected" : "person"}>
      {onOpen === undefined ? (
        <div class="person-main">{inside}</div>
      ) : (
        <button type="button" class="person-main" onClick={onOpen} aria-pressed={isSelected}>
          {inside}
        </button>
      )}
      {end === undefined ? null : <div class="person-end">{end}</div>}
    </div>
  );
}
