/** Requests to the Worker, and what its answers must look like. */
import { env } from "cloudflare:workers";
import { createExecutionContext } from "cloudflare:test";
import { expect, vi } from "vitest";

import { signToken } from "../../src/auth/token.ts";
import type { TokenSubject } from "../../src/auth/token.ts";
import type { AuthSettings } from "../../src/settings.ts";
import worker from "../../src/worker.ts";

/** The secret of the Worker under test, which its objects use, too. */
const SECRET = String(Reflect.get(env, "AUTH_SECRET"));
const AUTH: Extract<AuthSettings, { kind: "hs256" }> = {
  kind: "hs256",
  secrets: [new TextEncoder().encode(SECRET)],
};
export const HOUR_S = 3600;

type Vars = Readonly<Record<string, unknown>>;

export function envWith(more: Vars = {}): Env {
  const vars = { AUTH_SECRET: SECRET, ...more };
  return { ...env, ...vars };
}

/** An env whose objects are all this one; for what a real object does only when it is full, busy or broken. */
export function envWithObject(object: object, more: Vars = {}) {
  const getByName = vi.fn((_name: string, _options?: DurableObjectNamespaceGetDurableObjectOptions) => object);
  return { getByName, env: envWith({ USER: { getByName }, ...more }) };
}

/** Every setting but the secret at its default. */
export const PLAIN = envWith();

let people = 0;

/** A user id that no other test has. */
export function someone(): string {
  people += 1;
  return `api-${people}`;
}

export async function tokenOf(user: string, more: Partial<TokenSubject> = {}, lifetimeS = HOUR_S): Promise<string> {
  return (await signToken(AUTH, { user, ...more }, { nowMs: Date.now(), lifetimeS })).token;
}

export interface Call {
  readonly as?: string;
  readonly token?: string;
  readonly json?: unknown;
  readonly body?: BodyInit;
  readonly headers?: Readonly<Record<string, string>>;
  readonly env?: Env;
  readonly cf?: RequestInitCfProperties;
}

/** One request to the Worker, `METHOD /path`; `as` signs a token for that user. */
export async function call(line: string, options: Call = {}): Promise<Response> {
  const [method = "", path = ""] = line.split(" ");
  const headers = new Headers(options.headers);
  const token = options.token ?? (options.as === undefined ? undefined : await tokenOf(options.as));
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  if (options.json !== undefined && !headers.has("content-type")) headers.set("content-type", "application/json");
  const body = options.json === undefined ? options.body : JSON.stringify(options.json);
  const init: RequestInit = { method, headers, redirect: "manual" };
  if (body !== undefined) init.body = body;
  if (options.cf !== undefined) init.cf = options.cf;
  return worker.fetch(new Request(`https://nearby.test${path}`, init), options.env ?? PLAIN, createExecutionContext());
}

export interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly { pointer: string; detail: string }[];
}

export async function expectProblem(response: Response, status: number, code: string): Promise<Problem> {
  const text = await response.text();
  expect(response.status, text).toBe(status);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(response.headers.get("cache-control")).toBe("no-store");
  const body: Problem & { status: number } = JSON.parse(text);
  expect(body).toMatchObject({ type: "about:blank", status, code, title: expect.any(String) });
  expect(body.detail).toMatch(/^[A-Z`].{10,}$/);
  return body;
}

export async function expectOk(response: Response, status = 200): Promise<unknown> {
  const text = await response.text();
  expect(response.status, text).toBe(status);
  expect(response.headers.get("content-type")).toBe("application/json");
  return JSON.parse(text);
}

/** The pointers of a 400. */
export async function expectPointers(response: Response): Promise<string[]> {
  const { errors = [] } = await expectProblem(response, 400, "bad_request");
  for (const { detail } of errors) expect(detail).toMatch(/^(must be|is not) /);
  return errors.map(({ pointer }) => pointer);
}

export function silenceLog() {
  return vi.spyOn(console, "error").mockImplementation(() => undefined);
}
