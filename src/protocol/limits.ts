export { PROTOCOL_VERSION } from "./version.ts";

/** The subprotocol that a client offers and the server echoes. */
export const SUBPROTOCOL = "nearby.v1";

/** Browsers cannot set headers on a WebSocket: the token travels as an offered subprotocol, this followed by the JWT. */
export const BEARER_SUBPROTOCOL_PREFIX = "bearer.";

/** Exact text frames of the keep-alive: the runtime answers the first with the second without waking the object. */
export const PING = "ping";
export const PONG = "pong";

/** A client that sent nothing for so long sends `PING`: proxies and mobile networks drop idle connections after about a minute. */
export const PING_AFTER_SILENCE_MS = 30_000;

/** UTF-8 bytes of one frame. 100 points with every field and all digits of a double take 15.6 KB; more is no position report. */
export const FRAME_MAX_BYTES = 16_384;

/** Points in one `locations` frame: 50 minutes offline at the normal rate; bounds the work that one frame causes. */
export const POINTS_PER_FRAME_MAX = 100;

/** Open sockets of one user: phone, tablet, browser tabs. Bounds the copies of each frame that the object sends. */
export const CONNECTIONS_PER_USER_MAX = 10;

/** Frames that a connection may send at once: a backlog after a tunnel. Protects the user's own object, which is one thread. */
export const FRAME_BURST = 100;

/** Frames a second after the burst: 300 times the normal rate, and an object still serves ten such connections. */
export const FRAMES_PER_S = 10;

/**
 * Seconds over which clients spread when they come back after a planned restart. Nobody is to be away for more than five,
 * so two are left for the handshake; and sockets that a stopping server closes all at once do not come back all at once.
 */
export const RESTART_SPREAD_S = 3;

/** Bad frames in a row until 1008: a client that never gets one right is broken, and each costs an answer. */
export const BAD_FRAMES_IN_A_ROW_MAX = 20;

/** Frames refused as too fast until 1008: after so many refusals the client is not listening. */
export const TOO_FAST_FRAMES_MAX = 100;

/** Characters of a user id or device id: it names an object and appears in every frame about that user. */
export const USER_ID_MAX_CHARS = 64;

/** Characters of a display name: it is copied into every friend's `nearby`. */
export const NAME_MAX_CHARS = 100;

/** Characters of an avatar URL: copied like the name. */
export const AVATAR_MAX_CHARS = 500;

/** How long `nearby` waits for friends to answer: a slow friend must not keep the others off the screen. */
export const SNAPSHOT_WAIT_MS = 2_000;

/** Accepted friends of one user: bounds the meetings of one activation and the size of `nearby`. */
export const FRIENDS_MAX = 5_000;

/** Requests that wait for this user's answer: strangers must not be able to fill the user's storage. */
export const PENDING_IN_MAX = 200;

/** Requests of this user that wait for others: bounds what one account can send to strangers. */
export const PENDING_OUT_MAX = 100;

/**
 * People that a user asked in a day whatever became of it, beyond those who accepted: each question makes an object for an
 * id that may belong to nobody.
 */
export const ASKS_PER_DAY_MAX = 300;

/** People that one user may block. */
export const BLOCKS_MAX = 1_000;

/** Open invites of one user: more are not links to people but a list that somebody has to keep. */
export const INVITES_MAX = 50;

/** How long an invite lives at most, and if nothing is said: a week. A link that lies around must not work for ever. */
export const INVITE_MINUTES_MAX = 7 * 24 * 60;

/** People who may accept one invite: a group, not a public notice. */
export const INVITE_USES_MAX = 100;

/** Open shares of one user: each has viewers, and every position goes to all of them. */
export const SHARES_MAX = 20;

/** How long a share lives at most: a week. Whoever holds the link sees the user without any account. */
export const SHARE_MINUTES_MAX = 7 * 24 * 60;

/** Viewers of one share at once: bounds the copies of each position that the object sends. */
export const SHARE_VIEWERS_MAX = 100;

/** Devices of one user that have a password: phones, tablets, and those that were lost or sold and never removed. */
export const DEVICES_MAX = 20;

/** Reports of phone apps that a user may send at once: a queue after a tunnel. Both apps send the rest later when told so. */
export const PHONE_REPORT_BURST = 20;

/** Reports of phone apps a second after the burst: each is a row without a socket, and an object does some hundreds of them. */
export const PHONE_REPORTS_PER_S = 20;

/** Bytes of a phone app's report. A photo that somebody attached to a place comes along with the position. */
export const PHONE_BODY_MAX_BYTES = 1024 * 1024;

/** OwnTracks at rest sends one position in 15 minutes, on both platforms: it is not gone before that. */
export const OWNTRACKS_REST_MS = 15 * 60_000;

/** The longest time for which a source may be silent although nothing is wrong. */
export const REST_MAX_MS = OWNTRACKS_REST_MS;

/** Lines of one import: each may be two calls to objects, and an invocation of a Worker may make 10,000. */
export const IMPORT_LINES_MAX = 4_000;

/** Bytes of one import: as many lines as are allowed take 632 KB with the longest ids, and spaces are nothing to refuse for. */
export const IMPORT_MAX_BYTES = 1024 * 1024;

/** How far ahead a pause may end: a year. Beyond it is a mistake in the unit. */
export const PAUSE_MAX_MS = 366 * 24 * 60 * 60 * 1_000;

/** Nearby strangers in one `people` frame: more is a crowd, not a list. */
export const PEOPLE_MAX = 20;

/** Opting in to strangers (`discover`) after which the list comes at once; beyond it, with the next position. Each asks up to five objects. */
export const DISCOVER_BURST = 5;

/** After the burst, one such list per so long: the pace of positions. */
export const DISCOVER_MIN_MS = 5_000;

/** Earliest `ts`, 2000-01-01 UTC. Below it are seconds sent for milliseconds, and clocks that were never set. */
export const TS_MIN_MS = 946_684_800_000;

/** How far `ts` may be ahead of the server: a wrong time zone is forgiven, microseconds sent for milliseconds are not. */
export const TS_AHEAD_MAX_MS = 24 * 60 * 60 * 1_000;

/** Speeds and accuracies have no upper limit on purpose (aircraft, cell towers); headings are a full circle. */
export const HEADING_MAX_DEG = 360;
