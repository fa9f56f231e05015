import { describe, expect, test, vi } from "vitest";

import { call, envWith, envWithObject, expectProblem, someone, tokenOf } from "./api-calls.ts";

describe("/v1/connect", () => {
  const UPGRADE = { upgrade: "websocket" };

  /** The first frame of an accepted socket, which is closed afterwards. */
  async function firstFrame(response: Response): Promise<unknown> {
    expect(response.status).toBe(101);
    const socket = response.webSocket;
    if (socket === null) throw new Error("101 without a socket");
    const frame = new Promise<string>((resolve) => {
      socket.addEventListener("message", ({ data }) => resolve(String(data)), { once: true });
    });
    socket.accept();
    const text = await frame;
    socket.close(1000);
    return JSON.parse(text);
  }

  test("[CONN1] 426 comes first", async () => {
    for (const options of [{}, { as: someone() }, { headers: { upgrade: "h2c" } }]) {
      const response = await call("GET /v1/connect?device=!", options);
      expect(response.headers.get("upgrade")).toBe("websocket");
      await expectProblem(response, 426, "upgrade_required");
    }
    await expectProblem(await call("HEAD /v1/connect", { headers: UPGRADE }).then(withBody), 426, "upgrade_required");
  });

  /** HEAD has no body to check: the same answer to GET has. */
  async function withBody(head: Response): Promise<Response> {
    expect(head.status).toBe(426);
    expect(await head.text()).toBe("");
    return call("GET /v1/connect");
  }

  test("[CONN2] 401 comes before everything else about the handshake", async () => {
    const headers = { ...UPGRADE, origin: "https://evil.example", "sec-websocket-protocol": "chat" };
    const strict = envWithObject({}, { ALLOWED_ORIGINS: "https://app.example" });
    await expectProblem(await call("GET /v1/connect?device=!", { headers, env: strict.env }), 401, "unauthorized");
    expect(strict.getByName).not.toHaveBeenCalled();
  });

  test("[CONN3] a subprotocol carries the token, the header wins", async () => {
    const [ann, bob] = [someone(), someone()];
    const offered = { ...UPGRADE, "sec-websocket-protocol": `nearby.v1, bearer.${await tokenOf(ann)}` };
    expect(await firstFrame(await call("GET /v1/connect", { headers: offered }))).toMatchObject({ user: ann });
    expect(await firstFrame(await call("GET /v1/connect", { as: bob, headers: offered }))).toMatchObject({ user: bob });
    await expectProblem(await call("GET /v1/connect", { token: "bad", headers: offered }), 401, "unauthorized");
    const basic = { ...offered, authorization: "Basic YTpi" };
    expect(await firstFrame(await call("GET /v1/connect", { headers: basic }))).toMatchObject({ user: ann });
  });

  test("[CONN4] an origin that is not allowed is 403, none at all passes", async () => {
    const strict = envWith({ ALLOWED_ORIGINS: "https://app.example,capacitor://localhost" });
    const connectFrom = async (origin: string | undefined): Promise<Response> => {
      const headers = origin === undefined ? UPGRADE : { ...UPGRADE, origin };
      return call("GET /v1/connect", { as: someone(), headers, env: strict });
    };
    for (const origin of ["https://evil.example", "http://app.example", "https://app.example:8443", "null"]) {
      await expectProblem(await connectFrom(origin), 403, "forbidden");
    }
    for (const origin of ["https://app.example", "capacitor://localhost", undefined]) {
      expect(await firstFrame(await connectFrom(origin))).toMatchObject({ type: "welcome" });
    }
    const anywhere = { ...UPGRADE, origin: "https://evil.example" };
    expect(await firstFrame(await call("GET /v1/connect", { as: someone(), headers: anywhere }))).toBeTruthy();
  });

  test("[CONN5] subprotocols without nearby.v1 are 400", async () => {
    for (const offer of ["chat", "nearby.v2", `bearer.${await tokenOf("ann")}`]) {
      const headers = { ...UPGRADE, "sec-websocket-protocol": offer };
      await expectProblem(await call("GET /v1/connect", { as: "ann", headers }), 400, "bad_request");
    }
  });

  test("[CONN6] nearby.v1 is echoed when it is offered, and only then", async () => {
    const offers = [
      [undefined, null],
      ["nearby.v1", "nearby.v1"],
      ["chat, nearby.v1", "nearby.v1"],
    ] as const;
    for (const [offer, echo] of offers) {
      const headers = offer === undefined ? UPGRADE : { ...UPGRADE, "sec-websocket-protocol": offer };
      const response = await call("GET /v1/connect", { as: someone(), headers });
      expect(response.headers.get("sec-websocket-protocol")).toBe(echo);
      expect(await firstFrame(response)).toMatchObject({ type: "welcome" });
    }
  });

  test("[CONN7] device follows the rule of user ids", async () => {
    const ann = someone();
    for (const device of ["", ".", "..", "a b", "a%2Fb", "%zz", "x".repeat(65)]) {
      const response = await call(`GET /v1/connect?device=${device.replaceAll(" ", "%20")}`, {
        as: ann,
        headers: UPGRADE,
      });
      await expectProblem(response, 400, "bad_request");
    }
    for (const device of ["phone", "x".repeat(64), "a%40b"]) {
      const response = await call(`GET /v1/connect?device=${device}`, { as: ann, headers: UPGRADE });
      expect(await firstFrame(response)).toMatchObject({ type: "welcome" });
    }
  });

  test("the object gets the caller and nothing that the client sent", async () => {
    const fetchObject = vi.fn<(request: Request) => Promise<Response>>(() =>
      Promise.resolve(new Response("no", { status: 418 })),
    );
    const { env: fake } = envWithObject({ fetch: fetchObject });
    const token = await tokenOf("ann", { name: "Zoë 🦊", role: "admin" });
    const headers = {
      ...UPGRADE,
      cookie: "a=b",
      "x-nearby-caller": '{"user":"bob"}',
      "x-nearby-device": "spoofed",
      "sec-websocket-protocol": "nearby.v1",
    };
    const response = await call("GET /v1/connect", { token, headers, env: fake });
    expect(response.status).toBe(418);
    const seen = fetchObject.mock.calls[0]?.[0];
    expect([...(seen?.headers.keys() ?? [])]).toEqual(["upgrade", "x-nearby-caller"]);
    expect(JSON.parse(seen?.headers.get("x-nearby-caller") ?? "")).toEqual({
      user: "ann",
      expMs: expect.any(Number),
      requestId: expect.any(String),
      role: "admin",
      name: "Zoë 🦊",
    });
    await call("GET /v1/connect?device=phone", { as: "ann", headers, env: fake });
    expect(fetchObject.mock.calls[1]?.[0].headers.get("x-nearby-device")).toBe("phone");
  });
});
