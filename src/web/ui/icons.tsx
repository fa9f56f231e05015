/** Line drawings, 24 by 24. They say nothing to a screen reader: what they stand for is in the text beside them. */
import type { ComponentChildren } from "preact";

function icon(paths: ComponentChildren) {
  return () => (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {paths}
    </svg>
  );
}

export const NearIcon = icon(
  <>
    <circle cx="12" cy="12" r="3" />
    <path d="M5.6 18.4a9 9 0 0 1 0-12.8M18.4 5.6a9 9 0 0 1 0 12.8" />
  </>,
);
export const FriendsIcon = icon(
  <>
    <circle cx="9" cy="8" r="3.5" />
    <path d="M2.5 20c.6-4 3-6 6.5-6s5.9 2 6.5 6M16 4.900a3.5 3.5 0 0 1 0 6.300M18 14.300c2 .8 3.2 2.7 3.5 5.7" />
  </>,
);
export const TrailIcon = icon(
  <>
    <circle cx="6" cy="19" r="2" />
    <circle cx="18" cy="5" r="2" />
    <path d="M8 19h7a3.5 3.5 0 0 0 0-7H9a3.5 3.5 0 0 1 0-7h7" />
  </>,
);
export const LinkIcon = icon(
  <path d="M10 13.500a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.700l-1.3 1.300M14 10.500a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.700l1.3-1.3" />,
);
export const YouIcon = icon(
  <>
    <circle cx="12" cy="8" r="4" />
    <path d="M4.5 20.500c.9-4 3.7-6 7.5-6s6.6 2 7.5 6" />
  </>,
);
export const PlusIcon = icon(<path d="M12 5v14M5 12h14" />);
export const MinusIcon = icon(<path d="M5 12h14" />);
export const CloseIcon = icon(<path d="m6 6 12 12M18 6 6 18" />);
export const ChevronIcon = icon(<path d="m6 15 6-6 6 6" />);
export const BackIcon = icon(<path d="m15 5-7 7 7 7" />);
export const NextIcon = icon(<path d="m9 5 7 7-7 7" />);
export const LocateIcon = icon(
  <>
    <circle cx="12" cy="12" r="6" />
    <circle cx="12" cy="12" r="1.5" />
    <path d="M12 2v4M12 18v4M2 12h4M18 12h4" />
  </>,
);
export const PauseIcon = icon(<path d="M8.5 5v14M15.5 5v14" />);
export const PinIcon = icon(
  <>
    <path d="M12 21.500c4.5-4.7 7-8.4 7-11.500a7 7 0 0 0-14 0c0 3.1 2.5 6.8 7 11.500Z" />
    <circle cx="12" cy="10" r="2.5" />
  </>,
);
export const AreaIcon = icon(
  <>
    <circle cx="12" cy="12" r="8.5" stroke-dasharray="3 3" />
    <circle cx="12" cy="12" r="1.5" />
  </>,
);
