/** The map, full screen behind everything else. Its code comes as a part of its own: the lists do not wait for it. */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { say } from "../lang/words.ts";
import type * as MapModule from "../map/start.ts";
import { LocateIcon, MinusIcon, PlusIcon } from "./icons.tsx";

export const mapHandle = signal<MapModule.MapHandle | undefined>(undefined);
const hasFailed = signal(false);

/** Asked for before the page is drawn, to be there sooner. */
export function loadMap(): Promise<typeof MapModule> {
  return import("../map/start.ts");
}

/** Narrower than this the panel lies below, not beside. */
const NARROW = matchMedia("(max-width: 719px)");

function covered(): { left: number; bottom: number } {
  const box = document.querySelector(".panel")?.getBoundingClientRect();
  if (box === undefined) return { left: 0, bottom: 0 };
  return NARROW.matches ? { left: 0, bottom: Math.max(0, innerHeight - box.top) } : { left: box.right, bottom: 0 };
}

export function Ground() {
  const container = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let handle: MapModule.MapHandle | undefined;
    let isOver = false;
    loadMap()
      .then(({ startMap }) => {
        if (isOver || container.current === null) return;
        handle = startMap({ container: container.current, covered });
        mapHandle.value = handle;
      })
      .catch((error: unknown) => {
        console.warn(error);
        hasFailed.value = true;
      });
    return () => {
      isOver = true;
      mapHandle.value = undefined;
      handle?.end();
    };
  }, []);
  return (
    <>
      <div class="ground" ref={container} />
      {hasFailed.value ? <p class="ground-failed">{say("mapFailed")}</p> : null}
      <div class="map-buttons">
        <button type="button" aria-label={say("zoomIn")} onClick={() => mapHandle.peek()?.zoomBy(1)}>
          <PlusIcon />
        </button>
        <button type="button" aria-label={say("zoomOut")} onClick={() => mapHandle.peek()?.zoomBy(-1)}>
          <MinusIcon />
        </button>
        <button type="button" aria-label={say("locate")} onClick={() => mapHandle.peek()?.showOwn()}>
          <LocateIcon />
        </button>
      </div>
    </>
  );
}
