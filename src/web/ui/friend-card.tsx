import { useId } from "preact/hooks";

import { say, sayAge, sayDistance } from "../lang/words.ts";
import type { Visibility } from "../state/api.ts";
import { tickMs } from "../state/clock.ts";
import { block, end, entryOf, nameOf, selected, setMuted, setVisibility } from "../state/friends.ts";
import { ageMs, near, type Friend } from "../state/live.ts";
import { Avatar } from "./avatar.tsx";
import { confirm } from "./dialog.tsx";
import { mapHandle } from "./ground.tsx";
import { BackIcon, PinIcon } from "./icons.tsx";

/** Everything about one friend. */
export function FriendCard({ id }: { readonly id: string }) {
  const entry = entryOf(id);
  const friend = near.value.find((one) => one.id === id);
  const person = { ...entry, ...friend, id };
  const name = nameOf(person);
  return (
    <section class="card" aria-label={say("detailOf", { name })}>
      <div class="card-head">
        <button
          type="button"
          class="icon-button"
          aria-label={say("close")}
          onClick={() => (selected.value = undefined)}
        >
          <BackIcon />
        </button>
        <Avatar id={id} name={name} avatar={person.avatar} />
        <div class="person-text">
          <h2 class="person-name">
            <bdi>{name}</bdi>
          </h2>
          <span class="person-note">{friend === undefined ? id : <Where friend={friend} />}</span>
        </div>
      </div>
      {friend === undefined ? null : (
        <button type="button" class="button wide" onClick={() => mapHandle.peek()?.showFriend(id)}>
          <PinIcon />
          {say("showOnMap")}
        </button>
      )}
      {entry?.state === "friend" ? (
        <Settings id={id} name={name} visibility={entry.visibility} muted={entry.muted} />
      ) : null}
    </section>
  );
}

function Where({ friend }: { readonly friend: Friend }) {
  const isFresh = tickMs.value >= 0;
  const distance = sayDistance(friend.distance);
  const where = friend.precision === "coarse" ? say("coarse", { distance }) : distance;
  return <>{isFresh ? `${where} · ${sayAge(ageMs(friend))}` : where}</>;
}

interface SettingsProps {
  readonly id: string;
  readonly name: string;
  readonly visibility: Visibility;
  readonly muted: boolean;
}

const CHOICES = [
  ["exact", "exact"],
  ["coarse", "coarseChoice"],
  ["hidden", "hidden"],
] as const;

function Settings({ id, name, visibility, muted }: SettingsProps) {
  const group = useId();
  return (
    <>
      <fieldset class="segments">
        <legend>{say("seesYou", { name })}</legend>
        {CHOICES.map(([value, word]) => (
          <label key={value}>
            <input
              type="radio"
              name={group}
              checked={visibility === value}
              onChange={() => void setVisibility(id, value)}
            />
            <span>{say(word)}</span>
          </label>
        ))}
      </fieldset>
      {visibility === "hidden" ? <p class="hint">{say("hiddenHint")}</p> : null}
      <label class="check">
        <input type="checkbox" checked={muted} onChange={() => void setMuted(id, !muted)} />
        <span>
          {say("mute")}
          <span class="hint">{say("muteHint")}</span>
        </span>
      </label>
      <div class="actions">
        <button
          type="button"
          class="button"
          onClick={() =>
            void confirm({ text: say("unfriendAsk", { name }), yes: say("unfriend") }).then((is) => is && end(id))
          }
        >
          {say("unfriend")}
        </button>
        <button
          type="button"
          class="button danger-text"
          onClick={() =>
            void confirm({ text: say("blockAsk", { name }), yes: say("block") }).then((is) => is && block(id))
          }
        >
          {say("block")}
        </button>
      </div>
    </>
  );
}
