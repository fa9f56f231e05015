import { html } from "hono/html";

import { LOCAL_TIMES, nameOr, page, timeElement } from "./layout.ts";
import type { Html } from "./layout.ts";
import { SHARE_SCRIPT } from "./share-script.ts";

export interface SharePage {
  /** Of whoever shares. */
  readonly name?: string;
  /** ms since the epoch. */
  readonly endsAt: number;
  /** The server's clock, ms since the epoch: that of the visitor may be wrong. */
  readonly nowMs: number;
  /** Of this answer's Content-Security-Policy. */
  readonly nonce: string;
}

/** Shows where somebody is, live, until the share ends. */
export function sharePage({ name, endsAt, nowMs, nonce }: SharePage): Html {
  const content = html`<h1><span id="name">${nameOr(name, "Somebody")}</span> shows you where they are</h1>
    <p id="state" class="state" role="status">Connecting…</p>
    <noscript><p>To follow the position, this page needs JavaScript.</p></noscript>
    <div id="live" data-now="${nowMs}" data-ends-at="${endsAt}">
      <p id="waiting">There is no position yet. It appears here as soon as there is one.</p>
      <dl id="fix" hidden>
        <dt>Place</dt>
        <dd>
          <span id="place"></span><br /><a id="map" target="_blank" rel="noopener noreferrer">Open in OpenStreetMap</a>
        </dd>
        <dt>Updated</dt>
        <dd id="age"></dd>
      </dl>
      <p class="soft">Ends <span id="left"></span> at ${timeElement(endsAt)}.</p>
    </div>`;
  return page({
    title: `Where ${name ?? "somebody"} is`,
    nonce,
    content,
    script: LOCAL_TIMES + SHARE_SCRIPT,
  });
}
