/** Who lives in the town and how each of them begins, so that the first minute shows coming, going and pausing. */
import { distanceM } from "../../src/geo/distance.ts";
import type { Place } from "../../src/geo/place.ts";
import { away, leg, type Activity, type Mode, type StayKind, type Walker } from "./walkers.ts";

/** Where the visitor stands. */
export const VISITOR_PLACE: Place = { lat: 37.5512, lng: 126.9882 };
export const VISITOR_TITLE = "Namsan Park, Seoul";

/** Stations, parks and markets of Seoul, some of them outside the radius around the visitor. */
export const STOPS: readonly Place[] = [
  [37.5547, 126.9707],
  [37.5663, 126.9779],
  [37.5716, 126.9769],
  [37.5796, 126.977],
  [37.5743, 126.985],
  [37.5794, 126.991],
  [37.5665, 127.0092],
  [37.5822, 127.0019],
  [37.5345, 126.9946],
  [37.5239, 126.9803],
  [37.5299, 126.9648],
  [37.5097, 126.9959],
  [37.5049, 127.0049],
  [37.5443, 127.0374],
  [37.5446, 127.0557],
  [37.5613, 127.0371],
  [37.5271, 127.0286],
  [37.4979, 127.0276],
  [37.5263, 126.9227],
  [37.5395, 126.9459],
  [37.5572, 126.9254],
  [37.5559, 126.9368],
  [37.5142, 126.9424],
  [37.5119, 127.059],
  [37.5404, 127.0692],
  [37.5886, 126.9438],
  [37.6027, 126.9588],
  [37.5895, 127.0163],
  [37.5803, 127.047],
  [37.5714, 126.8787],
  [37.5133, 127.1001],
  [37.5481, 127.0811],
  [37.4766, 126.9816],
  [37.6584, 126.998],
  [37.6543, 127.0565],
  [37.638, 127.0255],
  [37.4853, 126.9015],
].map(([lat = 0, lng = 0]) => ({ lat, lng }));

/** Names of several scripts and widths, as friend lists have them. */
const NAMES = `
Jimin_Kim|jimin Ana_Pereira|ana Seoyeon_Park|seoyeon Noah_Berg|noah 이도윤|doyun Mia_Rossi|mia Haeun_Choi|haeun Liam_O'Shea|liam
Yejun_Jung|yejun Zoë_Martin|zoe 강수아|sua Omar_Haddad|omar Minjun_Cho|minjun Freya_Lund|freya Chaewon_Yoon|chaewon Kofi_Mensah|kofi
장시우|siwoo Lena_Vogel|lena Jiho_Lim|jiho Priya_Nair|priya Yuna_Han|yuna Mateo_Cruz|mateo 오건우|geonwoo Ines_Duarte|ines
Daeun_Seo|daeun Tomasz_Wójcik|tomasz Woojin_Shin|woojin Aiko_Mori|aiko 권나윤|nayun Lucas_Petit|lucas Junseo_Hwang|junseo Sara_Lindqvist|sara
Soyul_Ahn|soyul David_Cohen|david 송현우|hyunwoo Eva_Novák|eva Arin_Jeon|arin Hugo_Weber|hugo Taeyun_Hong|taeyun Nora_Haugen|nora
유서준|seojun Maya_Okafor|maya Eunji_Ko|eunji Felix_Baum|felix Jaehyun_Moon|jaehyun Ella_Virtanen|ella 양보라|bora Ravi_Iyer|ravi
Minseo_Son|minseo Chloe_Dubois|chloe Jungwoo_Bae|jungwoo Adam_Nagy|adam 백하린|harin Rosa_Marín|rosa Seungmin_Heo|seungmin Ivo_Horvat|ivo
Gaeun_Nam|gaeun Vera_Popova|vera 심동현|donghyun Leo_Conti|leo`
  .trim()
  .split(/\s+/);

/** Everybody of the town, in a fixed order. */
export const PEOPLE: readonly { readonly id: string; readonly name: string }[] = NAMES.map((entry) => {
  const [name = "", id = ""] = entry.split("|");
  return { id, name: name.replaceAll("_", " ") };
});

const STRANGER_COUNT = 12;

/** People whom the visitor does not know, and who let strangers see them: their names are told to nobody. */
export const STRANGERS: readonly { readonly id: string; readonly name: string }[] = Array.from(
  { length: STRANGER_COUNT },
  (_, i) => ({ id: `passer-by-${i + 1}`, name: `Passer-by ${i + 1}` }),
);

/** How each of the first people begins; everybody else rests at a stop or is on the way between two. */
const OPENINGS = ["arriving", "leaving", "waking", "pausing", "falling quiet"] as const;
type Opening = (typeof OPENINGS)[number];
const OPENING_COUNT: Record<Opening, number> = { arriving: 7, leaving: 6, waking: 6, pausing: 2, "falling quiet": 2 };

/** How far from the ring those who cross it start: with a bus at the town's pace they cross within 35 s. */
const CROSSING_M = { min: 200, max: 2_500 } as const;
const WAKING_S = { min: 3, max: 45 } as const;
const SOON_S = { min: 8, max: 25 } as const;
/** People at one stop do not all stand on the same stone. */
const SCATTER_M = 350;

const MODES: readonly Mode[] = ["walk", "walk", "bike", "bus"];

/** The town as it is at `startMs`, for a viewer at `VISITOR_PLACE` who sees as far as `radiusM`. */
export function castTown(startMs: number, radiusM: number, random: () => number): Walker[] {
  const openings = OPENINGS.flatMap((opening) => Array.from({ length: OPENING_COUNT[opening] }, () => opening));
  // Strangers come last, so that the friends are the same without them.
  return [...PEOPLE, ...STRANGERS].map(({ id, name }, i) => {
    const opening = openings[i];
    const crosses = opening === "arriving" || opening === "leaving";
    const mode = crosses ? "bus" : (MODES[Math.floor(random() * MODES.length)] ?? "walk");
    const { activity, plan } = begin(opening, mode, { startMs, radiusM, random });
    return { id, name, mode, activity, plan };
  });
}

interface Start {
  readonly startMs: number;
  readonly radiusM: number;
  readonly random: () => number;
}

function begin(opening: Opening | undefined, mode: Mode, start: Start): Pick<Walker, "activity" | "plan"> {
  const { startMs, random } = start;
  const soonMs = startMs + between(SOON_S, random) * 1000;
  const place = scattered(random);
  switch (opening) {
    case "arriving":
      return { activity: crossing(1, start), plan: [] };
    case "leaving":
      return { activity: crossing(-1, start), plan: [] };
    case "waking":
      return { activity: { kind: "quiet", place, endMs: startMs + between(WAKING_S, random) * 1000 }, plan: [] };
    case "pausing":
      return { activity: { kind: "resting", place, endMs: soonMs }, plan: ["paused"] satisfies StayKind[] };
    case "falling quiet":
      return { activity: { kind: "resting", place, endMs: soonMs }, plan: ["quiet"] satisfies StayKind[] };
    case undefined: {
      const isMoving = random() < 0.7;
      const activity = isMoving
        ? leg(mode, place, scattered(random), startMs)
        : { kind: "resting" as const, place, endMs: soonMs };
      return { activity, plan: [] };
    }
  }
}

/** A straight ride over the ring: from `side` 1 (outside) inwards, from -1 (inside) outwards. */
function crossing(side: 1 | -1, { startMs, radiusM, random }: Start): Activity {
  const bearing = random() * 360;
  const from = away(VISITOR_PLACE, bearing, radiusM + side * between(CROSSING_M, random));
  const to = away(VISITOR_PLACE, bearing, radiusM - side * between(CROSSING_M, random));
  return leg("bus", from, to, startMs);
}

/** Somewhere around a stop that the visitor can see. */
function scattered(random: () => number): Place {
  const near = STOPS.filter((stop) => distanceM(stop, VISITOR_PLACE) < 7_000);
  const stop = near[Math.floor(random() * near.length)] ?? VISITOR_PLACE;
  return away(stop, random() * 360, random() * SCATTER_M);
}

function between({ min, max }: { readonly min: number; readonly max: number }, random: () => number): number {
  return min + random() * (max - min);
}
