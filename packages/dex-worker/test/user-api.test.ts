import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { addUser, openTestApi, REDIRECT_URI, type TestApi } from "./management-api-server.ts";

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  await api.reset();
  await api.call("PUT", "/connectors", { connectors: [{ id: "local", type: "local" }] });
});

const asAdmin = async (audience: string | readonly string[] = "console") => {
  const ada = await addUser(api, "ada", { admin: true });
  const token = await api.idToken(ada.id, audience);
  return {
    ada,
    call: (method: string, path: string, body?: unknown) => api.callAs(token, method, path, body),
  };
};

describe("who may call", () => {
  test("an admin, by an ID token that an admin client got (v1 X01)", async () => {
    const { ada, call } = await asAdmin();
    expect(await call("GET", `/users/${ada.id}`)).toMatchObject({
      status: 200,
      body: { user: { id: ada.id, email: "ada@example.com", admin: true, createdAt: ada.createdAt.toISOString() } },
    });
    expect(await call("GET", "/users/nobody")).toMatchObject({ status: 404, body: { error: "resource_not_found" } });
    expect(await call("GET", "/clients")).toMatchObject({ status: 200 });
    expect(await call("GET", "/connectors")).toMatchObject({ status: 200 });
  });

  test("nobody without a token of an enabled admin; all are refused in the same words (v1 X02, ADM-1)", async () => {
    const ada = await addUser(api, "ada", { admin: true, disabled: true });
    const bob = await addUser(api, "bob");
    const eve = await addUser(api, "eve", { admin: true });
    const tokens = [
      await api.idToken(bob.id),
      await api.idToken(eve.id, "console", { exp: 1 }),
      await api.idToken(ada.id),
      await api.idToken("nobody"),
      await api.idToken("no\0body"),
      await api.idToken(eve.id, ["console", "gone"]),
      undefined,
      "garbage",
    ];
    const answers = await Promise.all(tokens.map((token) => api.callAs(token, "GET", `/users/${eve.id}`)));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 401, body: { error: "unauthorized" } });
  });

  test("an admin through a client that is no admin's is refused with 403, through several with 200 (v1 X04)", async () => {
    const ada = await addUser(api, "ada", { admin: true });
    const through = async (audience: string | string[]) =>
      api.callAs(await api.idToken(ada.id, audience), "GET", "/users");
    expect(await through("ordinary")).toMatchObject({ status: 403, body: { error: "forbidden" } });
    expect(await through(["ordinary", "console"])).toMatchObject({ status: 200 });
  });

  test("an admin client, by its own credentials; another client is refused with 403 (v1 X03)", async () => {
    expect(await api.call("GET", "/users")).toMatchObject({ status: 200 });
    expect(await api.callAs(await api.token("ordinary"), "GET", "/users")).toMatchObject({ status: 403 });
  });

  test("the access of an admin ends with the next request after the disabling", async () => {
    const { ada, call } = await asAdmin();
    expect(await call("POST", `/users/${ada.id}/disable`, { disable: true })).toMatchObject({ status: 200 });
    expect(await call("GET", "/users")).toMatchObject({ status: 401 });
  });
});

describe("listing", () => {
  interface List {
    readonly users: readonly { readonly email: string }[];
    readonly nextPageToken?: string;
  }
  const list = async (query: string) => (await api.call("GET", `/users${query}`)).body as List;

  test("four users come in order, one by one or at once (v1 X05)", async () => {
    for (const name of ["dora", "adam", "cleo", "bob"]) await addUser(api, name);
    const expected = ["adam", "bob", "cleo", "dora"].map((name) => `${name}@example.com`);
    const atOnce = await list("");
    expect(atOnce.users.map(({ email }) => email)).toEqual(expected);
    expect(atOnce).not.toHaveProperty("nextPageToken");
    const seen: string[] = [];
    for (let query: string | undefined = "?maxResults=1"; query !== undefined; ) {
      const page = await list(query);
      seen.push(...page.users.map(({ email }) => email));
      query = page.nextPageToken === undefined ? undefined : `?nextPageToken=${page.nextPageToken}`;
    }
    expect(seen).toEqual(expected);
  });

  test("without users there is an empty page, not an error (v1 U14)", async () => {
    expect(await api.call("GET", "/users")).toMatchObject({ status: 200, body: { users: [] } });
  });

  test("a page goes on in the list that its token belongs to, and gives nothing away (v1 U04, ADM-4)", async () => {
    for (const name of ["anna", "anton", "arno", "bob"]) await addUser(api, name, { emailVerified: name !== "arno" });
    const first = await list("?maxResults=1&emailPrefix=AN&emailVerified=true");
    expect(first.users.map(({ email }) => email)).toEqual(["anna@example.com"]);
    expect(first.nextPageToken).not.toContain("anna");
    const second = await list(`?nextPageToken=${first.nextPageToken}&maxResults=50&emailPrefix=an`);
    expect(second.users.map(({ email }) => email)).toEqual(["anton@example.com"]);
    expect(second).not.toHaveProperty("nextPageToken");
    expect(await api.call("GET", `/users?nextPageToken=${first.nextPageToken}&admin=true`)).toMatchObject({
      status: 400,
      body: { error: "invalid_request" },
    });
  });

  const forged = Buffer.from(JSON.stringify({ after: "a", limit: 100_000, filter: {} })).toString("base64url");
  const refused = [
    { query: "?maxResults=10000", error: "max_results_too_high" },
    { query: "?maxResults=101", error: "max_results_too_high" },
    { query: "?maxResults=0", error: "invalid_request" },
    { query: "?maxResults=-1", error: "invalid_request" },
    { query: "?maxResults=1e1", error: "invalid_request" },
    { query: "?maxResults=", error: "invalid_request" },
    { query: "?maxResults=1&maxResults=2", error: "invalid_request" },
    { query: `?nextPageToken=${forged}`, error: "invalid_request" },
    { query: "?nextPageToken=x", error: "invalid_request" },
    { query: "?nextPageToken=", error: "invalid_request" },
    { query: "?nextPageToken=%00", error: "invalid_request" },
    { query: `?nextPageToken=${"a".repeat(5000)}`, error: "invalid_request" },
    { query: "?admin=maybe", error: "invalid_request" },
    { query: "?adminn=true", error: "invalid_request" },
    { query: "?emailPrefix=%00", error: "invalid_request" },
    { query: "?emailPrefix=%ff", error: "invalid_request" },
    { query: "?__proto__=1", error: "invalid_request" },
    { query: "?order=email;drop", error: "invalid_request" },
  ];
  test.each(refused)("a list is refused for $query (ADM-4)", async ({ query, error }) => {
    expect(await api.call("GET", `/users${query}`)).toMatchObject({ status: 400, body: { error } });
  });
});

describe("creating", () => {
  const outbox = async () => {
    const [row] = await api.query<{ kind: string; client_id: string; redirect_uri: string; user_id: string }>(
      "SELECT kind, client_id, redirect_uri, user_id FROM outbox",
    );
    return row;
  };

  test("makes a user and promises the invitation for the right client and URL (v1 X06, v1 X04)", async () => {
    const { call } = await asAdmin(["ordinary", "admin", "console"]);
    const created = await call("POST", "/users", {
      user: { id: "mine", email: "New@Example.com", displayName: "New", createdAt: "1999-01-01T00:00:00Z" },
      redirectURL: REDIRECT_URI,
    });
    expect(created).toMatchObject({ status: 200, body: { emailSent: true } });
    const { user } = created.body as { user: { id: string; createdAt: string } };
    expect(user).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      email: "new@example.com",
      displayName: "New",
      createdAt: api.clock.now().toISOString(),
    });
    expect(await outbox()).toEqual({
      kind: "invitation",
      client_id: "console",
      redirect_uri: REDIRECT_URI,
      user_id: user.id,
    });
    expect((await call("GET", `/users/${user.id}`)).body).toEqual({ user });
  });

  test("tells the link to nobody, since mail can always be promised (v1 X07)", async () => {
    const created = await api.call("POST", "/users", { user: { email: "new@example.com" } });
    expect(created.body).toMatchObject({ emailSent: true });
    expect(created.body).not.toHaveProperty("resetPasswordLink");
    expect(await outbox()).toMatchObject({ kind: "invitation", client_id: null, redirect_uri: null });
  });

  test("sends no mail where no invitation is wanted", async () => {
    const wanted = { user: { email: "new@example.com" }, invitation: "none" };
    const created = await api.call("POST", "/users", wanted);
    expect(created).toMatchObject({ status: 200, body: { user: wanted.user } });
    expect(created.body).not.toHaveProperty("emailSent");
    expect(await outbox()).toBeUndefined();
    expect((await api.call("POST", "/users", { ...wanted, invitation: "some" })).status).toBe(400);
  });

  test("takes over what the caller says of the user (v1 U05)", async () => {
    const user = { email: "new@example.com", admin: true, emailVerified: true, disabled: true };
    expect((await api.call("POST", "/users", { user })).body).toMatchObject({ user });
  });

  const user = { email: "new@example.com" };
  const refused = [
    { when: "there is no user (v1 X13)", body: {}, error: "invalid_request" },
    { when: "the user is null", body: { user: null }, error: "invalid_request" },
    { when: "there is no address (v1 U06)", body: { user: {} }, error: "invalid_email" },
    { when: "the address is none", body: { user: { email: "Ada <ada@example.com>" } }, error: "invalid_email" },
    { when: "there are two addresses", body: { user: { email: "a@b.example,c@d.example" } }, error: "invalid_email" },
    { when: "the address is a list", body: { user: { email: ["a@b.example"] } }, error: "invalid_email" },
    {
      when: "the URL is another client's (v1 X08)",
      body: { user, redirectURL: `${REDIRECT_URI}/ordinary` },
      error: "invalid_redirect_url",
    },
    {
      when: "the URL is only like one",
      body: { user, redirectURL: `${REDIRECT_URI}/` },
      error: "invalid_redirect_url",
    },
    { when: "the URL is none", body: { user, redirectURL: "callback" }, error: "invalid_request" },
    { when: "a member is unknown", body: { user: { ...user, password: "secret" } }, error: "invalid_request" },
    { when: "a name holds a NUL", body: { user: { ...user, displayName: "a\0b" } }, error: "invalid_request" },
    { when: "a flag is text", body: { user: { ...user, admin: "true" } }, error: "invalid_request" },
    { when: "it is no JSON", body: "{", error: "invalid_request" },
  ];
  test.each(refused)("is refused when $when, and there is no user", async ({ body, error }) => {
    const token = await api.idToken((await addUser(api, "ada", { admin: true })).id);
    expect(await api.callAs(token, "POST", "/users", body)).toMatchObject({ status: 400, body: { error } });
    expect((await api.call("GET", "/users")).body).toMatchObject({ users: [{ email: "ada@example.com" }] });
  });

  test("of an address that is taken is refused with 409, and without a token with 401 (v1 X08, v1 U06)", async () => {
    await addUser(api, "taken");
    const taken = { user: { email: "TAKEN@example.com" } };
    expect(await api.call("POST", "/users", taken)).toMatchObject({ status: 409, body: { error: "duplicate_email" } });
    expect(await api.callAs(undefined, "POST", "/users", taken)).toMatchObject({ status: 401 });
  });

  test("needs the local connector, and says so (v1 U17)", async () => {
    await api.call("PUT", "/connectors", { connectors: [] });
    expect(await api.call("POST", "/users", { user })).toMatchObject({
      status: 409,
      body: { error: "local_connector_missing" },
    });
    expect((await api.call("GET", "/users")).body).toEqual({ users: [] });
  });
});

describe("changing", () => {
  test("only what is given changes, and what is false is left out of the answer", async () => {
    const bob = await addUser(api, "bob", { emailVerified: true, displayName: "Bob" });
    const change = async (user: unknown) => api.call("PATCH", `/users/${bob.id}`, { user });
    const shown = { id: bob.id, email: bob.email, emailVerified: true, createdAt: bob.createdAt.toISOString() };
    expect(await change({})).toMatchObject({ status: 200, body: { user: { ...shown, displayName: "Bob" } } });
    expect((await change({ displayName: null, admin: true })).body).toEqual({ user: { ...shown, admin: true } });
    expect((await change({ email: "Robert@example.com", admin: false })).body).toEqual({
      user: { id: bob.id, email: "robert@example.com", createdAt: shown.createdAt },
    });
    expect((await change({ emailVerified: true })).body).toMatchObject({ user: { emailVerified: true } });
  });

  test("is refused for an address that is none or taken, an unknown user, and an unknown member (v1 U07)", async () => {
    await addUser(api, "taken");
    const bob = await addUser(api, "bob");
    const change = async (id: string, user: unknown) => api.call("PATCH", `/users/${id}`, { user });
    expect(await change(bob.id, { email: "" })).toMatchObject({ status: 400, body: { error: "invalid_email" } });
    expect(await change(bob.id, { email: "taken@example.com" })).toMatchObject({ status: 409 });
    expect(await change("nobody", { admin: true })).toMatchObject({ status: 404 });
    expect(await change("%00", { admin: true })).toMatchObject({ status: 404 });
    expect(await change(bob.id, { disabled: true })).toMatchObject({ status: 400, body: { error: "invalid_request" } });
    expect(await change(bob.id, { id: "other" })).toMatchObject({ status: 400 });
  });

  test("nobody vouches for an address of their own, not even an admin (ACC-11)", async () => {
    const { ada, call } = await asAdmin();
    const answer = await call("PATCH", `/users/${ada.id}`, { user: { emailVerified: true } });
    expect(answer).toMatchObject({ status: 403, body: { error: "forbidden" } });
    expect((await call("PATCH", `/users/${ada.id}`, { user: { displayName: "Ada" } })).status).toBe(200);
  });

  test("a profile is changed member by member, shown, and nobody vouches for a number of their own (OIDC Core §5.1)", async () => {
    const { ada, call } = await asAdmin();
    const bob = await addUser(api, "bob");
    const change = (id: string, profile: object) => call("PATCH", `/users/${id}`, { user: { profile } });
    const told = { given_name: "Bob", phone_number: "+1 425 555 1212", phone_number_verified: true };
    expect((await change(bob.id, { ...told, nickname: "b" })).status).toBe(200);
    const updated_at = expect.any(Number);
    expect(await change(bob.id, { nickname: null, address: { country: "DE" } })).toMatchObject({ status: 200 });
    const { body } = await call("GET", `/users/${bob.id}`);
    expect(body).toMatchObject({ user: { profile: { ...told, address: { country: "DE" }, updated_at } } });
    expect(JSON.stringify(body)).not.toContain("nickname");
    expect(await change(bob.id, { birthdate: "yesterday" })).toMatchObject({ status: 400 });
    expect(await change(bob.id, { email: "b@example.com" })).toMatchObject({ status: 400 });
    expect(await change(ada.id, { phone_number_verified: true })).toMatchObject({ status: 403 });
    expect(await change(ada.id, { phone_number: "+1 425 555 1212" })).toMatchObject({ status: 200 });
  });

  test("the flag follows what is posted, also when it was so before (v1 X09)", async () => {
    const bob = await addUser(api, "bob");
    for (const disable of [true, true, false, false]) {
      expect(await api.call("POST", `/users/${bob.id}/disable`, { disable })).toMatchObject({
        status: 200,
        body: { ok: true },
      });
      expect((await api.parts.users.find(bob.id))?.disabled).toBe(disable);
    }
    expect(await api.call("POST", "/users/nobody/disable", { disable: true })).toMatchObject({ status: 404 });
  });

  test.each(["{", "{}", '{"disable":"true"}', '{"disable":null}', "[]"])(
    "a body of %s enables nobody",
    async (body) => {
      const bob = await addUser(api, "bob", { disabled: true });
      const answer = await api.call("POST", `/users/${bob.id}/disable`, body);
      expect(answer).toMatchObject({ status: 400, body: { error: "invalid_request" } });
      expect((await api.parts.users.find(bob.id))?.disabled).toBe(true);
    },
  );

  test("a user is deleted once, and every change tells who made it (ADM-6)", async () => {
    const { ada, call } = await asAdmin();
    const bob = await addUser(api, "bob");
    expect(await call("DELETE", `/users/${bob.id}`)).toMatchObject({ status: 204, text: "" });
    expect(await call("DELETE", `/users/${bob.id}`)).toMatchObject({ status: 404 });
    const events = await api.query(
      "SELECT actor_kind, actor_id, actor_address FROM audit_event WHERE event = 'user deleted' AND subject_id = $1",
      [bob.id],
    );
    expect(events).toEqual([{ actor_kind: "user", actor_id: ada.id, actor_address: "127.0.0.1" }]);
  });
});

describe("mail", () => {
  test("an invitation is sent again to whoever is not verified yet (v1 X10)", async () => {
    const { call } = await asAdmin();
    const bob = await addUser(api, "bob");
    const carol = await addUser(api, "carol", { emailVerified: true });
    const resend = async (id: string, redirectURL = REDIRECT_URI) =>
      call("POST", `/users/${id}/resend-invitation`, { redirectURL });
    expect(await resend(bob.id)).toMatchObject({ status: 200, body: { emailSent: true } });
    expect(await resend(carol.id)).toMatchObject({ status: 400, body: { error: "verified_email" } });
    expect(await resend("nobody")).toMatchObject({ status: 404 });
    expect(await resend(bob.id, "https://evil.example/")).toMatchObject({
      status: 400,
      body: { error: "invalid_redirect_url" },
    });
    const path = `/users/${bob.id}/resend-invitation`;
    expect(await api.callAs("garbage", "POST", path, {})).toMatchObject({ status: 401 });
    expect(await api.callAs(await api.token("ordinary"), "POST", path, {})).toMatchObject({ status: 403 });
  });

  test("a reset is sent to whoever has a password", async () => {
    const bob = await addUser(api, "bob");
    const eve = await addUser(api, "eve", { disabled: true });
    const send = async (id: string) => api.call("POST", `/users/${id}/send-reset-password`, {});
    expect(await send(bob.id)).toMatchObject({ status: 200, body: { emailSent: true } });
    expect(await send(eve.id)).toMatchObject({ status: 400, body: { error: "invalid_request" } });
    expect(await send("nobody")).toMatchObject({ status: 404 });
  });
});

test("identities are listed and unlinked (v1 U11)", async () => {
  const bob = await addUser(api, "bob");
  const path = `/users/${bob.id}/identities`;
  const createdAt = bob.createdAt.toISOString();
  expect((await api.call("GET", path)).body).toEqual({
    identities: [{ connectorID: "local", remoteID: bob.id, createdAt }],
  });
  const unlink = async (remoteID: unknown) =>
    api.call("POST", `/users/${bob.id}/unlink`, { connectorID: "local", remoteID });
  expect(await unlink("somebody else")).toMatchObject({ status: 404 });
  expect(await unlink("\0")).toMatchObject({ status: 404 });
  expect(await unlink(7)).toMatchObject({ status: 400 });
  expect(await unlink(bob.id)).toMatchObject({ status: 200, body: { ok: true } });
  expect((await api.call("GET", path)).body).toEqual({ identities: [] });
  expect((await api.call("GET", "/users/nobody/identities")).status).toBe(404);
});

describe("everybody's own account", () => {
  const addFamily = (userId: string, clientId: string) =>
    api.query(
      `INSERT INTO token_family (id, client_id, user_id, connector_id, session_hash, scope, auth_time, amr, created_at,
        current_hash, idle_expires_at, expires_at)
      VALUES (gen_random_uuid(), $2, $1, 'local', '', '{}', $3, '{}', $3, '', $3::timestamptz + interval '1 day',
        $3::timestamptz + interval '1 day')`,
      [userId, clientId, api.clock.now()],
    );

  test("refresh clients are listed and revoked by their owner and by an admin (v1 X11, v1 R05)", async () => {
    const bob = await addUser(api, "bob");
    const owner = await api.idToken(bob.id, "ordinary");
    const admin = await api.token("admin");
    for (const token of [owner, admin]) {
      for (const client of ["console", "console", "ordinary"]) await addFamily(bob.id, client);
      const path = `/account/${bob.id}/refresh`;
      expect(await api.callAs(token, "GET", path)).toMatchObject({
        status: 200,
        body: { clients: [{ clientID: "console", clientName: "The console" }, { clientID: "ordinary" }] },
      });
      expect(await api.callAs(token, "DELETE", `${path}/console`)).toMatchObject({ status: 200, text: "" });
      expect((await api.callAs(token, "GET", path)).body).toEqual({ clients: [{ clientID: "ordinary" }] });
      expect(await api.callAs(token, "DELETE", `${path}/ordinary`)).toMatchObject({ status: 200 });
      expect(await api.callAs(token, "DELETE", `${path}/never-there`)).toMatchObject({ status: 200 });
      expect((await api.callAs(token, "GET", path)).body).toEqual({ clients: [] });
    }
    expect(await api.callAs(admin, "GET", "/account/nobody/refresh")).toMatchObject({ status: 404 });
  });

  test("refresh tokens are listed one by one and ended alone by their owner and by an admin", async () => {
    const bob = await addUser(api, "bob");
    const path = `/account/${bob.id}/refresh-tokens`;
    const ids = async (token: string) => {
      const { body } = await api.callAs(token, "GET", path);
      return (body as { refreshTokens: { id: string; clientID: string }[] }).refreshTokens.map(({ id }) => id);
    };
    for (const token of [await api.idToken(bob.id, "ordinary"), await api.token("admin")]) {
      for (const client of ["console", "console"]) await addFamily(bob.id, client);
      const before = await ids(token);
      const [one = ""] = before;
      expect(await api.callAs(token, "DELETE", `${path}/${one}`)).toMatchObject({ status: 204, text: "" });
      expect(await api.callAs(token, "DELETE", `${path}/${one}`)).toMatchObject({ status: 404 });
      expect(await ids(token)).toEqual(before.slice(1));
    }
    const eve = await api.idToken((await addUser(api, "eve")).id, "console");
    const [kept = ""] = await ids(await api.token("admin"));
    expect(await api.callAs(eve, "GET", path)).toMatchObject({ status: 401 });
    expect(await api.callAs(eve, "DELETE", `${path}/${kept}`)).toMatchObject({ status: 401 });
  });

  test("another user's is nobody's business, whichever client the token is for (v1 X12, v1 R04, ADM-3)", async () => {
    const bob = await addUser(api, "bob");
    const eve = await addUser(api, "eve");
    await addFamily(bob.id, "console");
    const token = await api.idToken(eve.id, "console");
    for (const [method, path] of [
      ["GET", `/account/${bob.id}/refresh`],
      ["DELETE", `/account/${bob.id}/refresh/console`],
      ["GET", "/account/nobody/refresh"],
    ] as const) {
      expect(await api.callAs(token, method, path)).toMatchObject({ status: 401, body: { error: "unauthorized" } });
    }
    expect(await api.parts.users.refreshClients(bob.id, api.clock.now())).toHaveLength(1);
  });
});
