/** package.json and package-lock.json: exact versions, and both the same. */
import { type Finding, lineAt, type TextFile } from "./tree.ts";

const EXACT = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/;
const KINDS = ["dependencies", "devDependencies"] as const;

/** Where the lock file may fetch from: a registry by its public name, which npm replaces by the one of its own settings. */
const REGISTRY = "https://registry.";

function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}

/** `value[key]` of something that was read from JSON, or undefined. */
function at(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

function entries(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

export function checkPins(files: readonly TextFile[]): Finding[] {
  const manifest = files.find((file) => file.path === "package.json");
  const lock = files.find((file) => file.path === "package-lock.json");
  const wanted = parse(manifest?.text);
  const packages = at(parse(lock?.text), "packages");
  if (manifest === undefined || wanted === undefined) return [missing("package.json")];
  if (lock === undefined || packages === undefined) return [missing("package-lock.json")];

  const findings: Finding[] = [];
  for (const kind of KINDS) {
    for (const [name, version] of entries(at(wanted, kind))) {
      const line = lineAt(manifest.text, manifest.text.indexOf(`"${name}": "`));
      if (!EXACT.test(String(version))) {
        const message = `${name} is not pinned: write the exact version, not ${String(version)}`;
        findings.push({ path: manifest.path, line, message });
      }
      const locked = at(at(packages, `node_modules/${name}`), "version");
      if (locked === version && at(at(at(packages, ""), kind), name) === version) continue;
      const message = `${name} ${String(version)} is not what package-lock.json holds: run npm install`;
      findings.push({ path: manifest.path, line, message });
    }
    for (const [name] of entries(at(at(packages, ""), kind))) {
      if (at(at(wanted, kind), name) !== undefined) continue;
      findings.push({ path: lock.path, line: 1, message: `${name} is not in package.json: run npm install` });
    }
  }
  return [...findings, ...checkWhole(lock, packages), ...checkSources(lock, packages)];
}

/** `npm ci` refuses a lock file that leaves out a package of another platform, which `npm install` just skips. */
function checkWhole(lock: TextFile, packages: unknown): Finding[] {
  const paths = new Set(entries(packages).map(([path]) => path));
  return entries(packages).flatMap(([path, entry]) =>
    [...entries(at(entry, "dependencies")), ...entries(at(entry, "optionalDependencies"))]
      .filter(([name]) => !foldersAbove(path).some((folder) => paths.has(`${folder}node_modules/${name}`)))
      .map(([name]) => ({
        path: lock.path,
        line: lineAt(lock.text, lock.text.indexOf(`"${path}": {`)),
        message: `${name} of ${path || "package.json"} is missing: npm ci refuses the file`,
      })),
  );
}

/** Where Node looks for what the package at `path` imports: inside it, in each package around it, in the root. */
function foldersAbove(path: string): string[] {
  const folders: string[] = [];
  let folder = path;
  while (folder !== "") {
    folders.push(`${folder}/`);
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf("node_modules/") - 1));
  }
  return [...folders, ""];
}

function checkSources(lock: TextFile, packages: unknown): Finding[] {
  return entries(packages)
    .map(([name, entry]) => ({ name, from: at(entry, "resolved") }))
    .filter(({ from }) => typeof from === "string" && !from.startsWith(REGISTRY))
    .map(({ name, from }) => ({
      path: lock.path,
      line: lineAt(lock.text, lock.text.indexOf(String(from))),
      message: `${name} is fetched from a host of one network: write ${REGISTRY}...`,
    }));
}

function missing(path: string): Finding {
  return { path, line: 1, message: "is missing or not JSON" };
}
