/**
 * Fronts: processes that hold the sockets, so that the open files of the runtime are there for its objects.
 *
 * Each is a workerd of its own that listens on the same port (the kernel deals the connections out) and hands every request
 * on over one connection for all of them, in workerd's own protocol. In the runtime a socket then takes no descriptor at
 * all. That connection goes to workerd's debug port, behind which everything can be called: a Unix socket in a directory
 * that nobody else may enter, and never an address.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire, stripTypeScriptTypes } from "node:module";
import { createServer, type Server } from "node:net";
import { join } from "node:path";

const WITH_DOOR_FILE = join(import.meta.dirname, "workerd-with-door.sh");
const WORKER_FILE = join(import.meta.dirname, "front-worker.ts");
const CONFIG_NAME = "front.capnp";
const WORKER_NAME = "front.js";
const DOOR_NAME = "door";
/** The first descriptor after stdin, stdout and stderr. */
const LISTENING_FD = 3;
/** One that ends sooner than this after its start could not start, and would not the next time. */
const LASTS_MS = 500;
/** Of the lines that a front has written, so many characters are kept to say why it ended. */
const KEPT_CHARS = 4_096;

export interface FrontsOptions {
  readonly host: string;
  readonly port: number;
  readonly count: number;
  readonly compatibilityDate: string;
  /** The name of the Worker among the runtime's services. */
  readonly service: string;
  readonly onLine: (line: string) => void;
  /** One has ended. It was started again, unless it was too young to be worth it. */
  readonly onEnded: (ended: { lastLines: string; isFinal: boolean }) => void;
}

/** Where the runtime lets fronts in. Made before the runtime starts, which has to listen there. */
export class Door {
  /** Nobody else may enter it. */
  readonly dir: string;
  readonly #workerd = workerdPath();

  constructor(dir: string) {
    this.dir = dir;
  }

  get address(): string {
    return `unix:${join(this.dir, DOOR_NAME)}`;
  }

  get workerd(): string {
    return this.#workerd;
  }

  /** Makes Miniflare start the runtime with the door: it takes the path of the program from the environment. */
  openIn(env: NodeJS.ProcessEnv): void {
    env["MINIFLARE_WORKERD_PATH"] = WITH_DOOR_FILE;
    env["NEARBY_WORKERD"] = this.#workerd;
    env["NEARBY_DOOR"] = this.address;
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export class Fronts {
  readonly #door: Door;
  readonly #options: FrontsOptions;
  readonly #processes = new Set<ChildProcess>();
  #stopped = false;

  constructor(door: Door, options: FrontsOptions) {
    this.#door = door;
    this.#options = options;
  }

  async start(): Promise<void> {
    const { compatibilityDate, service, count } = this.#options;
    const { dir, address } = this.#door;
    writeFileSync(join(dir, WORKER_NAME), stripTypeScriptTypes(readFileSync(WORKER_FILE, "utf8")));
    writeFileSync(join(dir, CONFIG_NAME), configOf({ compatibilityDate, service, address }));
    for (let front = 0; front < count; front += 1) await this.#startOne();
  }

  get pids(): number[] {
    return [...this.#processes].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  stop(): void {
    this.#stopped = true;
    for (const process of this.#processes) process.kill("SIGKILL");
  }

  async #startOne(): Promise<void> {
    const { host, port } = this.#options;
    const server = createServer((socket) => socket.destroy());
    server.listen({ host, port, reusePort: true });
    await once(server, "listening");
    const startMs = performance.now();
    const args = ["serve", join(this.#door.dir, CONFIG_NAME), "--experimental", `--socket-fd=http=${LISTENING_FD}`];
    const front = spawn(this.#door.workerd, args, { stdio: ["ignore", "pipe", "pipe", descriptorOf(server)] });
    // The front has a copy. What this process keeps open would take connections that nobody answers.
    server.close();
    this.#processes.add(front);
    let lastLines = "";
    const onData = (chunk: Buffer) => {
      lastLines = `${lastLines}${chunk.toString()}`.slice(-KEPT_CHARS);
      this.#options.onLine(chunk.toString().trimEnd());
    };
    front.stdout?.on("data", onData);
    front.stderr?.on("data", onData);
    front.on("close", () => void this.#ended(front, { lastLines, lastedMs: performance.now() - startMs }));
  }

  async #ended(front: ChildProcess, { lastLines, lastedMs }: { lastLines: string; lastedMs: number }): Promise<void> {
    this.#processes.delete(front);
    if (this.#stopped) return;
    const isFinal = lastedMs < LASTS_MS;
    if (!isFinal) await this.#startOne();
    this.#options.onEnded({ lastLines, isFinal });
  }
}

function configOf({
  compatibilityDate,
  service,
  address,
}: Record<"compatibilityDate" | "service" | "address", string>) {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "front", worker = .front)],
  # The address is that of the descriptor which is handed over.
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "front")],
);
const front :Workerd.Worker = (
  modules = [(name = "${WORKER_NAME}", esModule = embed "${WORKER_NAME}")],
  compatibilityDate = "${compatibilityDate}",
  durableObjectNamespaces = [(className = "Hall", uniqueKey = "hall", preventEviction = true)],
  durableObjectStorage = (inMemory = void),
  bindings = [
    (name = "HALL", durableObjectNamespace = "Hall"),
    (name = "DOOR", workerdDebugPort = void),
    (name = "ADDRESS", text = "${address}"),
    (name = "SERVICE", text = "${service}"),
  ],
);
`;
}

/** The program that Miniflare starts, so that both ends are of one version. */
function workerdPath(): string {
  const miniflareFile = createRequire(import.meta.url).resolve("miniflare");
  const found: unknown = createRequire(miniflareFile)("workerd");
  if (typeof found === "object" && found !== null && "default" in found && typeof found.default === "string") {
    return found.default;
  }
  throw new Error("the package workerd does not say where its program is");
}

/** Node hands a listening socket on only to processes that run Node; others need its descriptor. */
function descriptorOf(server: Server): number {
  const handle: unknown = Reflect.get(server, "_handle");
  if (typeof handle === "object" && handle !== null && "fd" in handle && typeof handle.fd === "number")
    return handle.fd;
  throw new Error("this system has no descriptors for sockets: --fronts needs Linux");
}
