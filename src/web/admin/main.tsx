/** The operations console. */
import "../style/base.css";
import "../style/admin.css";
import { effect } from "@preact/signals";
import { render } from "preact";

import { disconnect, watchServer } from "./live.ts";
import { readAddress, token } from "./session.ts";
import { forgetUser } from "./user.ts";
import { Console } from "./ui/console.tsx";

readAddress();
effect(() => {
  // What the last token was allowed to see goes with it.
  forgetUser();
  if (token.value === undefined) disconnect();
  else watchServer();
});
addEventListener("pagehide", disconnect);
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) location.reload();
});

const root = document.querySelector("#admin");
if (root !== null) render(<Console />, root);
