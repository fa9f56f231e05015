import { useSignal } from "@preact/signals";
import { useEffect, useId, useLayoutEffect, useRef } from "preact/hooks";

import { say, sayTime } from "../lang/words.ts";
import type { Device } from "../state/api.ts";
import { serverNowMs } from "../state/clock.ts";
import { addPhone, freshPhone, loadPhones, phones, removePhone } from "../state/phones.ts";
import { confirm } from "./dialog.tsx";

const APP_NAMES = { owntracks: "OwnTracks", traccar: "Traccar Client" } as const satisfies Record<
  Device["app"],
  string
>;
const APP_HINTS = { owntracks: "phoneOwnTracks", traccar: "phoneTraccar" } as const;
const APPS = ["owntracks", "traccar"] as const;

/** Apps that report in the background, which this page cannot. */
export function Phones() {
  useEffect(() => void loadPhones(), []);
  return (
    <section>
      <h2>{say("phones")}</h2>
      <p class="hint">{say("phonesLead")}</p>
      <NewPhone />
      {phones.value?.length === 0 ? <p class="empty">{say("phonesNone")}</p> : null}
      <ul class="plain" aria-label={say("phones")}>
        {phones.value?.map((phone) => (
          <li key={phone.id}>
            <PhoneRow phone={phone} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function NewPhone() {
  const app = useSignal<Device["app"]>("owntracks");
  const name = useSignal("");
  return (
    <form
      class="new-phone"
      onSubmit={(event) => {
        event.preventDefault();
        void addPhone(app.value, name.value).then((isDone) => isDone && (name.value = ""));
      }}
    >
      <fieldset class="segments">
        <legend>{say("phoneApp")}</legend>
        {APPS.map((value) => (
          <label key={value}>
            <input type="radio" name="phone-app" checked={app.value === value} onChange={() => (app.value = value)} />
            <span>{APP_NAMES[value]}</span>
          </label>
        ))}
      </fieldset>
      <p class="hint">{say(APP_HINTS[app.value])}</p>
      <label class="field">
        {say("phoneName")}
        <input
          type="text"
          maxLength={100}
          value={name.value}
          onInput={(event) => (name.value = event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="button main wide">
        {say("phoneAdd")}
      </button>
    </form>
  );
}

function PhoneRow({ phone: { id, app, name, createdAt } }: { readonly phone: Device }) {
  const title = name ?? APP_NAMES[app];
  const since = say("phoneSince", { time: sayTime(createdAt, serverNowMs()) });
  const remove = async (): Promise<void> => {
    const isYes = await confirm({ text: say("phoneRemoveAsk", { name: title }), yes: say("phoneRemove") });
    if (isYes) await removePhone(id);
  };
  return (
    <div class="link phone">
      <div class="link-text">
        <span class="person-name">{title}</span>
        <span class="person-note">{name === undefined ? since : `${APP_NAMES[app]} · ${since}`}</span>
      </div>
      <button
        type="button"
        class="button small"
        aria-label={say("phoneRemoveNamed", { name: title })}
        onClick={() => void remove()}
      >
        {say("phoneRemove")}
      </button>
    </div>
  );
}

/** How to set up the phone that was added just now. */
export function PhoneSetup() {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  const made = freshPhone.value;
  useLayoutEffect(() => {
    if (made !== undefined && dialog.current?.open === false) dialog.current.showModal();
  }, [made]);
  if (made === undefined) return null;
  const app = APP_NAMES[made.app];
  const texts = [
    ["phoneAddress", made.endpoint],
    // Traccar Client has no field for a user name: the password is what it calls its identifier.
    ...(made.app === "owntracks" ? ([["phoneUser", made.user]] as const) : []),
    [made.app === "owntracks" ? "phonePassword" : "phoneIdentifier", made.password],
    ...(made.encryptionKey === undefined ? [] : ([["phoneKey", made.encryptionKey]] as const)),
  ] as const;
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={titleId} onClose={() => (freshPhone.value = undefined)}>
      <h2 id={titleId}>{say("phoneSetup", { app })}</h2>
      <p>{say("phoneScan", { app })}</p>
      <img class="qr" alt={say("phoneCode")} src={`data:image/svg+xml,${encodeURIComponent(made.qr)}`} />
      <a class="button" href={made.url}>
        {say("phoneOpen", { app })}
      </a>
      <p class="hint">{say("phoneOnce")}</p>
      <dl class="values">
        {texts.map(([word, value]) => (
          <Value key={word} name={say(word)} value={value} />
        ))}
      </dl>
      <div class="actions">
        <button type="button" class="button main" onClick={() => dialog.current?.close()}>
          {say("phoneDone")}
        </button>
      </div>
    </dialog>
  );
}

function Value({ name, value }: { readonly name: string; readonly value: string }) {
  const isCopied = useSignal(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(value);
      isCopied.value = true;
    } catch {
      // The page may not use the clipboard: the text stands there to be copied by hand.
    }
  };
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <code>{value}</code>
        <button
          type="button"
          class="button small"
          aria-label={`${say(isCopied.value ? "copiedText" : "copyText")}: ${name}`}
          onClick={() => void copy()}
        >
          {say(isCopied.value ? "copiedText" : "copyText")}
        </button>
      </dd>
    </div>
  );
}
