// Resources by way of the database, in this process.
import { systemClock, systemRandom } from "@dex/runtime";
import { openTestDatabase, type TestDatabase } from "@dex/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProgram } from "../src/program.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase(async () => {});
  expect(await run("migrate")).toMatch(/^0 /);
});
afterAll(() => database.close());

/** The exit code and all that was written. */
async function run(...argv: readonly string[]): Promise<string> {
  let written = "";
  const write = (text: string) => {
    written += `${text}\n`;
  };
  const code = await runProgram(argv, {
    env: { DEXCTL_DB_URL: database.url },
    stdin: (async function* () {})(),
    print: write,
    complain: write,
    clock: systemClock,
    random: systemRandom,
  });
  return `${code} ${written}`;
}

const api = "https://api.example/v1?a=b/c%20d";

test("a resource is registered, changed and removed", async () => {
  expect(await run("resources", "add", api, "--name", "The API", "--scope", "read")).toBe(`0 added resource ${api}\n`);
  expect(await run("resources", "add", api, "--name", "Another")).toMatch(
    /^1 .*a resource with this identifier exists/,
  );
  expect(await run("resources", "list")).toMatch(/^https:\/\/api\.example\/\S+ +The API +jwt +read$/m);
  const changes = JSON.stringify({ scopes: ["read", "write"], accessTokenLifetime: 60, tokenFormat: "opaque" });
  expect(await run("resources", "set", api, "--json", changes)).toBe(`0 changed resource ${api}\n`);
  expect(await run("resources", "set", api, "--json", '{"accessTokenLifetime":null}')).toMatch(/^0 /);
  const shown = JSON.parse((await run("resources", "show", api, "-o", "json")).slice(2)) as unknown;
  expect(shown).toEqual({
    ...{ identifier: api, name: "The API", scopes: ["read", "write"], tokenFormat: "opaque", signingAlg: "RS256" },
    ...{ introspectedBy: [], authorizationDetailsTypes: [] },
  });
  expect(await run("resources", "remove", api)).toBe(`0 removed resource ${api}\n`);
  expect(await run("resources", "remove", api)).toMatch(/^1 .*there is no resource/);
});

test("a type of authorization details belongs to one resource", async () => {
  const types = JSON.stringify({ authorizationDetailsTypes: [{ type: "payment", name: "Pay", members: [] }] });
  expect(await run("resources", "add", "urn:one", "--name", "One", "--json", types)).toMatch(/^0 /);
  expect(await run("resources", "add", "urn:two", "--name", "Two", "--json", types)).toMatch(
    /^1 .*another resource has/,
  );
});

const wrong = [
  { argv: ["add", "/relative", "--name", "x"], reason: /^1 .*identifier: must be an absolute URI without a fragment/ },
  { argv: ["add", "urn:x#", "--name", "x"], reason: /^1 .*identifier: must be an absolute URI without a fragment/ },
  { argv: ["add", "urn:x"], reason: /^1 .*name: / },
  { argv: ["add", "urn:x", "--name", "x", "--scope", "openid"], reason: /^1 .*is not the scope of a resource/ },
  { argv: ["set", "urn:one", "--json", '{"surprise":1}'], reason: /^1 .*[Uu]nrecognized/ },
  { argv: ["set", "urn:one", "--json", '{"name":null}'], reason: /^1 .*name: / },
  { argv: ["set", "urn:one", "--json", "no JSON"], reason: /^2 .*JSON object/ },
  { argv: ["set", "urn:x", "--json", "{}"], reason: /^1 .*there is no resource urn:x/ },
];
test.each(wrong)("refused with the member's name: $argv", async ({ argv, reason }) => {
  expect(await run("resources", ...argv)).toMatch(reason);
});
