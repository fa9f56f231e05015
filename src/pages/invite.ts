import { html } from "hono/html";

import { LOCAL_TIMES, nameOr, page, timeElement } from "./layout.ts";
import type { Html } from "./layout.ts";

export interface InvitePage {
  /** Of whoever invites. */
  readonly name?: string;
  /** An https URL. */
  readonly avatar?: string;
  /** ms since the epoch. */
  readonly expiresAt: number;
  readonly code: string;
  /** Where the API is, such as `https://nearby.example`. */
  readonly origin: string;
  /** Of this answer's Content-Security-Policy. */
  readonly nonce: string;
}

const SCRIPT = `${LOCAL_TIMES}
const button = document.getElementById("copy");
// Only pages that came by https, or from the same machine, may write to the clipboard.
if (navigator.clipboard !== undefined) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById("code").textContent);
    button.textContent = "Copied";
  });
}
`;

/** Says who invites and what to do with the link: it is the app that knows who the visitor is, and so accepts. */
export function invitePage({ name, avatar, expiresAt, code, origin, nonce }: InvitePage): Html {
  const content = html`${avatarOf(name, avatar)}
    <h1>${nameOr(name, "Somebody")} invites you</h1>
    <p>
      Friends see on a map where the other is while both are near and share it. Each can pause or end it at any time.
    </p>
    <p class="soft">The invitation is open until ${timeElement(expiresAt)}.</p>
    <h2>To accept</h2>
    <p><a class="button" href="/#invite=${code}">Open in the web app</a></p>
    <p>Or enter this code in the app in which you want to be friends:</p>
    <code class="code" id="code">${code}</code>
    <button id="copy" type="button" hidden>Copy the code</button>
    <details>
      <summary class="soft">What the app does with it</summary>
      <p>One call with the token of whoever accepts makes the two friends:</p>
      <code class="code">curl -X POST ${origin}/v1/invites/${code} -H "authorization: Bearer $TOKEN"</code>
    </details>`;
  return page({ title: `${name ?? "Somebody"} invites you`, nonce, content, script: SCRIPT });
}

function avatarOf(name: string | undefined, avatar: string | undefined): Html {
  if (avatar !== undefined) {
    return html`<img class="avatar" src="${avatar}" alt="" width="64" height="64" referrerpolicy="no-referrer" />`;
  }
  const initial = Array.from(name ?? "")[0];
  return initial === undefined ? html`` : html`<div class="avatar" aria-hidden="true">${initial.toUpperCase()}</div>`;
}
