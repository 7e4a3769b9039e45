// dexctl, as the program it is, against the management API as it is.
import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { fileURLToPath } from "node:url";
import { idOfKey } from "@dex/oidc";
import { openHttpServer } from "@dex/runtime";
import express from "express";
import { expect, test } from "vitest";
import { makeManagementApi } from "../src/user-api/management-api.ts";
import { openTestApi } from "./management-api-server.ts";

const dexctl = process.env.DEX_TEST_DEXCTL ?? fileURLToPath(new URL("../../dexctl/src/main.ts", import.meta.url));

test("dexctl does over HTTP what the API offers", async () => {
  await using opened = await openIssuer();
  const { run } = opened;

  expect(await run(["new-client", "--id", "mine", "https://app.example/cb"])).toMatch(/^DEX_APP_CLIENT_ID=mine$/m);
  expect(await run(["clients", "list"])).toMatch(
    /^mine +- +confidential +secret +authorization_code,refresh_token,client_credentials +https:\/\/app\.example\/cb$/m,
  );
  expect(await run(["clients", "delete", "mine"])).toBe("0 deleted client mine\n");
  expect(await run(["clients", "delete", "mine"])).toBe("1 dexctl: there is no client mine: see dexctl clients list\n");
  expect(await run(["set-connector-configs", "-"], `[{"id":"local","type":"local"}]`)).toBe(
    "0 saved 1 connector config\n",
  );
  expect(await run(["get-connector-configs"])).toBe("0 found 1 connector config\n\nID:   local\nType: local\n");
  expect(await run(["new-client", "--admin", "https://app.example/cb"])).toMatch(
    /^1 .*isAdmin: an admin client can only/,
  );
  expect(await run(["set-connector-configs", "-"], `[{"id":"x","type":"nope"}]`)).toMatch(/^1 .*connector "x": type/);
  const upstream = `{"id":"up","type":"oidc","issuer":"https://op.example","clientID":"c"}`;
  expect(await run(["connectors", "add", "-"], upstream)).toBe("0 added connector up\n");
  expect(await run(["connectors", "add", "-"], upstream)).toBe("0 changed connector up\n");
  expect(await run(["connectors", "list"])).toMatch(/^local +local +-\nup +oidc +-$/m);
  expect(await run(["connectors", "test", "up"])).toBe("0 ok      discovery: found\n");
  expect(await run(["connectors", "test", "down"])).toMatch(/^1 .*there is no connector down/);
  expect(await run(["connectors", "remove", "up"])).toBe("0 removed connector up\n");
  expect(await run(["connectors", "remove", "up"])).toMatch(/^1 .*there is no connector up/);
}, 60_000);

test("dexctl replaces the secrets of a client over HTTP", async () => {
  await using opened = await openIssuer();
  const { run } = opened;
  await run(["new-client", "--id", "mine", "https://app.example/cb"]);
  const added = await run(["clients", "secrets", "add", "mine", "--expires", "2999-01-01T00:00:00Z"]);
  const secretId = /^0 # secret (\S+) added/.exec(added)?.[1] ?? expect.fail(added);
  expect(added).toMatch(/^DEX_APP_CLIENT_SECRET=[\w-]{43}$/m);
  expect(await run(["clients", "secrets", "add", "mine"])).toMatch(/^1 .*2 secrets work already: remove one first/);
  expect(await run(["clients", "secrets", "list", "mine"])).toMatch(
    new RegExp(`^first +\\S+Z +- +-\n${secretId} +\\S+Z +2999-01-01T00:00:00.000Z +-$`, "m"),
  );
  expect(await run(["clients", "secrets", "expire", "mine", "first"])).toBe(
    "0 secret first of client mine has ended\n",
  );
  expect(await run(["clients", "secrets", "list", "mine"])).toMatch(/^first .*\(over\)/m);
  expect(await run(["clients", "secrets", "remove", "mine", "first"])).toBe("0 removed secret first of client mine\n");
  expect(await run(["clients", "secrets", "remove", "mine", secretId])).toMatch(/^1 .*only one: add another first/);
  expect(await run(["clients", "secrets", "remove", "mine", "gone"])).toMatch(/^1 .*no secret gone of it/);
  expect(await run(["clients", "secrets", "list", "nobody"])).toMatch(/^1 .*there is no client nobody/);
}, 120_000);

test("dexctl replaces keys of a client, and what it proves itself with, over HTTP", async () => {
  await using opened = await openIssuer();
  const { run, api } = opened;
  const [first, second] = [publicKey(), publicKey()];
  expect(await run(["new-client", "--id", "mine", "--grant-type", "client_credentials"])).toMatch(/^0 /);
  const method = ["clients", "set", "mine", "--token-endpoint-auth-method"];
  expect(await run([...method, "private_key_jwt", "--jwks-file", "-"], first)).toBe(
    "0 client mine proves itself with private_key_jwt; its secret has ended\n",
  );
  expect(await run(["clients", "keys", "add", "mine", "-", "--kid", "new"], second)).toBe(
    "0 added key new of client mine\n",
  );
  const { details } = (await api.storage.clients.find("mine")) ?? expect.fail();
  const id = idOfKey(details.jwks?.keys[0] as never) ?? "";
  await api.storage.clientKeys.recordUses([{ clientId: "mine", credentialId: id, day: "2030-06-01" }]);
  expect(await run(["clients", "keys", "list", "mine"])).toMatch(
    new RegExp(`^${id} +- +EC P-256 +- +2030-06-01\n\\S{43} +new +EC P-256 +- +-$`, "m"),
  );
  expect(await run(["clients", "keys", "remove", "mine", id])).toBe(`0 removed key ${id} of client mine\n`);
  expect(await run(["clients", "keys", "remove", "mine", "new"])).toMatch(/^1 .*last one that proves the client: add/);
  expect(await run(["clients", "keys", "remove", "mine", id])).toMatch(/^1 .*no key \S+ of it/);
  const back = await run([...method, "client_secret_basic"]);
  expect(back).toMatch(/^0 # client mine proves itself with client_secret_basic; .*\nDEX_APP_CLIENT_ID=mine\n/);
  expect(back).toMatch(/^DEX_APP_CLIENT_SECRET=[\w-]{43}$/m);
  const http = ["--jwks-uri", "http://a.example/jwks"];
  expect(await run([...method, "private_key_jwt", ...http])).toMatch(/^1 .*must be an https URL/);
  // Else a token that was stolen would live on as a key.
  for (const args of [[...method.slice(0, 2), "admin", ...method.slice(3), "private_key_jwt", "--jwks-file", "-"]])
    expect(await run(args, first)).toMatch(/^1 .*can only be changed with dexctl on the database/);
  expect(await run(["clients", "keys", "add", "admin", "-"], first)).toMatch(/^1 .*can only be changed with dexctl/);
  expect(await run(["clients", "keys", "set", "admin", "--jwks-file", "-"], first)).toMatch(
    /^1 .*only be changed with/,
  );
}, 240_000);

const publicKey = () =>
  generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "pem", type: "spki" }).toString();

test("dexctl registers, shows, changes and removes resources over HTTP as it does in the database", async () => {
  await using opened = await openIssuer();
  const { run, api } = opened;
  // Signs that mean something in an address, and in the addresses of the management API.
  const identifier = "https://api.example/v1?a=b/c%20d&e=../x";
  const payment = { type: "payment", name: "Pay", members: ["amount"] };
  const more = JSON.stringify({ authorizationDetailsTypes: [payment] });

  expect(await run(["resources", "list"])).toMatch(/^0 /);
  const added = ["resources", "add", identifier, "--name", "The API", "--scope", "read"];
  expect(await run([...added, "--client", "app", "--introspected-by", "server", "--json", more])).toBe(
    `0 added resource ${identifier}\n`,
  );
  expect(await run(added)).toMatch(/^1 .*a resource with this identifier exists/);
  expect(await run(["resources", "list"])).toMatch(/^https:\/\/api\.example\/\S+ +The API +jwt +read$/m);
  const changes = { scopes: ["read", "write"], accessTokenLifetime: 60, tokenFormat: "opaque", allowedClients: null };
  expect(await run(["resources", "set", identifier, "--json", JSON.stringify(changes)])).toBe(
    `0 changed resource ${identifier}\n`,
  );
  expect(await run(["resources", "set", identifier, "--json", '{"accessTokenLifetime":null}'])).toMatch(/^0 /);
  const shown = JSON.parse((await run(["resources", "show", identifier, "-o", "json"])).slice(2)) as unknown;
  expect(shown).toEqual({
    ...{ identifier, name: "The API", scopes: ["read", "write"], tokenFormat: "opaque", signingAlg: "RS256" },
    ...{ introspectedBy: ["server"], authorizationDetailsTypes: [payment] },
  });
  expect(await api.storage.resources.list()).toEqual([
    expect.objectContaining({ identifier, allowedClients: undefined }),
  ]);

  const wrong: readonly (readonly [args: readonly string[], said: RegExp])[] = [
    [["add", "urn:two", "--name", "Two", "--json", more], /^1 .*another resource has a type of this name/],
    [["add", "/relative", "--name", "x"], /^1 .*identifier: must be an absolute URI without a fragment/],
    [["add", "urn:x", "--name", "x", "--scope", "openid"], /^1 .*is not the scope of a resource/],
    [["set", identifier, "--json", '{"surprise":1}'], /^1 .*[Uu]nrecognized/],
    [["set", "urn:x", "--json", "{}"], /^1 .*there is no resource urn:x/],
    [["show", "urn:x"], /^1 .*there is no resource urn:x/],
    [["remove", ".."], /^1 .*there is no resource \.\./],
  ];
  for (const [args, said] of wrong) expect(await run(["resources", ...args])).toMatch(said);
  expect(await run(["resources", "remove", identifier])).toBe(`0 removed resource ${identifier}\n`);
  expect(await run(["resources", "remove", identifier])).toMatch(/^1 .*there is no resource/);
  expect(await api.storage.resources.list()).toEqual([]);
}, 120_000);

test("dexctl manages users, tokens and mail over HTTP as it does in the database", async () => {
  await using opened = await openIssuer();
  const { run, api } = opened;
  await run(["set-connector-configs", "-"], `[{"id":"local","type":"local"}]`);
  for (let number = 0; number < 120; number += 1) {
    const id = `u${number}`;
    await api.query("INSERT INTO app_user (id, email, email_verified, created_at) VALUES ($1, $2, true, now())", [
      id,
      `${id}@many.example`,
    ]);
  }
  expect((await run(["users", "list", "--email", "U", "--all"])).match(/^u\d+ /gm)).toHaveLength(120);
  expect((await run(["users", "list", "--limit", "105"])).match(/@/g)).toHaveLength(105);

  const invited = await run(["users", "invite", "Jane@Example.com", "--name", "Jane"]);
  const id = /^0 created user (\S+);/.exec(invited)?.[1] ?? expect.fail(invited);
  expect(await run(["users", "show", "jane@example.com"])).toMatch(/^email +jane@example\.com$/m);
  expect(await run(["users", "invite", "jane@example.com"])).toMatch(
    /^1 dexctl: .* a user with this email address exists/,
  );
  expect(await run(["users", "identities", id])).toMatch(/^local +/m);
  expect(await run(["users", "disable", id])).toBe(`0 disabled user ${id}\n`);
  expect(await run(["users", "list", "--disabled"])).toMatch(/^\S+ +jane@example\.com +Jane +disabled,unverified$/m);
  expect(await run(["users", "enable", id])).toBe(`0 enabled user ${id}\n`);
  expect(await run(["users", "unlink", id, "local", "x"])).toMatch(/^1 .*has no such identity/);
  expect(await run(["refresh-tokens", "list", id, "-o", "json"])).toBe("0 []\n");
  expect(await run(["refresh-tokens", "revoke", id, "admin"])).toMatch(/^0 client admin holds no tokens/);

  await api.query("UPDATE outbox SET dead_at = now() WHERE kind = 'invitation'");
  expect(await run(["mail", "queue", "--state", "dead"])).toMatch(/^\S+ +invitation +dead /m);
  expect(await run(["mail", "retry", "--all-dead"])).toBe("0 1 mail is due now\n");
  expect(await run(["mail", "queue", "-o", "json"])).toMatch(/"recipient": "jane@example.com"/);
  expect(await run(["mail", "retry", "no such mail"])).toMatch(/^1 dexctl: there is no dead mail/);

  expect(await run(["users", "delete", id, "--yes"])).toBe(`0 deleted user ${id}\n`);
  expect(await run(["users", "show", id])).toMatch(/^1 dexctl: there is no user/);
  for (const odd of ["..", "a/b", "a%2Fb", "\u0001", "ü"])
    expect(await run(["users", "show", odd])).toMatch(/^1 dexctl: there is no user/);
}, 60_000);

/** The API of a worker behind an issuer that gives every client a token, and dexctl as its admin client. */
async function openIssuer() {
  const api = await openTestApi();
  await api.reset();
  const app = express();
  const server = await openHttpServer({ handler: app, listen: new URL("http://127.0.0.1:0") });
  const issuer = new URL("/dex", server.url).href;
  app.get("/dex/.well-known/openid-configuration", (_request, response) => {
    response.json({ issuer, token_endpoint: `${issuer}/token` });
  });
  app.post("/dex/token", async (_request, response) => {
    response.json({ access_token: await api.token("admin"), token_type: "Bearer" });
  });
  app.use("/dex/api/v1", makeManagementApi(api.parts));
  return {
    api,
    run: (args: readonly string[], stdin = "") => runProgram(issuer, args, stdin),
    async [Symbol.asyncDispose]() {
      await server.close(0);
      await api.close();
    },
  };
}

/** The exit code, a blank, and everything that was printed. */
async function runProgram(issuer: string, args: readonly string[], stdin: string): Promise<string> {
  const child = spawn(process.execPath, [dexctl, ...args], {
    env: {
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      ...{ DEXCTL_ISSUER: issuer, DEXCTL_CLIENT_ID: "admin", DEXCTL_CLIENT_SECRET: "secret" },
    },
    stdio: "pipe",
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
  }
  child.stdin.end(stdin);
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return `${code} ${printed}`;
}
