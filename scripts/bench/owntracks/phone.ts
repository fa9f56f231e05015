/** A phone with OwnTracks, as far as the server can tell. */
import { type Agent, request } from "node:http";
import { locationFrame } from "../people.ts";

export interface Phone {
  /** Where it is on the map of the bench. */
  readonly index: number;
  readonly users: number;
  readonly user: string;
  readonly password: string;
  readonly url: string;
  readonly agent: Agent;
}

export interface Answered {
  readonly status: number;
  readonly friends: number;
}

/** The body of the report that is this phone's `turn`-th. */
export function reportOf({ index, users }: Pick<Phone, "index" | "users">, turn: number, nowMs: number): string {
  const { lat, lng }: { lat: number; lng: number } = JSON.parse(locationFrame(index, users, turn, nowMs));
  return JSON.stringify({ _type: "location", lat, lon: lng, tst: Math.floor(nowMs / 1000), acc: 5, tid: "me", t: "t" });
}

/** Friends in the text of an answer: each has one location. */
export function friendsIn(text: string): number {
  return text.split('"_type":"location"').length - 1;
}

/** One connection is used for many reports, as the apps do. */
export function sendReport(phone: Phone, turn: number): Promise<Answered> {
  const { user, password, url, agent } = phone;
  const body = reportOf(phone, turn, Date.now());
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${url}/owntracks`,
      {
        method: "POST",
        agent,
        auth: `${user}:${password}`,
        headers: {
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
          "user-agent": "Owntracks-Android/gms/420500000",
        },
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, friends: friendsIn(text) }));
        response.on("error", reject);
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}
