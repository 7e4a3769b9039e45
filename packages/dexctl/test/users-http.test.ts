import { expect, test } from "vitest";
import { type FakeIssuer, type SeenRequest, startFakeIssuer } from "./fake-issuer.ts";
import { runDexctl } from "./run-dexctl.ts";

const JANE = { id: "u1", email: "jane@example.com", emailVerified: true, createdAt: "2020-01-01T00:00:00.000Z" };
const UNKNOWN = {
  status: 404,
  body: { error: "resource_not_found", error_description: "there is no user with this id" },
};

const dexctl = ({ issuer }: Pick<FakeIssuer, "issuer">, ...args: string[]) =>
  runDexctl(args, { env: { DEXCTL_ISSUER: issuer, DEXCTL_CLIENT_ID: "admin", DEXCTL_CLIENT_SECRET: "canary-secret" } });

/** Answers as a worker whose only user is Jane; `overrides` goes first. */
function answer({ method, path }: SeenRequest) {
  const [route = ""] = path.replace("/dex/api/v1", "").split("?");
  const prefix = new URLSearchParams(path.split("?")[1]).get("emailPrefix") ?? "";
  switch (`${method} ${route}`) {
    case "GET /users":
      return { status: 200, body: { users: JANE.email.startsWith(prefix) ? [JANE] : [] } };
    case "GET /users/u1":
    case "PATCH /users/u1":
      return { status: 200, body: { user: JANE } };
    case "POST /users":
      return { status: 200, body: { user: { ...JANE, id: "u2" }, emailSent: true } };
    case "POST /users/u1/disable":
    case "POST /users/u1/unlink":
      return { status: 200, body: { ok: true } };
    case "POST /users/u1/send-reset-password":
      return { status: 200, body: { emailSent: true } };
    case "DELETE /users/u1":
      return { status: 204 };
    case "GET /users/u1/identities":
      return {
        status: 200,
        body: { identities: [{ connectorID: "google", remoteID: "1", createdAt: JANE.createdAt }] },
      };
    case "GET /account/u1/refresh":
      return { status: 200, body: { clients: [{ clientID: "a/b" }, { clientID: "c", clientName: "C" }] } };
    case "GET /account/u1/refresh-tokens":
      return {
        status: 200,
        body: {
          refreshTokens: [
            { id: "t1", clientID: "c", createdAt: JANE.createdAt, lastUsedAt: JANE.createdAt, userAgent: "Firefox" },
          ],
        },
      };
    case "GET /users/u1/backchannel-requests":
      return {
        status: 200,
        body: {
          backchannelRequests: [
            { id: "r1", clientID: "c", scope: "openid email", bindingMessage: "W4SCT", expiresAt: JANE.createdAt },
          ],
        },
      };
    case "POST /users/u1/backchannel-requests/r1/approve":
    case "POST /users/u1/backchannel-requests/r1/deny":
      return { status: 204 };
    case "POST /users/u1/backchannel-requests/r2/approve":
      return { status: 409, body: { error: "already_decided", error_description: "the request was answered before" } };
    case "DELETE /account/u1/refresh-tokens/t1":
      return { status: 204 };
    case "DELETE /account/u1/refresh/a%2Fb":
    case "DELETE /account/u1/refresh/c":
      return { status: 200 };
    case "GET /mail":
      return { status: 200, body: { mail: [{ id: "m1", kind: "invitation", state: "dead", attempts: 3 }] } };
    case "POST /mail/m1/retry":
      return { status: 200, body: { ok: true } };
    default:
      return path.startsWith("/dex/api/v1/users/") ? UNKNOWN : undefined;
  }
}

const commands = [
  { args: ["users", "list"], prints: /^u1 +jane@example\.com +- +-$/m, last: "GET /users?maxResults=100" },
  {
    args: ["users", "list", "--email", "Jane", "--admin", "--disabled", "--unverified", "--limit", "5"],
    prints: /^u1 /m,
    last: "GET /users?emailPrefix=jane&admin=true&disabled=true&emailVerified=false&maxResults=5",
  },
  {
    args: ["users", "show", "jane@example.com"],
    prints: /^id +u1$/m,
    last: "GET /users?emailPrefix=jane%40example.com&maxResults=1",
  },
  { args: ["users", "show", "u1", "-o", "yaml"], prints: /^id: u1\nemail: jane@example.com\n/, last: "GET /users/u1" },
  {
    args: ["users", "disable", "u1"],
    prints: /^disabled user u1$/m,
    last: "POST /users/u1/disable",
    body: { disable: true },
  },
  {
    args: ["users", "enable", "u1"],
    prints: /^enabled user u1$/m,
    last: "POST /users/u1/disable",
    body: { disable: false },
  },
  {
    args: ["users", "update", "u1", "--name", "Jane", "--set", "locale=de-DE"],
    prints: /^changed user u1$/m,
    last: "PATCH /users/u1",
    body: { user: { displayName: "Jane", profile: { locale: "de-DE" } } },
  },
  { args: ["users", "delete", "u1", "--yes"], prints: /^deleted user u1$/m, last: "DELETE /users/u1" },
  {
    args: ["users", "reset-password", "u1"],
    prints: /^the mail to user u1 is promised/,
    last: "POST /users/u1/send-reset-password",
    body: {},
  },
  { args: ["users", "identities", "u1"], prints: /^google +1 +2020/m, last: "GET /users/u1/identities" },
  {
    args: ["users", "unlink", "u1", "google", "1"],
    prints: /^unlinked google from user u1$/m,
    last: "POST /users/u1/unlink",
    body: { connectorID: "google", remoteID: "1" },
  },
  {
    args: ["users", "invite", "x@example.com", "--name", "X", "--admin", "--redirect-url", "https://a.example/cb"],
    prints: /^created user u2; the invitation is promised/,
    last: "POST /users",
    body: { user: { email: "x@example.com", displayName: "X", admin: true }, redirectURL: "https://a.example/cb" },
  },
  {
    args: ["users", "create", "x@example.com", "--verified"],
    prints: /^created user u2, who has no password and was sent no mail$/m,
    last: "POST /users",
    body: { user: { email: "x@example.com", emailVerified: true }, invitation: "none" },
  },
  { args: ["refresh-tokens", "list", "u1"], prints: /^a\/b +-\nc +C$/m, last: "GET /account/u1/refresh" },
  {
    args: ["refresh-tokens", "list", "u1", "--each"],
    prints: /^t1 +c +\S+ +\S+ +Firefox$/m,
    last: "GET /account/u1/refresh-tokens",
  },
  {
    args: ["refresh-tokens", "revoke", "u1", "--token", "t1"],
    prints: /^refresh token t1 of user u1 is good for nothing any more$/m,
    last: "DELETE /account/u1/refresh-tokens/t1",
  },
  {
    args: ["refresh-tokens", "revoke", "u1", "a/b"],
    prints: /^client a\/b holds no tokens/,
    last: "DELETE /account/u1/refresh/a%2Fb",
  },
  {
    args: ["refresh-tokens", "revoke", "u1", "--all"],
    prints: /^client a\/b .*\nclient c /,
    last: "DELETE /account/u1/refresh/c",
  },
  {
    args: ["backchannel-requests", "list", "u1"],
    prints: /^r1 +c +W4SCT +openid email +2020/m,
    last: "GET /users/u1/backchannel-requests",
  },
  {
    args: ["backchannel-requests", "approve", "jane@example.com", "r1"],
    prints: /^approved request r1 in the place of user u1$/m,
    last: "POST /users/u1/backchannel-requests/r1/approve",
  },
  {
    args: ["backchannel-requests", "deny", "u1", "r1"],
    prints: /^denied request r1 in the place of user u1$/m,
    last: "POST /users/u1/backchannel-requests/r1/deny",
  },
  {
    args: ["mail", "queue", "--state", "dead"],
    prints: /^m1 +invitation +dead +- +3 +-$/m,
    last: "GET /mail?state=dead&maxResults=100",
  },
  { args: ["mail", "retry", "m1"], prints: /^mail m1 is due now$/m, last: "POST /mail/m1/retry" },
  { args: ["mail", "retry", "--all-dead"], prints: /^1 mail is due now$/m, last: "POST /mail/m1/retry" },
];
test.each(commands.map((row) => ({ ...row, typed: row.args.join(" ") })))(
  "$typed does over HTTP what it does in the database",
  async ({ args, prints, last, body }) => {
    await using server = await startFakeIssuer(answer);
    const { code, stdout, stderr } = await dexctl(server, ...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(prints);
    const seen = server.seen.at(-1);
    expect(`${seen?.method} ${seen?.path}`.replace("/dex/api/v1", "")).toBe(last);
    if (body !== undefined) expect(JSON.parse(seen?.body ?? "")).toEqual(body);
  },
);

const refused = [
  { args: ["users", "show", "nobody"], says: /there is no user nobody/ },
  { args: ["users", "show", "jane@example.co"], says: /there is no user jane@example\.co:/ },
  { args: ["users", "show", ".."], says: /there is no user \.\.:/ },
  { args: ["users", "show", "a/../u1"], says: /there is no user a\/\.\.\/u1/ },
  { args: ["users", "disable", "nobody"], says: /there is no user nobody/ },
  { args: ["users", "delete", "u1"], says: /give --yes/ },
  {
    args: ["users", "invite", "x@example.com", "--for-client", "app"],
    says: /leave out --for-client, or give --db-url/,
  },
  {
    args: ["users", "create", "x@example.com", "--password-file", import.meta.filename],
    says: /the HTTP API takes no passwords/,
  },
  { args: ["backchannel-requests", "approve", "jane@example.com", "r2"], says: /409: the request was answered before/ },
  { args: ["backchannel-requests", "deny", "jane@example.com", "r3"], says: /nothing of user u1 waits as r3/ },
  { args: ["backchannel-requests", "list", "nobody"], says: /there is no user nobody/ },
  { args: ["admin", "create", "x@example.com", "--invite"], says: /there is an administrator already/ },
];
test.each(refused.map((row) => ({ ...row, typed: row.args.join(" ") })))(
  "$typed is refused over HTTP in one sentence",
  async ({ args, says }) => {
    await using server = await startFakeIssuer(answer);
    const { code, stdout, stderr } = await dexctl(server, ...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(says);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(server.seen.map(({ path }) => path)).not.toContain("/dex/api/v1/users/u1");
  },
);

test("the first administrator is invited over HTTP", async () => {
  await using server = await startFakeIssuer((request) =>
    request.path.includes("admin=true") ? { status: 200, body: { users: [] } } : answer(request),
  );
  const { code, stdout } = await dexctl(server, "admin", "create", "root@example.com", "--invite");
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: "created administrator u2; the invitation is promised, see dexctl mail queue\n",
  });
  expect(JSON.parse(server.seen.at(-1)?.body ?? "")).toEqual({ user: { email: "root@example.com", admin: true } });
});

test("pages are read until there is enough, and no longer", async () => {
  const page = (from: number, count: number, next?: string) => ({
    status: 200,
    body: {
      users: Array.from({ length: count }, (_, index) => ({ ...JANE, id: `u${from + index}` })),
      ...(next === undefined ? {} : { nextPageToken: next }),
    },
  });
  await using server = await startFakeIssuer(({ path }) => {
    if (path.endsWith("/users?maxResults=100")) return page(0, 100, "second");
    if (path.includes("nextPageToken=second")) return page(100, 100, "third");
    return path.includes("nextPageToken=third") ? page(200, 7) : undefined;
  });
  const all = await dexctl(server, "users", "list", "--all", "-o", "json");
  expect(JSON.parse(all.stdout)).toHaveLength(207);
  const some = await dexctl(server, "users", "list", "--limit", "150", "-o", "json");
  expect(JSON.parse(some.stdout)).toHaveLength(150);
  expect(server.seen.filter(({ path }) => path.endsWith("third"))).toHaveLength(1);
});

test("an API whose pages never end is given up on", async () => {
  await using server = await startFakeIssuer(({ path }) =>
    path.includes("/users?") ? { status: 200, body: { users: [JANE], nextPageToken: "again" } } : undefined,
  );
  const { code, stdout } = await dexctl(server, "users", "list", "--all", "-o", "json");
  expect({ code, users: JSON.parse(stdout).length }).toEqual({ code: 0, users: 2 });
});

test.each([
  { status: 200, body: { users: "canary-secret" } },
  { status: 500, body: { error: "server_error" } },
  { status: 404, body: "<html>canary-secret" },
  { status: 200, body: { users: [{ id: 5 }], nextPageToken: "" } },
])("one sentence and exit 1 when the API answers with $status $body (LOG-1)", async (reply) => {
  await using server = await startFakeIssuer(({ path }) => (path.includes("/users?") ? reply : undefined));
  const { code, stdout, stderr } = await dexctl(server, "users", "list");
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(stderr).not.toMatch(/canary| {4}at /);
});
