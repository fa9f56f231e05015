/**
 * The list of Redis servers in etcd, and the watch on it. Over etcd's own JSON gateway, with `fetch`: the npm client, `etcd3`
 * 1.1.2, is of November 2024 and brings gRPC and its own retries for what are three requests here.
 */
import { setTimeout as sleep } from "node:timers/promises";
import * as v from "valibot";

/** Service discovery: a key that operators can read with `etcdctl get`. */
const KEY = "nearby/classic/ring";

const REQUEST_WAIT_MS = 5_000;
/** After a watch has broken off: no loop that spins while etcd is away. */
const REWATCH_MS = 200;

const Document = v.object({
  /** Grows with each change. */
  version: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  servers: v.pipe(v.array(v.pipe(v.string(), v.startsWith("redis://"))), v.minLength(1)),
});
export type RingDocument = v.InferOutput<typeof Document>;

/** Numbers of 64 bits are texts in etcd's JSON. */
const Revision = v.pipe(
  v.string(),
  v.transform(Number),
  v.check((revision) => Number.isSafeInteger(revision)),
);
const KeyValue = v.object({ value: v.string() });
const RangeAnswer = v.object({ header: v.object({ revision: Revision }), kvs: v.optional(v.array(KeyValue), []) });
const WatchAnswer = v.object({
  result: v.object({
    header: v.object({ revision: Revision }),
    created: v.optional(v.boolean(), false),
    canceled: v.optional(v.boolean(), false),
    events: v.optional(v.array(v.object({ type: v.optional(v.string(), "PUT"), kv: KeyValue })), []),
  }),
});

export async function writeRing(etcdUrl: string, document: RingDocument): Promise<void> {
  await post(`${etcdUrl}/v3/kv/put`, { key: toBase64(KEY), value: toBase64(JSON.stringify(document)) });
}

/** @returns the document and the revision of etcd at which it was read */
export async function readRing(etcdUrl: string): Promise<{ document: RingDocument; revision: number }> {
  const answer = await post(`${etcdUrl}/v3/kv/range`, { key: toBase64(KEY) });
  const { header, kvs } = v.parse(RangeAnswer, await answer.json());
  const [kv] = kvs;
  if (kv === undefined) throw new Error(`etcd has no ${KEY}: nobody has said where the Redis servers are`);
  return { document: decodeDocument(kv.value), revision: header.revision };
}

export interface WatchOptions {
  /** The version that is known; only later ones are told. */
  version: number;
  onChange: (document: RingDocument) => void;
  onError: (error: Error) => void;
  signal: AbortSignal;
}

/** Tells each later document, once, until the signal; after a break it reads what it may have missed. */
export async function watchRing(etcdUrl: string, { version, onChange, onError, signal }: WatchOptions): Promise<void> {
  let known = version;
  const tell = (document: RingDocument): void => {
    if (document.version <= known) return;
    known = document.version;
    onChange(document);
  };
  while (!signal.aborted) {
    try {
      const { document, revision } = await readRing(etcdUrl);
      tell(document);
      for await (const next of changesSince(etcdUrl, revision, signal)) tell(next);
    } catch (error) {
      if (signal.aborted) return;
      onError(error instanceof Error ? error : new Error(String(error)));
    }
    await sleep(REWATCH_MS, undefined, { signal }).catch(() => {});
  }
}

/** Ends when etcd ends the stream, or has thrown away what came after that revision. */
async function* changesSince(etcdUrl: string, revision: number, signal: AbortSignal): AsyncGenerator<RingDocument> {
  const request = { create_request: { key: toBase64(KEY), start_revision: String(revision + 1) } };
  const answer = await fetch(`${etcdUrl}/v3/watch`, { method: "POST", body: JSON.stringify(request), signal });
  if (!answer.ok || answer.body === null) throw new Error(`etcd answers ${answer.status} to a watch`);
  for await (const line of linesOf(answer.body)) {
    const { result } = v.parse(WatchAnswer, JSON.parse(line));
    if (result.canceled) return;
    for (const event of result.events) if (event.type === "PUT") yield decodeDocument(event.kv.value);
  }
}

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") yield line;
  }
}

async function post(url: string, body: object): Promise<Response> {
  const answer = await fetch(url, {
    method: "POST",
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(REQUEST_WAIT_MS),
  });
  if (!answer.ok) throw new Error(`etcd answers ${answer.status}: ${await answer.text()}`);
  return answer;
}

function decodeDocument(base64: string): RingDocument {
  return v.parse(Document, JSON.parse(Buffer.from(base64, "base64").toString("utf8")));
}

function toBase64(text: string): string {
  return Buffer.from(text).toString("base64");
}
