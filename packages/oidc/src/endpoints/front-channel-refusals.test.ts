// What is refused of requests for tokens from the authorization endpoint, where the deployment serves them.
import { describe, expect, test } from "vitest";
import { base, decide, delivered, nativeChanges, pkce, query } from "../../test/authorization-request.ts";
import { client, clientsOf, issuer, publicClient } from "../../test/fakes.ts";
import { RESPONSE_TYPES } from "../clients/client-details.ts";
import { OUT_OF_BAND } from "../clients/redirect-uri.ts";

const served = { responseTypes: RESPONSE_TYPES };
const front = { client_id: "front", response_type: "code id_token", nonce: "n" };
const native = { ...publicClient, details: { response_types: [...RESPONSE_TYPES] } };

const refusals = [
  {
    when: "the client is not registered for the type",
    text: query({ ...front, client_id: "client-a" }),
    code: "unauthorized_client",
    by: "AUT-13, TOK-14",
  },
  ...["token", "none", "code code", "id_token code id_token", "CODE id_token"].map((response_type) => ({
    when: `response_type is ${response_type}`,
    text: query({ ...front, response_type }),
    code: "unsupported_response_type",
    by: "AUT-3",
  })),
  ...RESPONSE_TYPES.filter((type) => type !== "code").map((response_type) => ({
    when: `${response_type} is to come in the query`,
    text: query({ ...front, response_type, response_mode: "query" }),
    code: "invalid_request",
    by: "OAuth 2.0 Multiple Response Types §5",
  })),
  ...RESPONSE_TYPES.filter((type) => type.includes("id_token")).map((response_type) => ({
    when: `nonce is missing for ${response_type}`,
    text: query({ ...front, response_type, nonce: undefined }),
    code: "invalid_request",
    by: "OIDC Core §3.2.2.1",
  })),
  { when: "nonce is empty", text: query({ ...front, nonce: "" }), code: "invalid_request", by: "OIDC Core §3.2.2.1" },
];
test.each(refusals)("the client is told $code when $when ($by)", async ({ text, code }) => {
  const decision = await decide(text, served);
  expect(decision).toMatchObject({ kind: "deliver", error: { code } });
  const { to, members } = delivered(decision);
  expect(to).toBe(base.redirect_uri);
  expect(Object.fromEntries(members)).toMatchObject({ error: code, state: base.state, iss: issuer });
});

test.each(RESPONSE_TYPES)("nothing but a code comes in a query, in a JWT or not: %s (JARM §2.3.1)", async (type) => {
  for (const response_mode of ["query", "query.jwt"]) {
    const decision = await decide(query({ ...front, response_type: type, response_mode }), served);
    expect(decision).toMatchObject(
      type === "code" ? { kind: "login" } : { kind: "deliver", error: { code: "invalid_request" } },
    );
  }
});

test.each(RESPONSE_TYPES.filter((type) => type !== "code"))(
  "%s does not exist where the deployment does not serve it, whatever the client registered (TOK-14, AUT-3)",
  async (response_type) => {
    const text = query({ ...front, response_type });
    expect(await decide(text)).toMatchObject({ kind: "deliver", error: { code: "unsupported_response_type" } });
    expect(delivered(await decide(text)).as).toBe("fragment");
    expect(await decide(text, served)).toMatchObject({ kind: "login", request: { responseType: response_type } });
  },
);

test.each(RESPONSE_TYPES)(
  "a client of bound tokens has %s where no access token comes by it (RFC 9449 §5.2)",
  async (response_type) => {
    const details = { response_types: [...RESPONSE_TYPES], dpop_bound_access_tokens: true };
    const clients = clientsOf({ ...client, id: "bound", details, grantTypes: ["authorization_code", "implicit"] });
    const decision = await decide(query({ ...front, client_id: "bound", response_type }), { ...served, clients });
    expect(decision).toMatchObject(
      response_type.split(" ").includes("token")
        ? { kind: "deliver", error: { code: "unauthorized_client" } }
        : { kind: "login", request: { responseType: response_type } },
    );
  },
);

test("a client without registered response types has code alone (OIDC Registration §2)", async () => {
  expect(await decide(query(), served)).toMatchObject({ kind: "login", request: { responseType: "code" } });
});

test("a client that is not registered for code does not get one (AUT-13)", async () => {
  const clients = clientsOf({
    ...native,
    id: "front",
    redirectUris: [base.redirect_uri],
    details: { response_types: ["id_token"] },
  });
  const decision = await decide(query({ ...front, response_type: "code" }), { ...served, clients });
  expect(decision).toMatchObject({ kind: "deliver", error: { code: "unauthorized_client" } });
});

describe("PKCE", () => {
  const clients = clientsOf(native);
  const ask = (more: Readonly<Record<string, string>>) =>
    decide(query({ ...nativeChanges, nonce: "n", ...more }), { ...served, clients });

  test.each(["code id_token", "code token", "code id_token token"])(
    "a public client needs it for the code of %s (PKC-1)",
    async (response_type) => {
      expect(await ask({ response_type })).toMatchObject({ kind: "deliver", error: { code: "invalid_request" } });
      expect(await ask({ response_type, ...pkce })).toMatchObject({ kind: "login" });
    },
  );

  test.each(["id_token", "id_token token"])(
    "nobody needs it for %s, where no code is exchanged",
    async (response_type) => {
      expect(await ask({ response_type })).toMatchObject({ kind: "login" });
    },
  );
});

test("a form is not posted to a program of a private-use scheme: it is told in its URL (RFC 8252 §7.1)", async () => {
  const clients = clientsOf(native);
  const asked = { ...nativeChanges, ...pkce, redirect_uri: "com.example.app:/cb", response_mode: "form_post" };
  const decision = await decide(query(asked), { ...served, clients });
  expect(decision).toMatchObject({ kind: "deliver", error: { code: "invalid_request" } });
  expect(delivered(decision)).toMatchObject({ to: "com.example.app:/cb", as: "query" });
});

test("what a person carries over by hand is a code, never a token (v1 §2.8)", async () => {
  const clients = clientsOf({ ...native, redirectUris: [] });
  const asked = { ...nativeChanges, redirect_uri: OUT_OF_BAND, response_type: "id_token", nonce: "n" };
  const decision = await decide(query(asked), { ...served, clients });
  expect(decision).toMatchObject({ kind: "show", error: { code: "unsupported_response_type" } });
});

test("offline access needs a code that a refresh token could follow (OIDC Core §11)", async () => {
  const scope = "openid offline_access";
  for (const [response_type, granted] of [
    ["id_token token", ["openid"]],
    ["code token", ["openid", "offline_access"]],
  ] as const) {
    const decision = await decide(query({ ...front, response_type, scope }), served);
    expect(decision).toMatchObject({ kind: "login", request: { scope: granted } });
  }
});
