import { expect, test } from "vitest";
import { readWorkerConfig } from "../src/config.ts";

// Made anew each time: secrets are taken out of the environment when they are read.
const env = () => ({
  DEX_WORKER_DB_URL: "postgres://dex@127.0.0.1/dex",
  DEX_WORKER_KEY_SECRETS: Buffer.alloc(32, 1).toString("base64"),
});

test("listening on https without both files is refused at the start (v1 F18)", () => {
  for (const flags of [[], ["--tls-cert-file", "/c.pem"], ["--tls-key-file", "/k.pem"]]) {
    const refused = readWorkerConfig(["--listen", "https://127.0.0.1:5556", ...flags], env());
    expect(refused).toMatchObject({
      kind: "exit",
      code: 1,
      message: "FATAL: --listen: https needs both --tls-cert-file and --tls-key-file",
    });
  }
});

test("two ways to become a user at once are refused at the start, in one sentence (v1 F17)", () => {
  const both = readWorkerConfig(["--enable-registration", "--enable-automatic-registration"], env());
  expect(both).toMatchObject({ kind: "exit", code: 1 });
  expect(both.kind === "exit" && both.message.split("\n")).toEqual([
    "FATAL: --enable-registration and --enable-automatic-registration exclude each other: choose one",
  ]);
  for (const flag of ["--enable-registration", "--enable-automatic-registration"]) {
    expect(readWorkerConfig([flag], env()).kind).toBe("settings");
  }
});
