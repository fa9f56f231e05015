/** A list of any length of which only what is on the screen exists: 5,000 friends are 5,000 rows. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** Rows above and below what is seen: a fast scroll shows no holes. */
const AROUND = 6;

export interface RowsProps<T> {
  readonly items: readonly T[];
  readonly heightPx: number;
  readonly label: string;
  readonly keyOf: (item: T) => string;
  readonly row: (item: T) => ComponentChildren;
}

/** The rows of a list inside the nearest element that scrolls (`.scroll`). */
export function Rows<T>({ items, heightPx, label, keyOf, row }: RowsProps<T>) {
  const list = useRef<HTMLUListElement>(null);
  const [range, setRange] = useState({ first: 0, last: 2 * AROUND });
  useLayoutEffect(() => {
    const own = list.current;
    const scroller = own?.closest(".scroll");
    if (own === null || scroller === null || scroller === undefined) return undefined;
    const measure = (): void => {
      const topPx = scroller.getBoundingClientRect().top - own.getBoundingClientRect().top;
      const first = Math.max(0, Math.floor(topPx / heightPx) - AROUND);
      const last = Math.ceil((topPx + scroller.clientHeight) / heightPx) + AROUND;
      setRange((before) => (before.first === first && before.last === last ? before : { first, last }));
    };
    measure();
    scroller.addEventListener("scroll", measure, { passive: true });
    const watcher = new ResizeObserver(measure);
    watcher.observe(scroller);
    return () => {
      scroller.removeEventListener("scroll", measure);
      watcher.disconnect();
    };
  }, [heightPx]);
  const shown = items.slice(range.first, range.last);
  const first = Math.min(range.first, Math.max(0, items.length - 1));
  return (
    <ul class="rows" ref={list} aria-label={label} style={{ height: `${items.length * heightPx}px` }}>
      {shown.map((item, i) => (
        <li
          key={keyOf(item)}
          aria-setsize={items.length}
          aria-posinset={first + i + 1}
          style={{ height: `${heightPx}px`, transform: `translateY(${(first + i) * heightPx}px)` }}
        >
          {row(item)}
        </li>
      ))}
    </ul>
  );
}
