import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { say } from "../lang/words.ts";
import { attempt } from "../state/notices.ts";
import { signedOutBecause, signIn } from "../state/session.ts";
import { config, devSignIn, handedProblem, invitation } from "../state/sign-in.ts";

export function SignIn() {
  const text = useSignal("");
  const problem = useSignal(handedProblem.value);
  const isLate = useSignal(false);
  useEffect(() => {
    const timer = setTimeout(() => (isLate.value = true), 1_500);
    return () => clearTimeout(timer);
  }, []);
  const isDev = config.value?.devLogin === true;
  const submit = async (): Promise<void> => {
    if (isDev) await attempt(async () => (problem.value = await devSignIn(text.value)));
    else problem.value = signIn(text.value);
  };
  const onInput = (event: { readonly currentTarget: HTMLInputElement }): void => {
    text.value = event.currentTarget.value;
  };
  const told = problem.value ?? signedOutBecause.value;
  return (
    <main class="sign-in">
      <div class="sign-in-card">
        <img src="/icon.svg" alt="" width="64" height="64" />
        <h1>{say(invitation.value === undefined ? "signInTitle" : "inviteTitle")}</h1>
        <p class="lead">{say("signInLead")}</p>
        {told === undefined ? null : (
          <p class="problem-text" role="alert">
            {say(told)}
          </p>
        )}
        {config.value === undefined ? (
          <p class="hint" role="status">
            {isLate.value ? say("serverAway") : "…"}
          </p>
        ) : (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              void submit();
            }}
          >
            <label class="field">
              {say(isDev ? "signInName" : "signInToken")}
              {isDev ? (
                <input type="text" autocomplete="nickname" required value={text} onInput={onInput} />
              ) : (
                <input type="password" autocomplete="off" required value={text} onInput={onInput} />
              )}
            </label>
            <p class="hint">{say(isDev ? "signInNameHint" : "signInTokenHint")}</p>
            <button type="submit" class="button main wide">
              {say("signIn")}
            </button>
          </form>
        )}
      </div>
    </main>
  );
}
