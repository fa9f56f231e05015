import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { say, sayCount, sayTime } from "../lang/words.ts";
import { serverNowMs } from "../state/clock.ts";
import { endShare, invite, invites, loadLinks, revokeInvite, share, shares } from "../state/links.ts";
import { notify } from "../state/notices.ts";

const MINUTE_MS = 60_000;
/** Most desktop browsers have no menu to send by. */
const canSend = "share" in navigator;
const SHARE_TIMES = [
  ["min15", 15],
  ["hour1", 60],
  ["hours8", 8 * 60],
  ["day1", 24 * 60],
  ["week1", 7 * 24 * 60],
] as const;
const SHARE_DEFAULT_MINUTES = 60;

export function Links() {
  useEffect(() => void loadLinks(), []);
  return (
    <>
      <section>
        <h2>{say("invites")}</h2>
        <p class="hint">{say("invitesLead")}</p>
        <button type="button" class="button main wide" onClick={() => void invite()}>
          {say("inviteNew")}
        </button>
        {invites.value?.length === 0 ? <p class="empty">{say("invitesNone")}</p> : null}
        <ul class="plain">
          {invites.value?.map(({ code, url, expiresAt, used, uses }) => (
            <li key={code}>
              <LinkRow
                url={url}
                note={`${say("inviteUses", { used, uses })} · ${until(expiresAt)}`}
                endWord={say("revoke")}
                onEnd={() => void revokeInvite(code)}
              />
            </li>
          ))}
        </ul>
      </section>
      <section>
        <h2>{say("shares")}</h2>
        <p class="hint">{say("sharesLead")}</p>
        <NewShare />
        {shares.value?.length === 0 ? <p class="empty">{say("sharesNone")}</p> : null}
        <ul class="plain">
          {shares.value?.map(({ code, url, expiresAt, viewers }) => (
            <li key={code}>
              <LinkRow
                url={url}
                note={`${sayCount("viewers", viewers)} · ${until(expiresAt)}`}
                endWord={say("end")}
                onEnd={() => void endShare(code)}
              />
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}

function until(atMs: number): string {
  return say("endsAt", { time: sayTime(atMs, serverNowMs()) });
}

function NewShare() {
  const minutes = useSignal<number>(SHARE_DEFAULT_MINUTES);
  return (
    <form
      class="inline-form"
      onSubmit={(event) => {
        event.preventDefault();
        void share(minutes.value * MINUTE_MS);
      }}
    >
      <label>
        {say("shareNew")}
        <select value={minutes} onChange={(event) => (minutes.value = Number(event.currentTarget.value))}>
          {SHARE_TIMES.map(([word, value]) => (
            <option key={word} value={value}>
              {say(word)}
            </option>
          ))}
        </select>
      </label>
      <button type="submit" class="button main">
        {say("shareStart")}
      </button>
    </form>
  );
}

interface LinkRowProps {
  readonly url: string;
  readonly note: string;
  readonly endWord: string;
  readonly onEnd: () => void;
}

function LinkRow({ url, note, endWord, onEnd }: LinkRowProps) {
  const address = new URL(url, location.href);
  return (
    <div class="link">
      <div class="link-text">
        <a href={address.href} target="_blank" rel="noopener">
          {address.host}
          {address.pathname}
        </a>
        <span class="person-note">{note}</span>
      </div>
      <div class="actions">
        <button type="button" class="button small" onClick={() => void hand(address.href)}>
          {say(canSend ? "send" : "copy")}
        </button>
        <button type="button" class="button small" onClick={onEnd}>
          {endWord}
        </button>
      </div>
    </div>
  );
}

/** By the device's own menu where there is one, else over the clipboard. */
async function hand(url: string): Promise<void> {
  try {
    if (canSend) await navigator.share({ url });
    else {
      await navigator.clipboard.writeText(url);
      notify(say("copied"));
    }
  } catch {
    // The menu was closed, or the page may not use the clipboard: the address stands there to be copied by hand.
  }
}
