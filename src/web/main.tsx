/** The web app. */
import "./style/base.css";
import "./style/app.css";
import { effect } from "@preact/signals";
import { render } from "preact";

import { say } from "./lang/words.ts";
import { forgetFriends, loadFriends, onFriendship } from "./state/friends.ts";
import { forgetLinks } from "./state/links.ts";
import { forgetPhones } from "./state/phones.ts";
import { connect, disconnect } from "./state/live.ts";
import { forgetProfile, loadProfile } from "./state/me.ts";
import { watchSession } from "./state/place.ts";
import { session } from "./state/session.ts";
import { currentToken, loadConfig, readAddress } from "./state/sign-in.ts";
import { App } from "./ui/app.tsx";
import { loadMap } from "./ui/ground.tsx";

// The largest part comes while the first is still drawn.
void loadMap().catch(() => {});
void loadConfig();
readAddress();

/** What is known of the last user goes with them; the next one's is asked for. */
let user: string | undefined;
effect(() => {
  const next = session.value?.user;
  if (next === user) return;
  user = next;
  disconnect();
  forgetFriends();
  forgetProfile();
  forgetLinks();
  forgetPhones();
  if (next !== undefined) connect({ token: currentToken, onFriendship, onOnline: refresh });
});
watchSession();

/** On every connection: what happened in between is not told. A failure shows as the state of the connection. */
function refresh(): void {
  void loadProfile().catch(() => {});
  void loadFriends().catch(() => {});
}
// Another device may have paused.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && user !== undefined) void loadProfile().catch(() => {});
});
// A tab that is left must not hold its place among the ten devices of a user.
addEventListener("pagehide", disconnect);
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) location.reload();
});

effect(() => {
  document.title = say("appName");
});
const root = document.querySelector("#app");
if (root !== null) render(<App />, root);

if (import.meta.env.PROD && "serviceWorker" in navigator) {
  addEventListener("load", () => void navigator.serviceWorker.register("/sw.js").catch(() => {}));
}
