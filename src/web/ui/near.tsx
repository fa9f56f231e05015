import { say, sayAge, sayCount, sayDistance } from "../lang/words.ts";
import { tickMs } from "../state/clock.ts";
import { selected } from "../state/friends.ts";
import { ageMs, hasLooked, near, radiusM, strangers, type Friend } from "../state/live.ts";
import { profile, resume } from "../state/me.ts";
import { ownPlace, placeProblem, source } from "../state/place.ts";
import { mapHandle } from "./ground.tsx";
import { AreaIcon } from "./icons.tsx";
import { PERSON_PX, Person } from "./person.tsx";
import { PlaceChoice } from "./place.tsx";
import { Rows } from "./rows.tsx";

/** Friends by distance. */
export function Near() {
  if (profile.value?.sharing === false) {
    return (
      <div class="empty">
        <p>{say("nearPaused")}</p>
        <button type="button" class="button main" onClick={() => void resume()}>
          {say("pauseResume")}
        </button>
      </div>
    );
  }
  const friends = near.value;
  const isPlaced = ownPlace.value !== undefined || (source.value !== "off" && placeProblem.value === undefined);
  return (
    <>
      {isPlaced ? null : <PlaceChoice lead={friends.length === 0 ? say("nearNoPlace") : undefined} />}
      {friends.length > 0 ? (
        <>
          <h2 class="count">{sayCount("nearCount", friends.length)}</h2>
          <Rows
            items={friends}
            heightPx={PERSON_PX}
            label={say("nearList")}
            keyOf={({ id }) => id}
            row={(friend) => <NearRow friend={friend} />}
          />
        </>
      ) : isPlaced ? (
        <Nobody />
      ) : null}
      <Strangers />
    </>
  );
}

/** Dots on the map have no names, so there is nothing to list. */
function Strangers() {
  const count = strangers.value.length;
  if (count === 0) return null;
  return (
    <p class="strangers" title={say("strangersHint")}>
      <span class="stranger-dot" aria-hidden="true" />
      {sayCount("strangers", count)}
    </p>
  );
}

function Nobody() {
  if (!hasLooked.value) return <p class="empty">{say("nearWaiting")}</p>;
  return (
    <div class="empty">
      <p>
        <strong>{say("nearNone")}</strong>
      </p>
      <p>{say("nearNoneHint", { radius: sayDistance(radiusM.value ?? 0) })}</p>
    </div>
  );
}

function NearRow({ friend }: { readonly friend: Friend }) {
  // Read, so that ages go on while nothing else happens.
  const isFresh = tickMs.value >= 0;
  const distance = sayDistance(friend.distance);
  const isCoarse = friend.precision === "coarse";
  return (
    <Person
      person={friend}
      note={isFresh ? sayAge(ageMs(friend)) : null}
      isSelected={selected.value === friend.id}
      onOpen={() => {
        selected.value = friend.id;
        mapHandle.peek()?.showFriend(friend.id);
      }}
      end={
        <span class="distance" title={isCoarse ? say("coarseHint") : undefined}>
          {isCoarse ? <AreaIcon /> : null}
          {isCoarse ? say("coarse", { distance }) : distance}
        </span>
      }
    />
  );
}
