import { useSignal } from "@preact/signals";

import type { UserDetails } from "../../../protocol/admin.ts";
import { durationText, figureText } from "../../../operate/figures.ts";
import { details, disconnectUser, isBusy, lookUp, told } from "../user.ts";
import { confirm } from "./confirm.tsx";

export function UserPanel() {
  const text = useSignal("");
  const found = details.value;
  return (
    <section class="card" aria-labelledby="user-title">
      <h2 id="user-title">A user</h2>
      <form
        class="search"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          void lookUp(text.value.trim());
        }}
      >
        <label class="field">
          User id
          <input
            type="search"
            autocomplete="off"
            spellcheck={false}
            required
            value={text}
            onInput={(event) => (text.value = event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="button main">
          Look up
        </button>
      </form>
      <p role="status" class={told.value?.isProblem === true ? "problem-text" : "soft"}>
        {isBusy.value ? "Asking…" : (told.value?.text ?? "")}
      </p>
      {found === undefined ? null : <Details user={found} />}
    </section>
  );
}

function Details({ user }: { readonly user: UserDetails }) {
  const { contacts, queue } = user;
  return (
    <div class="details">
      <h3>{user.user}</h3>
      <dl class="facts">
        <Fact
          name="State"
          text={`${user.active ? "active" : "inactive"}, ${user.sharing ? "sharing" : "not sharing"}`}
        />
        <Fact name="Friends" text={figureText(user.friends, "count")} />
        <Fact name="Contacts" text={`${contacts.near} near, ${contacts.far} far, ${contacts.unknown} unknown`} />
        <Fact name="Phone apps" text={figureText(user.phones, "count")} />
        <Fact
          name="Waiting for the queue"
          text={queue.oldestAt === null ? `${queue.waiting}` : `${queue.waiting}, since ${timeText(queue.oldestAt)}`}
        />
      </dl>
      <Connections user={user} />
      <h3>Deadlines</h3>
      <dl class="facts">
        <Fact name="Inactive at" text={deadlineText(user.activeUntil)} />
        <Fact name="Alarm" text={deadlineText(user.deadlines.alarmAt)} />
        <Fact name="Words to friends again" text={deadlineText(user.deadlines.outboxAt)} />
        <Fact name="Points unsaved since" text={deadlineText(user.deadlines.unsavedSince)} />
      </dl>
      <h3>Meters since it woke</h3>
      <Counts counts={user.meter} />
      {Object.keys(user.unfed).length === 0 ? null : (
        <>
          <h3>Not yet told to the monitor</h3>
          <Counts counts={user.unfed} />
        </>
      )}
    </div>
  );
}

function Connections({ user: { user, connections } }: { readonly user: UserDetails }) {
  const ask = async (device: string | undefined): Promise<void> => {
    const isYes = await confirm({
      title: device === undefined ? `Disconnect ${user}?` : `Disconnect ${device}?`,
      text: `The app of ${user} is closed with 4411 and may connect again.`,
      yes: "Disconnect",
    });
    if (isYes) await disconnectUser(user, device);
  };
  return (
    <>
      <h3>Connections</h3>
      {connections.length === 0 ? (
        <p class="soft">None.</p>
      ) : (
        <>
          <ul class="rows">
            {connections.map(({ device, lastHeardAt, tokenUntil }, i) => (
              <li key={device ?? i}>
                <span class="who">
                  {device === null ? <span class="soft">no device id</span> : <code>{device}</code>}
                  <span class="hint">
                    heard at {timeText(lastHeardAt)}, token until {timeText(tokenUntil)}
                  </span>
                </span>
                {device === null ? null : (
                  <button
                    type="button"
                    class="button small danger-text"
                    aria-label={`Disconnect ${device}`}
                    onClick={() => void ask(device)}
                  >
                    Disconnect
                  </button>
                )}
              </li>
            ))}
          </ul>
          <button type="button" class="button small danger-text" onClick={() => void ask(undefined)}>
            Disconnect all
          </button>
        </>
      )}
    </>
  );
}

function Counts({ counts }: { readonly counts: Readonly<Record<string, number>> }) {
  return (
    <dl class="facts">
      {Object.entries(counts).map(([name, count]) => (
        <Fact key={name} name={name} text={figureText(count, "count")} />
      ))}
    </dl>
  );
}

function Fact({ name, text }: { readonly name: string; readonly text: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{text}</dd>
    </div>
  );
}

function timeText(atMs: number): string {
  return new Date(atMs).toLocaleTimeString();
}

function deadlineText(atMs: number | null): string {
  if (atMs === null) return "–";
  const leftMs = atMs - Date.now();
  return `${timeText(atMs)} (${leftMs < 0 ? `${durationText(-leftMs)} ago` : `in ${durationText(leftMs)}`})`;
}
