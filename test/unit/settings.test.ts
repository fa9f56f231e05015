import { describe, expect, test } from "vitest";

import { SETTINGS } from "../../src/settings-list.ts";
import { readSettings, SettingsError } from "../../src/settings.ts";

const SECRET = "s".repeat(32);
const JWKS = {
  AUTH_JWKS_URL: "https://id.example/keys.json",
  AUTH_ISSUER: "https://id.example",
  AUTH_AUDIENCE: "nearby",
};

const CLUSTER = {
  CASSANDRA_CONTACT_POINTS: "10.0.0.1, db.example:9043",
  CASSANDRA_DATACENTER: "dc1",
  CASSANDRA_KEYSPACE: "nearby",
};

function withSecret(more: Readonly<Record<string, unknown>> = {}): object {
  return { AUTH_SECRET: SECRET, ...more };
}

/** The refusal of these settings, or undefined when they are accepted. */
function refusal(env: object): SettingsError | undefined {
  try {
    readSettings(env);
    return undefined;
  } catch (error) {
    if (error instanceof SettingsError) return error;
    throw error;
  }
}

describe("the index of active friends", () => {
  const UPSTASH = { UPSTASH_REDIS_REST_URL: "https://x.upstash.io", UPSTASH_REDIS_REST_TOKEN: "AX0g==" };

  test("both settings turn it on; a final slash and white space are nobody's meaning", () => {
    const index = { url: "https://x.upstash.io", token: "AX0g==" };
    expect(readSettings(withSecret(UPSTASH)).index).toEqual(index);
    const sloppy = { UPSTASH_REDIS_REST_URL: " https://x.upstash.io/\n", UPSTASH_REDIS_REST_TOKEN: "AX0g==\n" };
    expect(readSettings(withSecret(sloppy)).index).toEqual(index);
    const path = { ...UPSTASH, UPSTASH_REDIS_REST_URL: "http://127.0.0.1:8079/redis/" };
    expect(readSettings(withSecret(path)).index?.url).toBe("http://127.0.0.1:8079/redis");
  });

  test.each([
    [{ UPSTASH_REDIS_REST_TOKEN: "" }, "UPSTASH_REDIS_REST_TOKEN must be set with the URL"],
    [{ UPSTASH_REDIS_REST_URL: "" }, "UPSTASH_REDIS_REST_URL must be set with the token"],
    [{ UPSTASH_REDIS_REST_TOKEN: "two words" }, "UPSTASH_REDIS_REST_TOKEN must be printable ASCII without spaces"],
    [{ UPSTASH_REDIS_REST_TOKEN: "ключ" }, "UPSTASH_REDIS_REST_TOKEN must be printable ASCII without spaces"],
    [{ UPSTASH_REDIS_REST_URL: "x.upstash.io" }, "UPSTASH_REDIS_REST_URL must be an https URL"],
    [{ UPSTASH_REDIS_REST_URL: "http://x.upstash.io" }, "UPSTASH_REDIS_REST_URL must be an https URL"],
    [{ UPSTASH_REDIS_REST_URL: "redis://x.upstash.io:6379" }, "UPSTASH_REDIS_REST_URL must be an https URL"],
    [{ UPSTASH_REDIS_REST_URL: "https://user:key@x.upstash.io" }, "UPSTASH_REDIS_REST_URL must be an https URL"],
    [{ UPSTASH_REDIS_REST_URL: "https://x.upstash.io?a=1" }, "UPSTASH_REDIS_REST_URL must be an https URL"],
  ])("%j is refused", (wrong, message) => {
    const found = refusal(withSecret({ ...UPSTASH, ...wrong }))?.message;
    expect(found).toContain(message);
    for (const secret of ["AX0g", "two words", "key@"]) expect(found).not.toContain(secret);
  });
});

describe("defaults", () => {
  test("a secret is all that has to be set", () => {
    expect(readSettings(withSecret())).toEqual({
      auth: { kind: "hs256", secrets: [new TextEncoder().encode(SECRET)] },
      linkSecrets: [new TextEncoder().encode(SECRET)],
      allowedOrigins: "*",
      devLogin: false,
      index: null,
      radiusM: 8046.72,
      inactiveAfterMs: 600_000,
      updateEveryS: 30,
      updateEveryMs: 30_000,
      fanout: "exact",
      positionBurst: 30,
      positionMinMs: 5000,
      speedMaxMps: 150,
      history: { sinks: ["r2"], queues: 1 },
      monitorShards: 40,
      slowMs: 250,
      logLevel: "info",
      mapStyleUrl: null,
    });
  });

  test("an empty text counts as unset", () => {
    const empty = Object.fromEntries(SETTINGS.map(({ name }) => [name, ""]));
    expect(readSettings({ ...empty, AUTH_SECRET: SECRET, HISTORY_SINKS: "r2" })).toEqual(readSettings(withSecret()));
  });

  test("the defaults of the list are accepted when they are set", () => {
    const set = Object.fromEntries(SETTINGS.map((row) => [row.name, row.default]));
    expect(readSettings({ ...set, AUTH_SECRET: SECRET })).toEqual(readSettings(withSecret()));
  });

  test("every row of the list has a name of its own and a meaning", () => {
    expect(new Set(SETTINGS.map(({ name }) => name)).size).toBe(SETTINGS.length);
    for (const { meaning } of SETTINGS) expect(meaning).toMatch(/^.{10,}\.$/);
  });
});

describe("numbers", () => {
  test.each([
    ["RADIUS_M", "1", "radiusM", 1],
    ["RADIUS_M", "100000", "radiusM", 100_000],
    ["RADIUS_M", " 250.5 ", "radiusM", 250.5],
    ["RADIUS_M", 5000, "radiusM", 5000],
    ["INACTIVE_AFTER_S", "1", "inactiveAfterMs", 1000],
    ["INACTIVE_AFTER_S", "86400", "inactiveAfterMs", 86_400_000],
    ["INACTIVE_AFTER_S", "1.5", "inactiveAfterMs", 1500],
    ["UPDATE_EVERY_S", "0.5", "updateEveryMs", 500],
    ["UPDATE_EVERY_S", "0.5", "updateEveryS", 0.5],
    ["POSITION_BURST", "1", "positionBurst", 1],
    ["POSITION_BURST", "1000000", "positionBurst", 1_000_000],
    ["POSITION_MIN_S", "0", "positionMinMs", 0],
    ["POSITION_MIN_S", "0.001", "positionMinMs", 1],
    ["SPEED_MAX_MPS", "0", "speedMaxMps", 0],
    ["SPEED_MAX_MPS", "100000", "speedMaxMps", 100_000],
    ["MONITOR_SHARDS", "1", "monitorShards", 1],
    ["MONITOR_SHARDS", "1000", "monitorShards", 1_000],
  ])("%s=%s", (name, text, field, value) => {
    expect(readSettings(withSecret({ [name]: text }))).toMatchObject({ [field]: value });
  });

  test.each([
    ["RADIUS_M", "0.99", "from 1 to 100000"],
    ["RADIUS_M", "100000.01", "from 1 to 100000"],
    ["INACTIVE_AFTER_S", "0.99", "from 1 to 86400"],
    ["INACTIVE_AFTER_S", "86401", "from 1 to 86400"],
    ["UPDATE_EVERY_S", "0", "from 0.1 to 86400"],
    ["POSITION_BURST", "0", "a whole number of positions from 1"],
    ["POSITION_BURST", "1.5", "a whole number of positions from 1"],
    ["POSITION_BURST", "1000001", "a whole number of positions from 1"],
    ["POSITION_MIN_S", "-0.1", "from 0 to 86400"],
    ["SPEED_MAX_MPS", "-1", "from 0 to 100000"],
    ["SPEED_MAX_MPS", "100001", "from 0 to 100000"],
    ["MONITOR_SHARDS", "0", "from 1 to 1000"],
    ["MONITOR_SHARDS", "1001", "from 1 to 1000"],
  ])("%s=%s is refused at its limit", (name, text, allowed) => {
    const error = refusal(withSecret({ [name]: text }));
    expect(error?.setting).toBe(name);
    expect(error?.message).toContain(allowed);
  });

  test.each(["abc", "NaN", "Infinity", "-1", "0x10", "1e3", "1e400", "1,5", "5 km", "١٢", " "])(
    "RADIUS_M=%j is no number",
    (text) => {
      const error = refusal(withSecret({ RADIUS_M: text }));
      expect(error?.message).toBe("RADIUS_M must be a number of metres from 1 to 100000");
    },
  );

  test("what is neither text nor a number is refused", () => {
    expect(refusal(withSecret({ RADIUS_M: true }))?.message).toBe("RADIUS_M must be text");
    expect(refusal(withSecret({ FANOUT: { mode: "exact" } }))?.setting).toBe("FANOUT");
  });
});

describe("who may sign tokens", () => {
  test("without either setting nobody is let in", () => {
    expect(refusal({})?.setting).toBe("AUTH_SECRET");
    expect(refusal({})?.message).toContain("AUTH_JWKS_URL");
  });

  test("a secret of 31 bytes is refused, one of 32 is not", () => {
    const error = refusal({ AUTH_SECRET: "s".repeat(31) });
    expect(error?.message).toBe(
      "AUTH_SECRET must be one secret of at least 32 bytes, or several divided by commas (secret 1 has 31)",
    );
    expect(refusal({ AUTH_SECRET: "s".repeat(32) })).toBeUndefined();
  });

  test("bytes count, not characters", () => {
    expect(refusal({ AUTH_SECRET: "é".repeat(16) })).toBeUndefined();
    expect(refusal({ AUTH_SECRET: "é".repeat(15) })?.setting).toBe("AUTH_SECRET");
  });

  test("every secret of a list is held to it", () => {
    const { auth } = readSettings({ AUTH_SECRET: `${"a".repeat(32)}, ${"b".repeat(40)}\n` });
    expect(auth.kind === "hs256" && auth.secrets.map((secret) => secret.length)).toEqual([32, 40]);
    expect(refusal({ AUTH_SECRET: `${SECRET},abc` })?.message).toContain("secret 2 has 3");
    expect(refusal({ AUTH_SECRET: `${SECRET},` })?.message).toContain("secret 2 has 0");
  });

  test("a message never repeats a secret", () => {
    expect(refusal({ AUTH_SECRET: "hunter2" })?.message).not.toContain("hunter2");
  });

  test("a key set needs issuer and audience", () => {
    expect(readSettings(JWKS).auth).toEqual({
      kind: "jwks",
      url: new URL("https://id.example/keys.json"),
      issuer: "https://id.example",
      audience: "nearby",
    });
    expect(refusal({ ...JWKS, AUTH_ISSUER: "" })?.setting).toBe("AUTH_ISSUER");
    expect(refusal({ ...JWKS, AUTH_AUDIENCE: undefined })?.setting).toBe("AUTH_AUDIENCE");
  });

  test("issuer and audience may be set with a secret", () => {
    const { auth } = readSettings(withSecret({ AUTH_ISSUER: "app", AUTH_AUDIENCE: "nearby" }));
    expect(auth).toMatchObject({ kind: "hs256", issuer: "app", audience: "nearby" });
  });

  test("a secret and a key set exclude each other", () => {
    expect(refusal({ ...JWKS, AUTH_SECRET: SECRET })?.message).toBe(
      "AUTH_JWKS_URL must not be set together with AUTH_SECRET: choose one",
    );
  });

  test.each([
    ["https://id.example/keys.json", true],
    ["http://127.0.0.1:8080/keys", true],
    ["http://localhost/keys", true],
    ["http://[::1]/keys", true],
    ["http://id.example/keys.json", false],
    ["http://localhost.example/keys", false],
    ["https://user:pw@id.example/keys", false],
    ["file:///etc/keys.json", false],
    ["keys.json", false],
  ])("AUTH_JWKS_URL=%s", (url, isAllowed) => {
    expect(refusal({ ...JWKS, AUTH_JWKS_URL: url })?.setting).toBe(isAllowed ? undefined : "AUTH_JWKS_URL");
  });
});

describe("the other settings", () => {
  test.each([
    ["*", "*"],
    ["https://app.example", ["https://app.example"]],
    [
      "https://app.example, http://localhost:5173,capacitor://localhost",
      ["https://app.example", "http://localhost:5173", "capacitor://localhost"],
    ],
  ])("ALLOWED_ORIGINS=%s", (text, origins) => {
    expect(readSettings(withSecret({ ALLOWED_ORIGINS: text })).allowedOrigins).toEqual(origins);
  });

  test.each([
    "https://app.example/",
    "https://app.example/path",
    "https://APP.example",
    "https://app.example:443",
    "app.example",
    "null",
    "https://a.example,*",
    "https://a.example,",
    "https://*.example/",
    "file:///",
  ])("ALLOWED_ORIGINS=%s could never match and is refused", (text) => {
    expect(refusal(withSecret({ ALLOWED_ORIGINS: text }))?.setting).toBe("ALLOWED_ORIGINS");
  });

  test("only exact fan-out is served", () => {
    expect(readSettings(withSecret({ FANOUT: "economy" })).fanout).toBe("economy");
    expect(refusal(withSecret({ FANOUT: "naive" }))?.message).toBe("FANOUT must be exact or economy");
    expect(refusal(withSecret({ FANOUT: "EXACT" }))?.setting).toBe("FANOUT");
  });

  test("DEV_LOGIN is 1 or off", () => {
    expect(readSettings(withSecret({ DEV_LOGIN: "1" })).devLogin).toBe(true);
    expect(readSettings(withSecret({ DEV_LOGIN: 1 })).devLogin).toBe(true);
    expect(readSettings(withSecret({ DEV_LOGIN: "0" })).devLogin).toBe(false);
    expect(refusal(withSecret({ DEV_LOGIN: "yes" }))?.setting).toBe("DEV_LOGIN");
    expect(refusal({ ...JWKS, DEV_LOGIN: "1" })?.setting).toBe("DEV_LOGIN");
  });

  test("sinks of history: a list, in any order, each once; empty text, which is not the same as unset, turns it off", () => {
    const sinksOf = (text: string) => readSettings(withSecret({ ...CLUSTER, HISTORY_SINKS: text })).history.sinks;
    expect(["r2", "cassandra", "cassandra , r2", "r2,r2", "", "  "].map(sinksOf)).toEqual([
      ["r2"],
      ["cassandra"],
      ["r2", "cassandra"],
      ["r2"],
      [],
      [],
    ]);
    for (const bad of ["s3", "r2,", ",", "r2;cassandra", "R2"]) {
      expect(refusal(withSecret({ HISTORY_SINKS: bad }))?.message, bad).toContain("HISTORY_SINKS");
    }
  });

  test("the basemap is an https URL, or none", () => {
    const style = "https://tiles.example/style.json?key=1";
    expect(readSettings(withSecret({ MAP_STYLE_URL: style })).mapStyleUrl).toBe(style);
    for (const bad of ["http://tiles.example/style.json", "style.json", "javascript:1"]) {
      expect(refusal(withSecret({ MAP_STYLE_URL: bad }))?.setting, bad).toBe("MAP_STYLE_URL");
    }
  });

  test("what is slow: 0 to 60,000 ms, in whole ones", () => {
    for (const good of ["0", "1", "59999", "60000"]) {
      expect(readSettings(withSecret({ SLOW_MS: good })).slowMs).toBe(Number(good));
    }
    for (const bad of ["-1", "60001", "0.5", "off"]) {
      expect(refusal(withSecret({ SLOW_MS: bad }))?.message, bad).toBe(
        "SLOW_MS must be a whole number of milliseconds from 0 to 60000",
      );
    }
  });

  test("the log has two levels to choose from", () => {
    expect(readSettings(withSecret({ LOG_LEVEL: "debug" })).logLevel).toBe("debug");
    for (const bad of ["error", "DEBUG", "1"]) {
      expect(refusal(withSecret({ LOG_LEVEL: bad }))?.message, bad).toBe("LOG_LEVEL must be info or debug");
    }
  });

  test("queues of history: 1 to 64", () => {
    for (const good of ["1", "64"]) {
      expect(readSettings(withSecret({ HISTORY_QUEUES: good })).history.queues).toBe(Number(good));
    }
    for (const bad of ["0", "65", "1.5", "-1", "many"]) {
      expect(refusal(withSecret({ HISTORY_QUEUES: bad }))?.setting, bad).toBe("HISTORY_QUEUES");
    }
  });

  test("the cluster is read with the cassandra sink only, and must be complete", () => {
    const env = { ...CLUSTER, HISTORY_SINKS: "cassandra" };
    expect(readSettings(withSecret(env)).history.cassandra).toEqual({
      contactPoints: ["10.0.0.1", "db.example:9043"],
      datacenter: "dc1",
      keyspace: "nearby",
    });
    const login = { CASSANDRA_USERNAME: "ann", CASSANDRA_PASSWORD: "secret" };
    expect(readSettings(withSecret({ ...env, ...login })).history.cassandra?.login).toEqual({
      username: "ann",
      password: "secret",
    });
    expect(readSettings(withSecret({ ...CLUSTER, CASSANDRA_KEYSPACE: "No!" })).history.cassandra).toBeUndefined();
    const bad = {
      CASSANDRA_CONTACT_POINTS: [undefined, "", "a b", "db:", "db:123456", "http://db"],
      CASSANDRA_DATACENTER: [undefined, ""],
      CASSANDRA_KEYSPACE: [undefined, "", "1a", "A", "a-b", "a".repeat(49), "a; DROP"],
    };
    for (const [name, values] of Object.entries(bad)) {
      for (const value of values) expect(refusal(withSecret({ ...env, [name]: value }))?.setting, value).toBe(name);
    }
    expect(readSettings(withSecret({ ...env, CASSANDRA_KEYSPACE: "a".repeat(48) })).history.cassandra).toBeDefined();
    for (const name of ["CASSANDRA_USERNAME", "CASSANDRA_PASSWORD"]) {
      const error = refusal(withSecret({ ...env, ...login, [name]: undefined }));
      expect(error?.setting).toBe(name);
      expect(error?.message).not.toContain("secret");
    }
  });

  test("settings of other programs are left alone", () => {
    expect(refusal(withSecret({ SLOW_DOWN: "tape", PATH: "/bin" }))).toBeUndefined();
  });
});

describe("reading twice", () => {
  test("answers the same settings for the same env", () => {
    const env = withSecret();
    expect(readSettings(env)).toBe(readSettings(env));
    expect(readSettings(withSecret())).not.toBe(readSettings(env));
  });

  test("answers the same refusal, so that it can be logged once", () => {
    const env = withSecret({ RADIUS_M: "abc" });
    expect(refusal(env)).toBe(refusal(env));
  });
});
