import { say } from "../lang/words.ts";
import { placeProblem, source, useDevice, usePlace, ownPlace } from "../state/place.ts";
import { mapHandle } from "./ground.tsx";
import { LocateIcon, PinIcon } from "./icons.tsx";

/** Somewhere to start from when nothing is known: the middle of the map, or of the city of the simulated town. */
const SOMEWHERE = { lat: 37.5512, lng: 126.9882 };

export function choosePlaceOnMap(): void {
  usePlace(ownPlace.peek() ?? mapHandle.peek()?.center() ?? SOMEWHERE);
}

/** The user has not said where to take the position from. */
export function PlaceChoice({ lead }: { readonly lead: string | undefined }) {
  const problem = placeProblem.value;
  return (
    <div class="choice">
      {lead === undefined ? null : <p>{lead}</p>}
      <PlaceProblem />
      <div class="actions">
        {source.value === "device" && problem === "denied" ? null : (
          <button type="button" class="button main" onClick={useDevice}>
            <LocateIcon />
            {say("placeUse")}
          </button>
        )}
        <button type="button" class="button" onClick={choosePlaceOnMap}>
          <PinIcon />
          {say("placeChoose")}
        </button>
      </div>
    </div>
  );
}

export function PlaceProblem() {
  const problem = placeProblem.value;
  if (problem === undefined) return null;
  return (
    <p class="problem-text" role="alert">
      {say(problem === "denied" ? "placeDenied" : "placeUnavailable")}
    </p>
  );
}
