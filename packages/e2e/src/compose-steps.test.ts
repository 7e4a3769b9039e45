// The two one-shot steps of docker-compose.yml, run as the programs they are.

import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { repositoryRoot } from "@dex/testing";
import * as openid from "openid-client";
import { afterAll, expect, inject, test } from "vitest";
import { makeRelyingParty } from "./relying-party.ts";

const run = promisify(execFile);
const { facts } = inject("sharedFleet");
const secrets = mkdtempSync(join(tmpdir(), "dex-secrets-"));
afterAll(() => rmSync(secrets, { recursive: true, force: true }));

const readAll = () => readdirSync(secrets).map((name) => [name, readFileSync(join(secrets, name), "utf8")]);
const makeSecrets = () => run(process.execPath, [join(repositoryRoot, "deploy", "make-secrets.mjs"), secrets]);

test("the first start makes every secret for its owner alone, and later starts keep them (SEC-1)", async () => {
  const { stdout } = await makeSecrets();
  const made = readAll();
  expect(made.length).toBeGreaterThan(5);
  for (const [name = "", value = ""] of made) {
    expect(statSync(join(secrets, name)).mode & 0o777, name).toBe(0o600);
    if (value !== "") expect(stdout).not.toContain(value);
  }
  await makeSecrets();
  expect(readAll()).toEqual(made);
});

test("setting up twice makes one working client and says where to sign in", async () => {
  writeFileSync(join(secrets, "admin-api-secret"), facts.adminApiSecret);
  const env = { DEX_SECRETS: secrets, DEX_ADMIN_API: facts.adminApi, DEX_ISSUER: facts.issuer };
  for (const round of ["first", "second"]) {
    const { stdout } = await run(process.execPath, [join(repositoryRoot, "deploy", "set-up.mjs")], { env });
    expect(stdout, round).toContain(facts.issuer);
    expect(stdout, round).not.toContain(facts.adminApiSecret);
  }
  const secret = readFileSync(join(secrets, "client-secret"), "utf8");
  const client = { id: "example-app", secret, redirectUri: "http://127.0.0.1:5555/callback" };
  await expect
    .poll(async () => {
      const party = await makeRelyingParty(facts, client);
      const tokens = await openid.clientCredentialsGrant(party.configuration).catch(() => undefined);
      return typeof tokens?.access_token;
    })
    .toBe("string");
});
