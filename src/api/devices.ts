import { Hono } from "hono";
import * as v from "valibot";

import { deviceIdOf, devicePassword, encryptionKeysOf, newDeviceSecret } from "../auth/device.ts";
import { ownTracksLink } from "../ingest/owntracks/configuration.ts";
import { chooseTid } from "../ingest/owntracks/tid.ts";
import { DEVICES_MAX, NAME_MAX_CHARS } from "../protocol/limits.ts";
import { DEVICE_APPS } from "../protocol/resources.ts";
import type { DeviceApp } from "../protocol/resources.ts";
import { readObject } from "./body.ts";
import { ownObject } from "./context.ts";
import type { CallerEnv } from "./context.ts";
import { linksConfigured } from "./links.ts";
import { NameSchema } from "./me.ts";
import { badFields, fieldErrors, ONE_PER_FIELD, problem } from "./problem.ts";
import { qrSvg } from "./qr.ts";

export const DeviceSchema = v.strictObject({ app: v.picklist(DEVICE_APPS), name: v.exactOptional(NameSchema) });

const RULES: ReadonlyMap<unknown, string> = new Map([
  ["app", `must be one of ${DEVICE_APPS.join(", ")}`],
  ["name", `must be one line of 1 to ${NAME_MAX_CHARS} characters, or left out`],
]);

/** Of a host name (RFC 1035, 2.3.4) with its port: the link has to fit into a QR code. */
const HOST_MAX_CHARS = 260;

/** So much of a device's id tells the phones of one user apart. */
const DEVICE_NAME_CHARS = 8;

interface Access {
  /** Where the app reports to. */
  readonly endpoint: string;
  readonly user: string;
  readonly name: string | undefined;
  readonly password: string;
  readonly id: string;
  readonly encryptionKey: string;
}

/** Phone apps that report for the caller, each with a password of its own that can do nothing else. */
export const devices = new Hono<CallerEnv>()
  .use(linksConfigured)
  .get("/", async (c) => {
    const { caller } = c.var;
    return c.json({ devices: await ownObject(c, caller.user).listDevices(caller) });
  })
  .post("/", async (c) => {
    const body = await readObject(c);
    if (!body.ok) return body.response;
    const parsed = v.safeParse(DeviceSchema, body.value, ONE_PER_FIELD);
    if (!parsed.success) {
      return badFields(
        fieldErrors(parsed.issues, (issue) => RULES.get(issue.path?.at(-1)?.key) ?? "is not a field of a device"),
      );
    }
    const { origin, host } = new URL(c.req.url);
    if (host.length > HOST_MAX_CHARS) return problem("bad_request", "The name of this host is too long for a QR code.");
    const { caller, settings } = c.var;
    const { user, name } = caller;
    const secret = newDeviceSecret();
    const { app } = parsed.output;
    const made = await ownObject(c, user).createDevice(caller, { ...parsed.output, id: await deviceIdOf(secret) });
    if ("refused" in made) {
      return problem(made.refused, `At most ${DEVICES_MAX} devices may have a password. Remove one that is not used.`);
    }
    const password = await devicePassword(settings.linkSecrets, { owner: user, secret });
    const [encryptionKey = ""] = await encryptionKeysOf(settings.linkSecrets, secret);
    const endpoint = `${origin}${ENDPOINTS[app]}`;
    const url = linkOf(app, { endpoint, user, name, password, id: made.id, encryptionKey });
    const sealed = app === "owntracks" ? { encryptionKey } : {};
    return c.json({ ...made, user, password, endpoint, ...sealed, url, qr: qrSvg(url) }, 201);
  })
  .delete("/:device", async (c) => {
    const { caller } = c.var;
    const isGone = await ownObject(c, caller.user).revokeDevice(caller, c.req.param("device"));
    return isGone ? c.body(null, 204) : problem("not_found", "There is no such device.");
  });

const ENDPOINTS = { owntracks: "/owntracks", traccar: "/osmand" } as const satisfies Record<DeviceApp, string>;

/** Opens the app on the phone that it is scanned with. */
function linkOf(app: DeviceApp, { endpoint, user, name, password, id, encryptionKey }: Access): string {
  if (app === "owntracks") {
    const tid = chooseTid({ id: user, ...(name === undefined ? {} : { name }) }, new Set());
    return ownTracksLink({
      url: endpoint,
      user,
      password,
      encryptionKey,
      tid,
      deviceId: id.slice(0, DEVICE_NAME_CHARS),
    });
  }
  return `org.traccar.client://config?${new URLSearchParams({ url: endpoint, id: password }).toString()}`;
}
