import { say } from "../lang/words.ts";
import { dismiss, notices } from "../state/notices.ts";
import { CloseIcon } from "./icons.tsx";

export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map(({ id, text, isProblem }) => (
        <div key={id} class={isProblem ? "notice problem" : "notice"}>
          <span>{text}</span>
          <button type="button" class="icon-button" aria-label={say("close")} onClick={() => dismiss(id)}>
            <CloseIcon />
          </button>
        </div>
      ))}
    </div>
  );
}
