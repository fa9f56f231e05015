import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";

import type { Word } from "../lang/en.ts";
import { say } from "../lang/words.ts";
import { acceptInvitation, incoming, nameOf, selected } from "../state/friends.ts";
import { near } from "../state/live.ts";
import { attempt, notify } from "../state/notices.ts";
import { profile, resume } from "../state/me.ts";
import { session } from "../state/session.ts";
import { forgetInvitation, invitation } from "../state/sign-in.ts";
import { ConnectionPill, Disconnected } from "./connection.tsx";
import { confirm, Dialog } from "./dialog.tsx";
import { FriendCard } from "./friend-card.tsx";
import { Friends } from "./friends.tsx";
import { Ground } from "./ground.tsx";
import { ChevronIcon, FriendsIcon, LinkIcon, NearIcon, PauseIcon, TrailIcon, YouIcon } from "./icons.tsx";
import { Links } from "./links.tsx";
import { Near } from "./near.tsx";
import { Notices } from "./notices.tsx";
import { PhoneSetup } from "./phones.tsx";
import { SignIn } from "./sign-in.tsx";
import { TrailPanel } from "./trail.tsx";
import { You } from "./you.tsx";

const TABS = ["near", "friends", "trail", "links", "you"] as const;
type Tab = (typeof TABS)[number];

const TAB_PARTS: Record<Tab, { word: Word; Icon: ComponentType; Panel: ComponentType }> = {
  near: { word: "tabNear", Icon: NearIcon, Panel: Near },
  friends: { word: "tabFriends", Icon: FriendsIcon, Panel: Friends },
  trail: { word: "tabTrail", Icon: TrailIcon, Panel: TrailPanel },
  links: { word: "tabLinks", Icon: LinkIcon, Panel: Links },
  you: { word: "tabYou", Icon: YouIcon, Panel: You },
};

const tab = signal<Tab>("near");
/** On a narrow screen the panel lies over the map, and can be drawn down. */
const isOpen = signal(true);

export function App() {
  return (
    <>
      {session.value === undefined ? <SignIn /> : <Signed key={session.value.user} />}
      <Notices />
      <PhoneSetup />
      <Dialog />
    </>
  );
}

function Signed() {
  useEffect(() => void offerInvitation(), [invitation.value]);
  return (
    <div class="app">
      <main class="map" aria-label={say("mapLabel")}>
        <Ground />
      </main>
      <Panel />
      <Disconnected />
    </div>
  );
}

function Panel() {
  const { Panel: Content } = TAB_PARTS[tab.value];
  const id = selected.value;
  return (
    <aside class={isOpen.value ? "panel open" : "panel"} aria-label={say("panel")}>
      <button
        type="button"
        class="handle"
        aria-expanded={isOpen.value}
        aria-label={say(isOpen.value ? "panelClose" : "panelOpen")}
        onClick={() => (isOpen.value = !isOpen.value)}
      >
        <ChevronIcon />
      </button>
      <header class="head">
        <h1>{say("appName")}</h1>
        <ConnectionPill />
      </header>
      {profile.value?.sharing === false ? <Paused /> : null}
      <div class="scroll" tabIndex={-1}>
        {id === undefined ? <Content key={tab.value} /> : <FriendCard key={id} id={id} />}
      </div>
      <nav class="tabs" aria-label={say("appName")}>
        {TABS.map((name) => (
          <TabButton key={name} name={name} />
        ))}
      </nav>
    </aside>
  );
}

function TabButton({ name }: { readonly name: Tab }) {
  const { word, Icon } = TAB_PARTS[name];
  const count = name === "near" ? near.value.length : name === "friends" ? incoming.value.length : 0;
  return (
    <button
      type="button"
      aria-current={tab.value === name && selected.value === undefined ? "page" : undefined}
      onClick={() => {
        selected.value = undefined;
        tab.value = name;
        isOpen.value = true;
      }}
    >
      <Icon />
      <span>{say(word)}</span>
      {count > 0 ? <span class={name === "friends" ? "badge urgent" : "badge"}>{count}</span> : null}
    </button>
  );
}

function Paused() {
  return (
    <div class="paused">
      <PauseIcon />
      <span>{say("pauseOff")}</span>
      <button type="button" class="button small" onClick={() => void resume()}>
        {say("pauseResume")}
      </button>
    </div>
  );
}

/** Asked first: whoever opens a link must not show a stranger where they are without a word. */
async function offerInvitation(): Promise<void> {
  const code = invitation.peek();
  if (code === undefined) return;
  const isYes = await confirm({
    title: say("inviteTitle"),
    text: say("inviteAsk"),
    yes: say("inviteAccept"),
    no: say("inviteLater"),
    isDanger: false,
  });
  forgetInvitation();
  if (!isYes) return;
  await attempt(async () => {
    const friend = await acceptInvitation(code);
    notify(say("befriended", { name: nameOf(friend) }));
  });
}
