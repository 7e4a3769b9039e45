// What an image holds: one file per process, run far from the sources and their node_modules.

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { repositoryRoot, startFleet } from "@dex/testing";
import { beforeAll, expect, test } from "vitest";
import { makeRelyingParty, obtainTokens } from "./relying-party.ts";

const run = promisify(execFile);

beforeAll(async () => {
  await run(process.execPath, [join(repositoryRoot, "scripts", "bundle.ts")]);
});

test.each(["dex-worker", "dex-overlord"])("the bundle of %s says its version", async (program) => {
  const { stdout } = await run(process.execPath, [join(repositoryRoot, "dist", `${program}.js`), "--version"]);
  expect(stdout).toMatch(/^dex version \d+\.\d+\.\d+$/m);
});

test("a fleet of bundles signs a person in", async () => {
  const fleet = await startFleet({ workers: 1, programs: "bundles" });
  try {
    const tokens = await obtainTokens(await makeRelyingParty(fleet.facts));
    expect(tokens.claims()?.email).toBe(fleet.facts.user.email);
  } finally {
    await fleet.stop();
  }
});
