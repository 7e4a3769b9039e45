import { describe, expect, test } from "vitest";
import { readOverlordConfig } from "./config.ts";

const secret = Buffer.alloc(32, 1).toString("base64");
const env = {
  DEX_OVERLORD_ADMIN_API_SECRET: secret,
  DEX_OVERLORD_KEY_SECRETS: secret,
  DEX_OVERLORD_DB_URL: "postgres://dex:canary@127.0.0.1/dex",
};
const read = (argv: readonly string[], more: NodeJS.ProcessEnv = {}) => readOverlordConfig(argv, { ...env, ...more });

test("without an admin API secret it refuses to start and says how to make one (ADM-1)", () => {
  expect(read([], { DEX_OVERLORD_ADMIN_API_SECRET: "" })).toEqual({
    kind: "exit",
    code: 1,
    message:
      "FATAL: --admin-api-secret (DEX_OVERLORD_ADMIN_API_SECRET) is required: expected base64 of at least 32 bytes, " +
      "several separated by commas; " +
      "make one with: openssl rand -base64 32",
  });
});

test("an admin API secret of less than 256 bits is refused, one of dex v1 is taken (ADM-1)", () => {
  const withBytes = (count: number) =>
    read([], { DEX_OVERLORD_ADMIN_API_SECRET: Buffer.alloc(count, 2).toString("base64") });
  expect(withBytes(31)).toMatchObject({ kind: "exit", code: 1 });
  expect(withBytes(128).kind).toBe("settings");
});

test("secrets leave the environment once they are read (SEC-1)", () => {
  const own: NodeJS.ProcessEnv = { ...env, PATH: "/bin" };
  expect(readOverlordConfig([], own).kind).toBe("settings");
  expect(own).toEqual({ PATH: "/bin" });
});

const refusals = [
  { argv: ["--key-period", "30m"], expected: /--key-period: .*at least 1h; --insecure-fast-key-rotation/ },
  { argv: ["--key-period", "90m", "--jwks-max-age", "1h"], expected: /--key-period: .*more than 7260s/ },
  { argv: ["--key-period", "10s", "--jwks-max-age", "5s", "--insecure-fast-key-rotation"], expected: /more than 13s/ },
  { argv: ["--retired-key-retention", "24h"], expected: /--retired-key-retention: .*at least 86760s/ },
  { argv: ["--jwks-max-age", "2h"], expected: /--jwks-max-age: expected a duration/ },
  { argv: ["--admin-listen", "https://127.0.0.1:5557"], expected: /--admin-listen: expected an http URL/ },
];
test.each(refusals)("refused at start: $argv", ({ argv, expected }) => {
  const result = read(argv);
  expect(result).toMatchObject({ kind: "exit", code: 1 });
  expect(result.kind === "exit" ? result.message : "").toMatch(expected);
});

describe("the rotation policy", () => {
  const policyOf = (argv: readonly string[]) => {
    const result = read(argv);
    return result.kind === "settings" ? result.values.rotationPolicy : undefined;
  };
  test("is a day of signing and two days of publishing after it by default", () => {
    expect(policyOf([])).toEqual({
      periodSeconds: 86_400,
      jwksMaxAgeSeconds: 300,
      retentionSeconds: 172_800,
      minimumPublishSeconds: 3600,
      marginSeconds: 60,
      algorithms: ["RS256", "ES256", "EdDSA"],
    });
  });
  test("may be fast for tests, when that is asked for by name", () => {
    const argv = ["--insecure-fast-key-rotation", "--key-period", "8s", "--jwks-max-age", "2s"];
    expect(policyOf(argv)).toMatchObject({ periodSeconds: 8, minimumPublishSeconds: 0, marginSeconds: 3 });
  });
});
