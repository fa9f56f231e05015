/** What a sampling profiler saw of a server: stacks, and what part of the work each of them was in. */

/** A moment of one thread: its functions, the one that ran first. */
export interface Sample {
  readonly thread: string;
  readonly stack: readonly string[];
}

/** Parts of the work, in the order of the table. Each sample is in exactly one. */
export const PARTS = {
  functions: "JavaScript of the Worker",
  calls: "calls to objects, as they are made",
  frames: "frames to sockets, as they are sent",
  builtins: "the engine, for that JavaScript (texts, maps, clock)",
  garbage: "garbage collector",
  answers: "calls to objects: transport, turns, answers",
  sockets: "sockets and the kernel",
  loop: "event loop and the rest of the runtime",
} as const;
export type Part = keyof typeof PARTS;

const JAVASCRIPT = /^JS:[^A-Za-z#_(]*/;
/** V8's own threads do nothing else worth naming here: they compile a little, and collect. */
const ENGINE_THREAD = "V8";
const GARBAGE = /CollectGarbage|Scaveng|MinorGC|MarkCompact|Sweep|IncrementalMarking/;
const CALL = /JsRpcProperty|JsRpcClientProvider|api::Fetcher/;
const FRAME = /WebSocket/;
const TRANSPORT = /JsRpc|capnp|ActorContainer|awaitIoImpl|IoContext|runInContextScope|ActorNamespace/;
const SOCKET = /WebSocket|AsyncStream|AsyncIoStream|UnixEventPort|writev|recv|tcp_|epoll|entry_SYSCALL/;

/** Reads the lines of `perf script -F comm,ip,sym`: a thread's name, its functions indented, an empty line. */
export function* readSamples(lines: Iterable<string>): Generator<Sample> {
  let [thread, stack]: [string, string[]] = ["", []];
  for (const line of lines) {
    if (line.trim() === "") {
      if (stack.length > 0) yield { thread, stack };
      [thread, stack] = ["", []];
    } else if (/^\s/.test(line)) stack.push(symbolOf(line));
    else thread = line.trim();
  }
  if (stack.length > 0) yield { thread, stack };
}

/** `   55d4 JS:*meet worker.js:12:3+0x1f (/tmp/jitted.so)` is `JS:*meet worker.js:12:3`. */
function symbolOf(line: string): string {
  const [, symbol = ""] = /^\s*[0-9a-f]+\s+(.*)$/.exec(line) ?? [];
  return symbol.replace(/\+0x[0-9a-f]+( \(.*\))?$/, "").replace(/ \((\/|\[)[^)]*\)$/, "");
}

export function partOf({ thread, stack }: Sample): Part {
  if (thread.startsWith(ENGINE_THREAD) || stack.some((name) => GARBAGE.test(name))) return "garbage";
  const at = stack.findIndex((name) => JAVASCRIPT.test(name));
  if (at === 0) return "functions";
  if (at > 0) {
    const native = stack.slice(0, at);
    if (native.some((name) => CALL.test(name))) return "calls";
    return native.some((name) => FRAME.test(name)) ? "frames" : "builtins";
  }
  if (stack.some((name) => SOCKET.test(name))) return "sockets";
  return stack.some((name) => TRANSPORT.test(name)) ? "answers" : "loop";
}

/** The JavaScript function that ran, or that called what ran; null where none did. */
export function functionOf({ stack }: Sample): string | null {
  const name = stack.find((each) => JAVASCRIPT.test(each));
  if (name === undefined) return null;
  const [called = ""] = name.replace(JAVASCRIPT, "").split(" ");
  return called.includes(".js:") || called === "" ? "(without a name)" : called;
}

export interface Profile {
  readonly samples: number;
  /** Shares of all samples. */
  readonly parts: Readonly<Record<Part, number>>;
  /** Of the functions in which, or in what they call of the runtime, most time went: the shares. */
  readonly functions: readonly { readonly name: string; readonly share: number }[];
}

export function profileOf(samples: Iterable<Sample>, functionsMax: number): Profile {
  const parts = new Map<Part, number>();
  const functions = new Map<string, number>();
  let count = 0;
  for (const sample of samples) {
    count += 1;
    const part = partOf(sample);
    parts.set(part, (parts.get(part) ?? 0) + 1);
    const name = part === "garbage" ? null : functionOf(sample);
    if (name !== null) functions.set(name, (functions.get(name) ?? 0) + 1);
  }
  const share = (of: number | undefined) => (count === 0 ? 0 : (of ?? 0) / count);
  return {
    samples: count,
    parts: {
      functions: share(parts.get("functions")),
      calls: share(parts.get("calls")),
      frames: share(parts.get("frames")),
      builtins: share(parts.get("builtins")),
      garbage: share(parts.get("garbage")),
      answers: share(parts.get("answers")),
      sockets: share(parts.get("sockets")),
      loop: share(parts.get("loop")),
    },
    functions: [...functions]
      .toSorted(([, a], [, b]) => b - a)
      .slice(0, functionsMax)
      .map(([name, of]) => ({ name, share: share(of) })),
  };
}
