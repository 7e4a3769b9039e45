import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import {
  base64Secrets,
  base64Texts,
  commaList,
  httpUrl,
  integer,
  optionalSetting,
  postgresUrl,
  readSettings,
  requiredSetting,
  seconds,
  setting,
  toggle,
} from "./settings.ts";

const program = { name: "dex-thing", prefix: "DEX_THING", summary: "does things", version: "1.2.3" };
const spec = {
  listen: setting("listen", httpUrl, "Where.", new URL("http://127.0.0.1:1")),
  debug: setting("log-debug", toggle, "More lines.", false),
  period: setting("key-period", seconds({ min: 60 }), "How long.", 3600),
  count: setting("count", integer(1, 5), "How many.", 1),
  proxies: setting("trusted-proxies", commaList, "Who.", []),
  dbUrl: optionalSetting("db-url", postgresUrl, "Which database."),
  keys: optionalSetting("key-secrets", base64Secrets(32), "Secrets."),
};
const read = (argv: string[], env: NodeJS.ProcessEnv = {}) => readSettings(program, spec, argv, env);
const values = (argv: string[], env: NodeJS.ProcessEnv = {}) => {
  const result = read(argv, env);
  if (result.kind === "exit") throw new Error(result.message);
  return result.values;
};
const key = Buffer.alloc(32, 7).toString("base64");

describe("flags and environment (dex v1 §1.2)", () => {
  test.each([
    { form: "--name value", argv: ["--count", "3"] },
    { form: "--name=value", argv: ["--count=3"] },
    { form: "one dash", argv: ["-count", "3"] },
  ])("a flag is read in the form $form", ({ argv }) => {
    expect(values(argv).count).toBe(3);
  });

  test("a flag beats the environment, which beats the default (v1 F06, v1 F07)", () => {
    expect(values([], { DEX_THING_COUNT: "2" }).count).toBe(2);
    expect(values(["--count", "3"], { DEX_THING_COUNT: "2" }).count).toBe(3);
    expect(values([]).count).toBe(1);
  });

  test("an empty environment value counts as unset", () => {
    expect(values([], { DEX_THING_COUNT: "" }).count).toBe(1);
  });

  test.each(["1", "t", "T", "true", "TRUE", "True"])("a boolean may be written %s", (text) => {
    expect(values([`--log-debug=${text}`]).debug).toBe(true);
  });

  test("a boolean flag may stand alone, before another flag", () => {
    expect(values(["--log-debug", "--count", "2"])).toMatchObject({ debug: true, count: 2 });
  });

  test("a duration is read in units and becomes seconds", () => {
    expect(values(["--key-period", "1h30m"]).period).toBe(5400);
  });

  test.each([
    { what: "an unknown flag", argv: ["--nope"], code: 2, says: "--nope" },
    { what: "a bare word", argv: ["serve"], code: 2, says: "not a flag" },
    { what: "a flag without its value", argv: ["--count"], code: 2, says: "--count" },
    { what: "a malformed number", argv: ["--count", "x"], code: 1, says: "--count" },
    { what: "a number out of range", argv: ["--count", "9"], code: 1, says: "from 1 to 5" },
    { what: "a duration below the least", argv: ["--key-period", "1s"], code: 1, says: "at least 60s" },
    { what: "another scheme", argv: ["--listen", "ftp://x"], code: 1, says: "http or https" },
    { what: "a key secret of another length", argv: ["--key-secrets", "AAAA"], code: 1, says: "exactly 32 bytes" },
  ])("$what is refused with exit code $code and names the setting (v1 F02, v1 K18)", ({ argv, code, says }) => {
    const result = read(argv);
    expect(result).toMatchObject({ kind: "exit", code });
    expect(result.kind === "exit" && result.message).toContain(says);
  });

  test("all mistakes are reported together, those of the environment too (v1 F08)", () => {
    const result = read(["--count", "9"], { DEX_THING_KEY_PERIOD: "soon" });
    expect(result.kind === "exit" && result.message.split("\n")).toHaveLength(2);
  });

  test("--help lists every setting with its variable, and --version the version", () => {
    const help = read(["--help"]);
    for (const one of Object.values(spec)) expect(help.kind === "exit" && help.message).toContain(`--${one.flag}`);
    expect(help).toMatchObject({ code: 0 });
    expect(help.kind === "exit" && help.message).toContain("DEX_THING_KEY_PERIOD");
    expect(read(["--version"])).toMatchObject({ code: 0, message: expect.stringContaining("dex version 1.2.3") });
  });

  test("a setting that must be given is missed by name", () => {
    const needed = { dbUrl: requiredSetting("db-url", postgresUrl, "Which database.") };
    expect(readSettings(program, needed, [], {})).toMatchObject({
      code: 1,
      message: expect.stringContaining("DEX_THING_DB_URL"),
    });
  });
});

describe("secrets in settings", () => {
  test("a secret is taken from the environment and removed from it (SEC-1)", () => {
    const env = { DEX_THING_KEY_SECRETS: key };
    expect(values([], env).keys).toHaveLength(1);
    expect(env).toEqual({});
  });

  test("a secret is read from a file named by flag or environment (SEC-1)", () => {
    const file = join(mkdtempSync(join(tmpdir(), "dex-settings-")), "keys");
    writeFileSync(file, `${key}\n`);
    expect(values(["--key-secrets-file", file]).keys?.[0]?.reveal()).toEqual(Buffer.alloc(32, 7));
    expect(values([], { DEX_THING_KEY_SECRETS_FILE: file }).keys).toHaveLength(1);
  });

  test("a secret file that cannot be read is named", () => {
    expect(read(["--key-secrets-file", "/no/such/file"])).toMatchObject({
      code: 1,
      message: expect.stringContaining("/no/such/file"),
    });
  });

  test("a secret never stands in a message, in --help or in a printed value (SEC-1)", () => {
    const canary = "canary-5a1f";
    const messages = [
      read([`--key-secrets=${canary}`]),
      read([], { DEX_THING_KEY_SECRETS: canary }),
      read([`--db-url=mysql://u:${canary}@h/d`]),
      read([canary]),
      read(["--help"], { DEX_THING_DB_URL: `postgres://u:${canary}@h/d` }),
    ];
    expect(JSON.stringify(messages)).not.toContain(canary);
    const given = values([], { DEX_THING_DB_URL: `postgres://u:${canary}@h/d` });
    expect(`${inspect(given, { depth: 9 })}${JSON.stringify(given)}${given.dbUrl}`).not.toContain(canary);
  });

  test("several key secrets keep their order: the first seals (v1 F03)", () => {
    const other = Buffer.alloc(32, 8).toString("base64");
    expect(values(["--key-secrets", `${other},${key}`]).keys?.map((one) => one.reveal()[0])).toEqual([8, 7]);
  });

  test("base64 of the right length is kept as its bytes and as its text (v1 F01)", () => {
    const text = Buffer.alloc(32, 5).toString("base64");
    expect(
      base64Secrets(32)
        .parse(text)
        ?.map((one) => one.reveal()),
    ).toEqual([Buffer.alloc(32, 5)]);
    expect(
      base64Texts(32)
        .parse(text)
        ?.map((one) => one.reveal()),
    ).toEqual([text]);
  });

  test.each([`AAAA,${key}`, `${key},AAAA`, ""])(
    "a list with any wrong secret in it is refused: %s (v1 F04, v1 F05)",
    (text) => {
      expect(base64Secrets(32).parse(text)).toBeUndefined();
    },
  );

  test.each(["", "short", Buffer.alloc(31).toString("base64"), `${Buffer.alloc(32).toString("base64")}=`])(
    "an admin secret of less than 256 bits or of another form is refused: %s (ADM-1, v1 F02)",
    (text) => {
      expect(base64Texts(32).parse(text)).toBeUndefined();
    },
  );
});
