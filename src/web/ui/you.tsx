import { useSignal } from "@preact/signals";

import { LANG_NAMES, say, sayTime } from "../lang/words.ts";
import { serverNowMs } from "../state/clock.ts";
import { inactiveAfterS } from "../state/live.ts";
import { deleteAccount, pause, profile, resume, saveProfile, setDiscoverable } from "../state/me.ts";
import { notify } from "../state/notices.ts";
import { sendNothing, source, useDevice } from "../state/place.ts";
import { LANGS, lang, THEMES, theme } from "../state/prefs.ts";
import { session, signOut } from "../state/session.ts";
import { confirm } from "./dialog.tsx";
import { Phones } from "./phones.tsx";
import { choosePlaceOnMap, PlaceProblem } from "./place.tsx";

const MINUTE_MS = 60_000;

export function You() {
  return (
    <>
      <Pause />
      <Discoverable />
      <PlaceSetting />
      <Phones />
      <ProfileForm />
      <Look />
      <Background />
      <Account />
    </>
  );
}

const PAUSES = [
  ["pauseOpen", undefined],
  ["min15", 15 * MINUTE_MS],
  ["hour1", 60 * MINUTE_MS],
  ["hours8", 8 * 60 * MINUTE_MS],
  ["day1", 24 * 60 * MINUTE_MS],
] as const;

function Pause() {
  const choice = useSignal(0);
  const me = profile.value;
  if (me === undefined) return null;
  const { sharing, pausedUntil } = me;
  const forMs = (index: number) => PAUSES[index]?.[1];
  return (
    <section>
      <label class="switch">
        <span>
          <strong>{say("pauseTitle")}</strong>
          <span class="hint">
            {sharing
              ? say("pauseOn")
              : pausedUntil === undefined
                ? say("pauseOff")
                : say("pausedUntil", { time: sayTime(pausedUntil, serverNowMs()) })}
          </span>
        </span>
        <input
          type="checkbox"
          role="switch"
          checked={sharing}
          onChange={() => void (sharing ? pause(forMs(choice.value)) : resume())}
        />
      </label>
      {sharing ? (
        <label class="field row">
          {say("pauseFor")}
          <select value={choice} onChange={(event) => (choice.value = Number(event.currentTarget.value))}>
            {PAUSES.map(([word], index) => (
              <option key={word} value={index}>
                {say(word)}
              </option>
            ))}
          </select>
        </label>
      ) : null}
    </section>
  );
}

function Discoverable() {
  const me = profile.value;
  if (me === undefined) return null;
  return (
    <section>
      <label class="switch">
        <span>
          <strong>{say("discoverTitle")}</strong>
          <span class="hint">{say("discoverText")}</span>
        </span>
        <input
          type="checkbox"
          role="switch"
          checked={me.discoverable}
          onChange={() => void setDiscoverable(!me.discoverable)}
        />
      </label>
    </section>
  );
}

function PlaceSetting() {
  const choices = [
    ["device", "placeDevice", useDevice],
    ["map", "placeMap", choosePlaceOnMap],
    ["off", "placeOff", sendNothing],
  ] as const;
  return (
    <fieldset class="radios">
      <legend>{say("place")}</legend>
      {choices.map(([value, word, choose]) => (
        <label key={value} class="check">
          <input type="radio" name="source" checked={source.value === value} onChange={choose} />
          <span>{say(word)}</span>
        </label>
      ))}
      <PlaceProblem />
    </fieldset>
  );
}

function ProfileForm() {
  const me = profile.value;
  const name = useSignal<string | undefined>(undefined);
  const avatar = useSignal<string | undefined>(undefined);
  if (me === undefined) return null;
  const fields = { name: name.value ?? me.name ?? "", avatar: avatar.value ?? me.avatar ?? "" };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void saveProfile(fields).then((isDone) => isDone && notify(say("saved")));
      }}
    >
      <h2>{say("profile")}</h2>
      <label class="field">
        {say("profileName")}
        <input
          type="text"
          maxLength={100}
          value={fields.name}
          onInput={(event) => (name.value = event.currentTarget.value)}
        />
      </label>
      <label class="field">
        {say("profileAvatar")}
        <input
          type="url"
          pattern="https://.*"
          maxLength={500}
          value={fields.avatar}
          onInput={(event) => (avatar.value = event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="button">
        {say("save")}
      </button>
    </form>
  );
}

const THEME_WORDS = { auto: "themeAuto", light: "themeLight", dark: "themeDark" } as const;

function Look() {
  return (
    <section>
      <fieldset class="segments">
        <legend>{say("look")}</legend>
        {THEMES.map((value) => (
          <label key={value}>
            <input type="radio" name="theme" checked={theme.value === value} onChange={() => (theme.value = value)} />
            <span>{say(THEME_WORDS[value])}</span>
          </label>
        ))}
      </fieldset>
      <fieldset class="segments">
        <legend>{say("language")}</legend>
        {LANGS.map((value) => (
          <label key={value} lang={value}>
            <input type="radio" name="lang" checked={lang.value === value} onChange={() => (lang.value = value)} />
            <span>{LANG_NAMES[value]}</span>
          </label>
        ))}
      </fieldset>
    </section>
  );
}

function Background() {
  return (
    <section>
      <h2>{say("background")}</h2>
      <p class="hint">{say("backgroundText", { minutes: Math.round(inactiveAfterS.value / 60) })}</p>
      <p class="hint">{say("backgroundRoute")}</p>
      <p class="hint">
        <strong>{say("install")}.</strong> {say("installHint")}
      </p>
    </section>
  );
}

function Account() {
  return (
    <section>
      <h2>{say("account")}</h2>
      <p class="hint">
        {say("userId")}: <code>{session.value?.user}</code>
      </p>
      <div class="actions">
        <button type="button" class="button" onClick={() => signOut()}>
          {say("signOut")}
        </button>
        <button
          type="button"
          class="button danger-text"
          onClick={() =>
            void confirm({ text: say("deleteAsk"), yes: say("deleteAccount") }).then((is) => is && deleteAccount())
          }
        >
          {say("deleteAccount")}
        </button>
      </div>
    </section>
  );
}
