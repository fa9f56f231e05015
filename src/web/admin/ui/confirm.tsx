/** A question before something is done to somebody. */
import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";

interface Question {
  readonly title: string;
  readonly text: string;
  readonly yes: string;
  readonly onAnswer: (isYes: boolean) => void;
}

const question = signal<Question | undefined>(undefined);

/** @returns whether the answer was yes; closing the question is a no */
export function confirm(asking: Omit<Question, "onAnswer">): Promise<boolean> {
  question.peek()?.onAnswer(false);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  question.value = { ...asking, onAnswer: resolve };
  return promise;
}

export function Confirm() {
  const dialog = useRef<HTMLDialogElement>(null);
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
    <dialog ref={dialog} class="dialog" onClose={() => answer(false)} aria-labelledby="confirm-title">
      <h2 id="confirm-title">{asked.title}</h2>
      <p>{asked.text}</p>
      <div class="actions">
        <button type="button" class="button" onClick={() => answer(false)}>
          Cancel
        </button>
        <button type="button" class="button danger" onClick={() => answer(true)}>
          {asked.yes}
        </button>
      </div>
    </dialog>
  );
}
