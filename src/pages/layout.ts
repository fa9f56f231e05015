import { html, raw } from "hono/html";

/** Escaped text of a page: what `html` makes of a template. */
export type Html = ReturnType<typeof html>;

export interface PageParts {
  readonly title: string;
  /** Of this answer's Content-Security-Policy; style and script run by it only. */
  readonly nonce: string;
  /** What `main` holds. */
  readonly content: Html;
  /** Source of a script that runs at the end of the page. */
  readonly script?: string;
}

const STYLE = `
:root { color-scheme: light dark; --back: #f4f5f7; --card: #fff; --text: #1c1f24; --soft: #5a6270; --line: #d9dde3;
  --accent: #0b5fd0; --good: #17733a; --on-accent: #fff }
@media (prefers-color-scheme: dark) { :root { --back: #14161a; --card: #1e2126; --text: #eceef1; --soft: #a3abb8;
  --line: #363b44; --accent: #82b4ff; --good: #6fd392; --on-accent: #10141a } }
* { box-sizing: border-box }
[hidden] { display: none !important }
body { margin: 0; min-height: 100vh; display: grid; align-items: start; justify-items: center; padding: 1rem;
  background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif }
main { width: 100%; max-width: 30rem; margin: min(10vh, 5rem) 0 1rem; padding: 1.5rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 1rem; overflow-wrap: anywhere }
h1 { margin: 0 0 .5rem; font-size: 1.4rem; line-height: 1.25 }
h2 { margin: 1.5rem 0 .25rem; font-size: 1rem }
p { margin: .5rem 0 }
a { color: var(--accent) }
.avatar { display: grid; place-items: center; width: 4rem; height: 4rem; margin: 0 0 1rem; border-radius: 50%;
  object-fit: cover; background: var(--accent); color: var(--on-accent); font-size: 1.75rem }
.soft { color: var(--soft) }
.code { display: block; padding: .75rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--back);
  font: .875rem/1.5 ui-monospace, monospace; user-select: all }
.state::before { content: ""; display: inline-block; width: .6em; height: .6em; margin-right: .5em; border-radius: 50%;
  background: var(--soft) }
.state.live { color: var(--good) }
.state.live::before { background: var(--good) }
button, .button { min-height: 2.75rem; margin: .5rem 0; padding: 0 1.25rem; border: 0; border-radius: .5rem;
  background: var(--accent); color: var(--on-accent); font: inherit; cursor: pointer }
.button { display: inline-flex; align-items: center; text-decoration: none }
dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; margin: 1rem 0 }
dt { color: var(--soft) }
dd { margin: 0; font-variant-numeric: tabular-nums }
`;

/** Shows points in time as the visitor's own clock does; without it they stay as the server wrote them. */
export const LOCAL_TIMES = `
for (const time of document.querySelectorAll("time")) {
  time.textContent = new Date(time.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}
`;

/** A whole page. It loads nothing but a picture that `content` may have: one answer is all that it takes. */
export function page({ title, nonce, content, script }: PageParts): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
        <style nonce="${nonce}">
          ${raw(STYLE)}
        </style>
      </head>
      <body>
        <main>${content}</main>
        ${
          script === undefined
            ? ""
            : html`<script nonce="${nonce}">
                ${raw(script)};
              </script>`
        }
      </body>
    </html>`;
}

/** Somebody's name, or what stands in for it. A name in another direction of writing leaves the sentence as it is. */
export function nameOr(name: string | undefined, instead: string): Html {
  return name === undefined ? html`${instead}` : html`<bdi>${name}</bdi>`;
}

/** @param ms since the epoch */
export function timeElement(ms: number): Html {
  const iso = new Date(ms).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 16).replace("T", " ")} UTC</time>`;
}

/** For a link that never was, has ended or was damaged on its way: nobody learns which. */
export function goneNotice(nonce: string, what: "invitation" | "share"): Html {
  return page({
    title: `This ${what} is not there`,
    nonce,
    content: html`<h1>This ${what} is not there</h1>
      <p>It has ended, or the link is not complete. Ask whoever sent it for a new one.</p>`,
  });
}
