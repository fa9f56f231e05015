/**
 * The two apps as readers of an answer, written from what their sources refuse and from nothing of this project: Android's
 * parser (MessageBase and its kin) throws for one bad element of a list, and iOS holds the list against a JSON Schema that
 * it brings along. What is kept of an answer is what its user sees.
 */

/** A friend as an app knows one: by `tid`, and nothing else. */
export interface Contact {
  name?: string;
  /** Bytes of the picture. */
  face?: Uint8Array;
  lat?: number;
  lon?: number;
  tst?: number;
  acc?: number;
}

export interface Kept {
  readonly contacts: ReadonlyMap<string, Contact>;
  /** What the phone tells its user in words. */
  readonly notices: readonly string[];
}

type Element = Readonly<Record<string, unknown>>;

const ANDROID_TYPES: ReadonlySet<unknown> = new Set(
  "card cmd configuration encrypted location lwt status transition".split(" "),
);
const IOS_TYPES: ReadonlySet<unknown> = new Set(
  "beacon card cmd configuration location lwt request status steps transition waypoint waypoints".split(" "),
);

/** @throws for an answer that Android drops as a whole, or that leaves a friend in it that nobody is */
export function androidReads(text: string): Kept {
  const contacts = new Map<string, Contact>();
  for (const element of elementsOf(text)) {
    const type = element["_type"];
    if (typeof type !== "string" || !ANDROID_TYPES.has(type)) throw new Error(`Android: _type ${String(type)}`);
    if (type === "transition") throw new Error("Android: a transition becomes a friend of its own");
    const tid = stringOf(element, "tid");
    const contact = contacts.get(tid) ?? {};
    contacts.set(tid, contact);
    if (type === "card") takeCard(contact, element);
    if (type === "location") {
      if (integerOf(element, "tst") === 0) throw new Error("Android: tst must be non-zero");
      for (const field of ["acc", "alt", "vac", "vel", "cog", "batt"]) optionalInteger(element, field);
      const status = element["bs"];
      if (status !== undefined && ![0, 1, 2, 3].some((one) => one === status)) throw new Error("Android: bs");
      takeLocation(contact, element);
    }
  }
  return { contacts, notices: [] };
}

/** @throws for an answer that iOS drops as a whole */
export function iosReads(text: string): Kept {
  const elements = elementsOf(text);
  for (const element of elements) checkIos(element);
  const contacts = new Map<string, Contact>();
  const notices: string[] = [];
  for (const element of elements) {
    const tid = typeof element["tid"] === "string" ? element["tid"] : "??";
    if (element["_type"] === "transition") {
      notices.push(`${tid} ${String(element["event"])}s ${String(element["desc"])}`);
      continue;
    }
    const contact = contacts.get(tid) ?? {};
    contacts.set(tid, contact);
    if (element["_type"] === "card") takeCard(contact, element);
    if (element["_type"] === "location") takeLocation(contact, element);
  }
  return { contacts, notices };
}

function checkIos(element: Element): void {
  const type = element["_type"];
  if (typeof type !== "string" || !IOS_TYPES.has(type)) throw new Error(`iOS: _type ${String(type)}`);
  const required: Readonly<Record<string, readonly string[]>> = {
    location: ["lat", "lon", "tst"],
    card: ["face", "name"],
    transition: ["acc", "event", "lat", "lon", "tst", "wtst"],
  };
  for (const field of required[type] ?? []) if (!(field in element)) throw new Error(`iOS: ${type} without ${field}`);
  for (const field of ["lat", "lon"]) if (field in element) numberOf(element, field);
  for (const field of ["tst", "wtst"]) if (field in element) integerOf(element, field);
  if (type === "card") for (const field of ["face", "name"]) stringOf(element, field);
  if (type === "transition" && element["event"] !== "enter" && element["event"] !== "leave")
    throw new Error("iOS: event");
}

function takeCard(contact: Contact, element: Element): void {
  // A card replaces the one before it: what it does not say is not known any more.
  delete contact.face;
  contact.name = stringOf(element, "name");
  if (element["face"] === undefined || element["face"] === "") return;
  const face = stringOf(element, "face");
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(face))
    throw new Error("face is no base64");
  const bytes = Uint8Array.from(atob(face), (char) => char.charCodeAt(0));
  const isPng = bytes[0] === 0x89 && bytes[1] === 0x50 && bytes[2] === 0x4e && bytes[3] === 0x47;
  if (!isPng && !(bytes[0] === 0xff && bytes[1] === 0xd8)) throw new Error("face is no picture");
  contact.face = bytes;
}

function takeLocation(contact: Contact, element: Element): void {
  const [lat, lon] = [numberOf(element, "lat"), numberOf(element, "lon")];
  if (Math.abs(lat) > 90 || Math.abs(lon) > 180) throw new Error("a place that is none");
  Object.assign(contact, { lat, lon, tst: integerOf(element, "tst") });
  if (element["acc"] !== undefined) contact.acc = integerOf(element, "acc");
}

function elementsOf(text: string): Element[] {
  const parsed: unknown = JSON.parse(text);
  if (!Array.isArray(parsed)) throw new Error("the answer is no list");
  return parsed.map((element: unknown) => {
    if (typeof element !== "object" || element === null || Array.isArray(element)) throw new Error("no object");
    return { ...element };
  });
}

function stringOf(element: Element, field: string): string {
  const value = element[field];
  if (typeof value !== "string") throw new Error(`${field} is no text: ${String(value)}`);
  return value;
}

function numberOf(element: Element, field: string): number {
  const value = element[field];
  if (typeof value !== "number") throw new Error(`${field} is no number: ${String(value)}`);
  return value;
}

function integerOf(element: Element, field: string): number {
  const value = numberOf(element, field);
  if (!Number.isSafeInteger(value)) throw new Error(`${field} is no integer: ${value}`);
  return value;
}

function optionalInteger(element: Element, field: string): void {
  if (element[field] !== undefined) integerOf(element, field);
}
