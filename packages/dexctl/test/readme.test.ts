// The commands of the README do what it says: each block of a section is run by a shell, in order.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTestDatabase, type TestDatabase } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { mainFile, run, runDexctl } from "./run-dexctl.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const directory = mkdtempSync(join(tmpdir(), "dexctl-readme-"));
let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase(async () => {});
  expect(await runDexctl(["migrate", "--db-url", database.url])).toMatchObject({ code: 0 });
}, 120_000);
afterAll(async () => {
  rmSync(directory, { recursive: true, force: true });
  await database.close();
});

/** What a reader has: dexctl, and a cluster that answers. */
const SURROUNDINGS = `
set -euo pipefail
dexctl() { "$NODE" "$MAIN" "$@"; }
kubectl() {
  case "$3" in
    /openid/v1/jwks) "$NODE" -e 'const { publicKey } = crypto.generateKeyPairSync("rsa", { modulusLength: 2048 });
      console.log(JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "cluster", alg: "RS256", use: "sig" }] }))' ;;
    *) echo '{"issuer":"https://kubernetes.default.svc.cluster.local"}' ;;
  esac
}
`;

test("services and machines", async () => {
  const [, section = ""] = /\n## Services and machines\n(.*?)\n## /s.exec(readme) ?? [];
  const blocks = [...section.matchAll(/```sh\n(.*?)```/gs)].map(([, block = ""]) => block);
  expect(blocks).toHaveLength(5);
  const env = { NODE: process.execPath, MAIN: mainFile, DEXCTL_DB_URL: database.url, HOME: directory };
  const printed: string[] = [];
  for (const block of blocks) {
    const { code, stdout, stderr } = await run("bash", ["-c", SURROUNDINGS + block], { env, cwd: directory });
    expect({ code, stderr }, block).toEqual({ code: 0, stderr: expect.any(String) });
    // Nothing of what is shown there leaves somebody with half of it done.
    expect(stderr).not.toContain("dexctl:");
    printed.push(stdout);
  }
  const [keys = "", certificates = "", moved = "", ci = ""] = printed;
  expect(keys).toMatch(/^added key next of client billing$/m);
  expect(keys).toMatch(/^removed key \S{43} of client billing$/m);
  expect(certificates.match(/ CN=reports /g)).toHaveLength(2);
  expect(moved).toMatch(/^client moving proves itself with private_key_jwt; its 2 secrets have ended$/m);
  expect(ci).toMatch(/^trusted_issuers +.*"subject_prefix":"repo:acme\/app:"/m);
}, 240_000);
