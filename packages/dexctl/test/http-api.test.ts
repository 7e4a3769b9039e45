import { expect, test } from "vitest";
import { type FakeIssuer, type SeenRequest, startFakeIssuer } from "./fake-issuer.ts";
import { runDexctl } from "./run-dexctl.ts";

const SECRET = "canary secret:+/%";

function credentials(server: Pick<FakeIssuer, "issuer">): Record<string, string> {
  return { DEXCTL_ISSUER: server.issuer, DEXCTL_CLIENT_ID: "admin client", DEXCTL_CLIENT_SECRET: SECRET };
}

test("over HTTP it signs in by client_secret_basic, form-encoded, and calls with the token (RFC 6749 §2.3.1, §4.4)", async () => {
  await using server = await startFakeIssuer();
  const { code, stdout, stderr } = await runDexctl(["get-connector-configs"], { env: credentials(server) });
  expect({ code, stdout, stderr }).toEqual({
    code: 0,
    stdout: "found 1 connector config\n\nID:   local\nType: local\n",
    stderr: "",
  });
  const [, token, api] = server.seen;
  const expected = Buffer.from("admin+client:canary+secret%3A%2B%2F%25").toString("base64");
  expect(token).toMatchObject({
    method: "POST",
    path: "/dex/token",
    authorization: `Basic ${expected}`,
    contentType: "application/x-www-form-urlencoded",
    body: "grant_type=client_credentials",
  });
  expect(api).toMatchObject({ path: "/dex/api/v1/connectors", authorization: "Bearer canary-access-token" });
});

test("a client is created over HTTP from the same flags as in the database", async () => {
  await using server = await startFakeIssuer(({ method, path }) =>
    method === "POST" && path === "/dex/api/v1/clients"
      ? { status: 201, body: { client: { id: "new", secret: "s3cret", redirectURIs: ["http://127.0.0.1/cb"] } } }
      : undefined,
  );
  const { stdout, code } = await runDexctl(["new-client", "http://127.0.0.1/cb", "--name", "An App"], {
    env: credentials(server),
  });
  expect(code).toBe(0);
  expect(stdout.split("\n").slice(1)).toEqual([
    "DEX_APP_CLIENT_ID=new",
    "DEX_APP_CLIENT_SECRET=s3cret",
    "DEX_APP_REDIRECTURL_0=http://127.0.0.1/cb",
    "",
  ]);
  expect(JSON.parse(server.seen.at(-1)?.body ?? "")).toEqual({
    client: { redirectURIs: ["http://127.0.0.1/cb"], clientName: "An App" },
  });
});

test("an id with a slash stays one segment of the path", async () => {
  await using server = await startFakeIssuer(({ method }) => (method === "DELETE" ? { status: 204 } : undefined));
  const { code, stdout } = await runDexctl(["clients", "delete", "a/../b?c"], { env: credentials(server) });
  expect({ code, stdout }).toEqual({ code: 0, stdout: "deleted client a/../b?c\n" });
  expect(server.seen.at(-1)?.path).toBe("/dex/api/v1/clients/a%2F..%2Fb%3Fc");
});

test("a client's connectors are changed over HTTP", async () => {
  await using server = await startFakeIssuer(({ method }) => (method === "PATCH" ? { status: 204 } : undefined));
  const flags = ["--allowed-connector", "corp", "--allowed-connector", "local"];
  const { code, stdout } = await runDexctl(["clients", "set", "app", ...flags], { env: credentials(server) });
  expect({ code, stdout }).toEqual({ code: 0, stdout: "people may sign in to client app through corp, local\n" });
  expect(server.seen.at(-1)).toMatchObject({ method: "PATCH", path: "/dex/api/v1/clients/app" });
  expect(JSON.parse(server.seen.at(-1)?.body ?? "")).toEqual({ client: { allowedConnectors: ["corp", "local"] } });
});

const failures: readonly {
  when: string;
  reply: (request: SeenRequest, issuer: string) => ReturnType<Parameters<typeof startFakeIssuer>[0] & {}>;
  says: RegExp;
}[] = [
  {
    when: "discovery names another issuer (OIDC Discovery §4.3)",
    reply: ({ path }) =>
      path.endsWith("openid-configuration")
        ? { status: 200, body: { issuer: "https://evil.example", token_endpoint: "https://evil.example/token" } }
        : undefined,
    says: /calls itself https:\/\/evil\.example/,
  },
  {
    when: "the token endpoint is plain http elsewhere",
    reply: ({ path }, issuer) =>
      path.endsWith("openid-configuration")
        ? { status: 200, body: { issuer, token_endpoint: "http://evil.example/token" } }
        : undefined,
    says: /token endpoint .* is not https/,
  },
  {
    when: "discovery is redirected elsewhere",
    reply: ({ path }) =>
      path.endsWith("openid-configuration") ? { status: 302, headers: { Location: "http://127.0.0.1:1/" } } : undefined,
    says: /answered 302, expected 200/,
  },
  {
    when: "discovery is not JSON",
    reply: ({ path }) => (path.endsWith("openid-configuration") ? { status: 200, body: "<html>" } : undefined),
    says: /something else than discovery metadata/,
  },
  {
    when: "the secret is wrong",
    reply: ({ path }) => (path === "/dex/token" ? { status: 401, body: { error: "invalid_client" } } : undefined),
    says: /did not accept client admin client/,
  },
  {
    when: "the client is no admin, and the reason carries an escape sequence (LOG-3)",
    reply: ({ path }) =>
      path.startsWith("/dex/api/")
        ? { status: 403, body: { error: "forbidden", error_description: "not an admin\u001b[2J client" } }
        : undefined,
    says: /refused with 403: not an admin\\u001b\[2J client/,
  },
  {
    when: "the API breaks",
    reply: ({ path }) => (path.startsWith("/dex/api/") ? { status: 500, body: { error: "server_error" } } : undefined),
    says: /refused with 500: server_error/,
  },
  {
    when: "the API answers with something else",
    reply: ({ path }) => (path.startsWith("/dex/api/") ? { status: 200, body: { connectors: "x" } } : undefined),
    says: /something else than a list of connectors/,
  },
];
test.each(failures)("one sentence, exit 1 and no secret when $when (LOG-1)", async ({ reply, says }) => {
  await using server = await startFakeIssuer(reply);
  const { code, stdout, stderr } = await runDexctl(["--log-debug", "get-connector-configs"], {
    env: credentials(server),
  });
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(says);
  expect(stderr).not.toMatch(/canary| {4}at /);
});

test("an issuer that never answers is given up on within five seconds", async () => {
  await using server = await startFakeIssuer(() => "silence");
  const startedAt = performance.now();
  const { code, stderr } = await runDexctl(["clients", "list"], { env: credentials(server) });
  expect(performance.now() - startedAt).toBeLessThan(6_000);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: `dexctl: cannot reach ${server.issuer}/.well-known/openid-configuration: no answer in time\n`,
  });
}, 10_000);

test("an issuer where nothing listens is named in one sentence", async () => {
  const server = await startFakeIssuer();
  await server[Symbol.asyncDispose]();
  const { code, stderr } = await runDexctl(["clients", "list"], { env: credentials(server) });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^dexctl: cannot reach http:\/\/127\.0\.0\.1:\d+\/dex\/.*: the connection was refused/);
});

test.each([["migrate"], ["keys", "list"], ["keys", "rotate"]])("%s %s needs the database", async (...command) => {
  await using server = await startFakeIssuer();
  const { code, stderr } = await runDexctl(command, { env: credentials(server) });
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: "dexctl: the HTTP API does not offer this: give --db-url instead of --issuer\n",
  });
  expect(server.seen).toEqual([]);
});
