import { Hono } from "hono";

import type { ApiEnv } from "./context.ts";

/** What the web app must know before anybody has signed in. */
export interface AppConfig {
  /** Of the basemap; null: the app draws its own. */
  readonly mapStyleUrl: string | null;
  /** Whether `POST /dev/login` hands out tokens here. */
  readonly devLogin: boolean;
}

/** The web app is a file, the same for every server: what differs between them it asks for here. */
export const appConfig = new Hono<ApiEnv>().get("/config.json", (c) => {
  const { devLogin, mapStyleUrl } = c.var.settings;
  const config: AppConfig = { mapStyleUrl, devLogin };
  c.header("cache-control", "no-store");
  return c.json(config);
});
