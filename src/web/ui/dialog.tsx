/** Questions that are asked before something is done that cannot be undone, or shows somebody where one is. */
import { signal } from "@preact/signals";
import { useLayoutEffect, useId, useRef } from "preact/hooks";

import { say } from "../lang/words.ts";

interface Question {
  readonly title?: string;
  readonly text: string;
  readonly yes: string;
  readonly no: string;
  readonly isDanger: boolean;
  readonly onAnswer: (isYes: boolean) => void;
}

const question = signal<Question | undefined>(undefined);

export interface Asking {
  readonly title?: string;
  readonly text: string;
  readonly yes: string;
  readonly no?: string;
  readonly isDanger?: boolean;
}

/** @returns whether the answer was yes; closing the question is a no */
export function confirm({ no = say("cancel"), isDanger = true, ...asking }: Asking): Promise<boolean> {
  question.peek()?.onAnswer(false);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  question.value = { ...asking, no, isDanger, onAnswer: resolve };
  return promise;
}

export function Dialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  const textId = useId();
  const asked = question.value;
  useLayoutEffect(() => {
    if (asked !== undefined && dialog.current?.open === false) dialog.current.showModal();
  }, [asked]);
  if (asked === undefined) return null;
  const answer = (isYes: boolean): void => {
    if (question.peek() !== asked) return;
    // Closed before it goes, it gives the focus back.
    dialog.current?.close();
    question.value = undefined;
    asked.onAnswer(isYes);
  };
  return (
    <dialog
      ref={dialog}
      class="dialog"
      onClose={() => answer(false)}
      aria-labelledby={asked.title === undefined ? textId : titleId}
    >
      {asked.title === undefined ? null : <h2 id={titleId}>{asked.title}</h2>}
      <p id={textId}>{asked.text}</p>
      <div class="actions">
        <button type="button" class="button" onClick={() => answer(false)}>
          {asked.no}
        </button>
        <button type="button" class={asked.isDanger ? "button danger" : "button main"} onClick={() => answer(true)}>
          {asked.yes}
        </button>
      </div>
    </dialog>
  );
}
