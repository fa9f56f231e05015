/** What must not outlive this process: one listener for all of it, since Node warns of an eleventh. */

const left = new Set<() => void>();

/** Runs `work`, which must not wait for anything, when the process exits. @returns how to take that back */
export function atExit(work: () => void): () => void {
  if (left.size === 0) process.once("exit", runAll);
  left.add(work);
  return () => {
    left.delete(work);
    if (left.size === 0) process.off("exit", runAll);
  };
}

function runAll(): void {
  for (const work of left) work();
}
