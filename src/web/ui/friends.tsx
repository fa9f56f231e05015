import { useComputed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { say } from "../lang/words.ts";
import type { FriendEntry } from "../state/api.ts";
import {
  ask,
  blocked,
  end,
  friends,
  incoming,
  isLoaded,
  loadBlocked,
  nameOf,
  nearIds,
  outgoing,
  selected,
  unblock,
} from "../state/friends.ts";
import { attempt } from "../state/notices.ts";
import { PERSON_PX, Person } from "./person.tsx";
import { Rows } from "./rows.tsx";

/** The search appears when a list no longer fits a screen. */
const FILTER_FROM = 12;

export function Friends() {
  return (
    <>
      <Requests />
      <AddFriend />
      <All />
      <Blocked />
    </>
  );
}

function Requests() {
  if (incoming.value.length + outgoing.value.length === 0) return null;
  return (
    <section>
      <h2>{say("requests")}</h2>
      <ul class="plain">
        {incoming.value.map((entry) => (
          <li key={entry.id}>
            <Person
              person={entry}
              note={say("incoming")}
              end={
                <>
                  <button type="button" class="button main small" onClick={() => void ask(entry.id)}>
                    {say("accept")}
                  </button>
                  <button type="button" class="button small" onClick={() => void end(entry.id)}>
                    {say("decline")}
                  </button>
                </>
              }
            />
          </li>
        ))}
        {outgoing.value.map((entry) => (
          <li key={entry.id}>
            <Person
              person={entry}
              note={say("outgoing")}
              end={
                <button type="button" class="button small" onClick={() => void end(entry.id)}>
                  {say("withdraw")}
                </button>
              }
            />
          </li>
        ))}
      </ul>
    </section>
  );
}

function AddFriend() {
  const id = useSignal("");
  return (
    <form
      class="inline-form"
      onSubmit={(event) => {
        event.preventDefault();
        const asked = id.value.trim();
        if (asked !== "") void ask(asked).then((isDone) => isDone && (id.value = ""));
      }}
    >
      <label>
        {say("addFriend")}
        <input
          type="text"
          value={id}
          placeholder={say("addFriendId")}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          maxLength={64}
          onInput={(event) => (id.value = event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="button main">
        {say("ask")}
      </button>
      <p class="hint">{say("addFriendHint")}</p>
    </form>
  );
}

function All() {
  const filter = useSignal("");
  const shown = useComputed(() => {
    const wanted = filter.value.trim().toLocaleLowerCase();
    if (wanted === "") return friends.value;
    return friends.value.filter((entry) => `${nameOf(entry)} ${entry.id}`.toLocaleLowerCase().includes(wanted));
  });
  if (!isLoaded.value) return null;
  if (friends.value.length === 0) return <p class="empty">{say("friendsNone")}</p>;
  return (
    <section>
      <h2>
        {say("allFriends")} <span class="soft">{friends.value.length}</span>
      </h2>
      {friends.value.length < FILTER_FROM ? null : (
        <input
          type="search"
          class="filter"
          aria-label={say("filter")}
          placeholder={say("filter")}
          value={filter}
          onInput={(event) => (filter.value = event.currentTarget.value)}
        />
      )}
      {shown.value.length === 0 ? <p class="empty">{say("filterNone")}</p> : null}
      <Rows
        items={shown.value}
        heightPx={PERSON_PX}
        label={say("allFriends")}
        keyOf={({ id }) => id}
        row={(entry) => (
          <Person person={entry} note={<Marks entry={entry} />} onOpen={() => (selected.value = entry.id)} />
        )}
      />
    </section>
  );
}

function Marks({ entry }: { readonly entry: FriendEntry }) {
  const marks = [
    nearIds.value.has(entry.id) ? say("isNear") : undefined,
    entry.visibility === "coarse" ? say("isCoarse") : undefined,
    entry.visibility === "hidden" ? say("isHidden") : undefined,
    entry.muted ? say("isMuted") : undefined,
  ].filter((mark) => mark !== undefined);
  return <>{marks.length === 0 ? entry.id : marks.join(" · ")}</>;
}

function Blocked() {
  useEffect(() => void attempt(loadBlocked), []);
  return (
    <details class="more">
      <summary>
        {say("blocks")} <span class="soft">{blocked.value.length}</span>
      </summary>
      {blocked.value.length === 0 ? <p class="hint">{say("blocksNone")}</p> : null}
      <ul class="plain">
        {blocked.value.map((id) => (
          <li key={id}>
            <Person
              person={{ id }}
              end={
                <button type="button" class="button small" onClick={() => void unblock(id)}>
                  {say("unblock")}
                </button>
              }
            />
          </li>
        ))}
      </ul>
    </details>
  );
}
