/** What a phone has to know to report here. */
export interface OwnTracksAccess {
  /** Of `POST /owntracks`. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** Passphrase, 32 characters. */
  readonly encryptionKey: string;
  /** What the phone calls its own user. */
  readonly tid: string;
  /** Tells the user's phones apart. */
  readonly deviceId: string;
}

const HTTP_MODE = 3;

/** The configuration that both apps import (https://owntracks.org/booklet/features/remoteconfig/). */
export function ownTracksConfiguration({ url, user, password, encryptionKey, tid, deviceId }: OwnTracksAccess) {
  return {
    _type: "configuration",
    mode: HTTP_MODE,
    url,
    auth: true,
    username: user,
    password,
    deviceId,
    tid,
    encryptionKey,
  } as const;
}

/** Opens the app and shows the configuration, which the owner of the phone has to accept. */
export function ownTracksLink(access: OwnTracksAccess): string {
  const json = JSON.stringify(ownTracksConfiguration(access));
  const base64 = btoa(String.fromCharCode(...new TextEncoder().encode(json)));
  return `owntracks:///config?inline=${encodeURIComponent(base64)}`;
}
