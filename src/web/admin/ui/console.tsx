import { useSignal } from "@preact/signals";

import { stats } from "../live.ts";
import { problem, signIn, signOut, token } from "../session.ts";
import { Confirm } from "./confirm.tsx";
import { Errors } from "./errors.tsx";
import { Figures } from "./figures.tsx";
import { History } from "./history.tsx";
import { CellMap } from "./map.tsx";
import { StatePill, Trouble } from "./state.tsx";
import { UserPanel } from "./user.tsx";

export function Console() {
  if (token.value === undefined) return <SignIn />;
  return (
    <>
      <header class="top">
        <h1>Operations</h1>
        <StatePill />
        <button type="button" class="button small" onClick={() => signOut()}>
          Sign out
        </button>
      </header>
      <main class="console">
        <Trouble />
        <Draining />
        <Figures />
        <UserPanel />
        <div class="side">
          <History />
          <Errors />
          <CellMap />
        </div>
      </main>
      <Confirm />
    </>
  );
}

function SignIn() {
  const text = useSignal("");
  return (
    <main class="entry">
      <h1>Operations</h1>
      <p class="soft">For operators of this server. The token stays in this tab and goes to no other server.</p>
      {problem.value === undefined ? null : (
        <p class="problem-text" role="alert">
          {problem.value}
        </p>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          signIn(text.value);
        }}
      >
        <label class="field">
          Token with role admin
          <input
            type="password"
            autocomplete="off"
            required
            value={text}
            onInput={(event) => (text.value = event.currentTarget.value)}
          />
        </label>
        <p class="hint">
          <code>npm run token -- NAME --role admin</code>
        </p>
        <button type="submit" class="button main wide">
          Sign in
        </button>
      </form>
    </main>
  );
}

function Draining() {
  const draining = stats.value?.draining;
  if (draining === undefined || draining.until === null) return null;
  return (
    <p class="banner warn" role="status">
      Draining: {draining.left} {draining.left === 1 ? "person" : "people"} left, until{" "}
      {new Date(draining.until).toLocaleTimeString()}.
    </p>
  );
}
