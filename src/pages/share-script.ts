import { CLOSE } from "../protocol/errors.ts";
import { PING, PING_AFTER_SILENCE_MS } from "../protocol/limits.ts";

/** After two pings in a row that nobody answered, the connection is taken for dead. */
const SILENT_TOO_LONG_MS = 2.5 * PING_AFTER_SILENCE_MS;

/** The first wait before a new connection; each further one is twice as long, with a random part against a crowd in step. */
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;

/**
 * The live part of the share page, as a browser runs it. Text, because nothing that was compiled for the Worker could be
 * handed to a browser as it is; what comes from the server becomes text of the page and never markup.
 */
export const SHARE_SCRIPT = `
(() => {
  const part = (id) => document.getElementById(id);
  const { now, endsAt } = part("live").dataset;
  const aheadMs = Number(now) - Date.now();
  const endMs = Number(endsAt);
  let socket = null;
  let fix = null;
  let heardMs = 0;
  let failures = 0;
  let retryTimer = null;
  let ended = false;

  const serverMs = () => Date.now() + aheadMs;

  function span(ms) {
    const s = Math.max(0, Math.floor(ms / 1000));
    if (s < 60) return s + " s";
    const min = Math.floor(s / 60);
    if (min < 60) return min + " min";
    const h = Math.floor(min / 60);
    return h < 24 ? h + " h " + (min % 60) + " min" : Math.floor(h / 24) + " d " + (h % 24) + " h";
  }

  function state(text, isLive) {
    part("state").textContent = text;
    part("state").className = isLive ? "state live" : "state";
  }

  function draw() {
    const nowMs = serverMs();
    part("left").textContent = "in " + span(endMs - nowMs) + ",";
    if (fix !== null) part("age").textContent = span(nowMs - fix.ts) + " ago";
    // Nothing prolongs a share, and a browser hears of a close up to seconds later.
    if (nowMs >= endMs) end();
  }

  function show(frame) {
    fix = frame;
    if (typeof frame.name === "string") part("name").textContent = frame.name;
    part("place").textContent = frame.lat.toFixed(5) + ", " + frame.lng.toFixed(5);
    const at = frame.lat + "/" + frame.lng;
    part("map").href =
      "https://www.openstreetmap.org/?mlat=" + frame.lat + "&mlon=" + frame.lng + "#map=16/" + at;
    part("fix").hidden = false;
    part("waiting").hidden = true;
    draw();
  }

  function leave() {
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    socket = null;
  }

  function end() {
    if (ended) return;
    ended = true;
    leave();
    clearInterval(drawTimer);
    clearInterval(pingTimer);
    clearTimeout(retryTimer);
    // The last place is not for those who come back to an open page.
    part("live").remove();
    state("This share has ended.", false);
  }

  function connect() {
    if (ended) return;
    heardMs = Date.now();
    const opened = new WebSocket(location.origin.replace(/^http/, "ws") + location.pathname + "/connect");
    socket = opened;
    opened.onopen = () => {
      state("Live", true);
      // The runtime ends a connection late, by seconds, on which the client never sent anything.
      opened.send(${JSON.stringify(PING)});
    };
    opened.onmessage = ({ data }) => {
      heardMs = Date.now();
      failures = 0;
      if (data.startsWith("{")) {
        const frame = JSON.parse(data);
        if (frame.type === "share") show(frame);
      }
    };
    opened.onclose = ({ code }) => (code === ${CLOSE.shareEnded} ? end() : lost());
  }

  function lost() {
    leave();
    state("No connection. Trying again…", false);
    const waitMs = Math.min(${RETRY_MAX_MS}, ${RETRY_FIRST_MS} * 2 ** failures) * (0.5 + Math.random() / 2);
    failures += 1;
    clearTimeout(retryTimer);
    retryTimer = setTimeout(retry, waitMs);
  }

  // A browser does not say why a socket was refused; the page itself does.
  function retry() {
    fetch(location.pathname, { method: "HEAD", cache: "no-store" }).then(
      ({ status }) => (status === 404 ? end() : connect()),
      lost,
    );
  }

  function ping() {
    if (socket === null || socket.readyState !== WebSocket.OPEN) return;
    if (Date.now() - heardMs > ${SILENT_TOO_LONG_MS}) lost();
    else socket.send(${JSON.stringify(PING)});
  }

  const drawTimer = setInterval(draw, 1000);
  const pingTimer = setInterval(ping, ${PING_AFTER_SILENCE_MS});
  draw();
  connect();
})();
`;
