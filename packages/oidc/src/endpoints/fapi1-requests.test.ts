// What FAPI 1.0 Advanced refuses of an authorization request, through the browser and pushed.
import { describe, expect, test } from "vitest";
import { challenge, decide, delivered } from "../../test/authorization-request.ts";
import { type Claims, encodePart, makeClientKey } from "../../test/client-jwts.ts";
import { client, clientsOf, issuer, now } from "../../test/fakes.ts";
import { makeClientKeySets } from "../client-jwts/client-key-sets.ts";
import type { ClientDetails } from "../clients/client-details.ts";
import { makeRequestDocuments } from "./request-documents.ts";
import { makeReadRequestObject } from "./request-object.ts";

const es = makeClientKey("ES256", "es");
const rs = makeClientKey("RS256", "rs");
const seconds = Math.floor(now.getTime() / 1000);
const MINUTE = 60;
const fetched = "https://a.example/request";
const details: ClientDetails = {
  profile: "fapi1-advanced",
  response_types: ["code id_token", "code"],
  tls_client_certificate_bound_access_tokens: true,
  jwks: { keys: [es.jwk, rs.jwk] as never },
  request_uris: [fetched],
};
const registered = { ...client, redirectUris: ["https://a.example/cb"], details };

const hybrid = (changes: Claims = {}): Claims => ({
  ...{ iss: "client-a", aud: issuer, client_id: "client-a", nbf: seconds, exp: seconds + 300 },
  ...{ response_type: "code id_token", redirect_uri: "https://a.example/cb" },
  ...{ scope: "openid", state: "inside", nonce: "inside too" },
  ...changes,
});
const jarm = (changes: Claims = {}) => hybrid({ response_type: "code", response_mode: "jwt", ...changes });
const around = { redirect_uri: "https://a.example/cb" };

function ask(params: Readonly<Record<string, string>>, sentBy: "browser" | "client" = "browser", document = "") {
  const body = Buffer.from(document);
  const fetchDocument = async () => ({ status: 200, contentType: "application/jwt", cacheControl: undefined, body });
  return decide(new URLSearchParams({ client_id: "client-a", ...params }).toString(), {
    clients: clientsOf(registered),
    responseTypes: ["code", "code id_token", "code id_token token"],
    sentBy,
    readRequestObject: makeReadRequestObject({
      issuer,
      keySets: makeClientKeySets({ fetchDocument }),
      documents: makeRequestDocuments({ fetchDocument }),
    }),
  });
}
const refused = async (...[params, sentBy]: Parameters<typeof ask>) =>
  Object.fromEntries(delivered(await ask({ ...around, ...params }, sentBy)).members);

test.each([
  { what: "code id_token", claims: hybrid() },
  { what: "code id_token in a form", claims: hybrid({ response_mode: "form_post" }) },
  { what: "code id_token in a JWT", claims: hybrid({ response_mode: "jwt" }) },
  { what: "code in a JWT", claims: jarm() },
  { what: "code in a JWT in the query", claims: jarm({ response_mode: "query.jwt" }) },
  { what: "code in a JWT in a form", claims: jarm({ response_mode: "form_post.jwt" }) },
  { what: "code id_token without a state", claims: hybrid({ state: undefined }) },
])("$what is asked for by a signed request, and by nothing outside (FAPI 1.0 Part 2 section 5.2.2)", async (row) => {
  const request = es.sign(row.claims);
  const beside = { state: "outside", nonce: "outside", scope: "openid email", response_mode: "query", request };
  const pkce = { code_challenge: challenge, code_challenge_method: "S256" };
  const pushed = es.sign({ ...row.claims, ...pkce });
  const expected = { kind: "login", request: { scope: ["openid"], state: row.claims.state, nonce: "inside too" } };
  expect(await ask(beside)).toMatchObject(expected);
  expect(await ask({ ...beside, request: pushed }, "client")).toMatchObject(expected);
});

describe.each(["browser", "client"] as const)("sent by the %s a request is refused", (sentBy) => {
  const pkce = sentBy === "client" ? { code_challenge: challenge, code_challenge_method: "S256" } : {};
  const rows: { when: string; claims: Claims; error?: string; by?: string }[] = [
    {
      when: "for a code without JARM",
      claims: jarm({ response_mode: undefined }),
      error: "invalid_request",
      by: "Part 2 section 5.2.2",
    },
    {
      when: "for a code in a plain form",
      claims: jarm({ response_mode: "form_post" }),
      error: "invalid_request",
      by: "Part 2 section 5.2.2",
    },
    { when: "for an ID token in a query", claims: hybrid({ response_mode: "query" }), error: "invalid_request" },
    { when: "for an ID token in a JWT in a query", claims: hybrid({ response_mode: "query.jwt" }) },
    { when: "for an access token", claims: hybrid({ response_type: "code id_token token" }) },
    { when: "without scope", claims: hybrid({ scope: undefined }), error: "invalid_scope" },
    { when: "without response_type", claims: hybrid({ response_type: undefined }), error: "invalid_request" },
    { when: "without nonce", claims: hybrid({ nonce: undefined }), error: "invalid_request" },
    {
      when: "without nonce for JARM",
      claims: jarm({ nonce: undefined }),
      error: "invalid_request",
      by: "Part 1 section 5.2.2",
    },
    {
      when: "without state where openid is not asked for",
      claims: jarm({ scope: "read", resource: "https://api.example/", state: undefined }),
      error: "invalid_request",
      by: "Part 1 section 5.2.2",
    },
    { when: "without exp", claims: hybrid({ exp: undefined }), by: "Part 2 section 5.2.2" },
    { when: "without nbf", claims: hybrid({ nbf: undefined }), by: "Part 2 section 5.2.2" },
    { when: "that is good for long", claims: hybrid({ exp: seconds + 61 * MINUTE }), by: "Part 2 section 5.2.2" },
    { when: "that is old", claims: hybrid({ nbf: seconds - 61 * MINUTE }), by: "Part 2 section 5.2.2" },
    { when: "for somebody else", claims: hybrid({ aud: "https://other.example" }) },
  ];
  test.each(rows)("$when", async ({ claims, error, by }) => {
    const outside = { scope: "openid", nonce: "outside", response_type: "code id_token", response_mode: "fragment" };
    const same = claims.response_type === "code id_token" || claims.response_type === undefined ? outside : {};
    const members = await refused({ ...same, request: es.sign({ ...claims, ...pkce }) }, sentBy);
    if (error !== undefined) expect(members.error).toBe(error);
    if (by !== undefined) expect(members.error_description).toContain(`(FAPI 1.0 ${by})`);
  });

  test("without redirect_uri, with none taken from outside", async () => {
    const request = es.sign(hybrid({ redirect_uri: undefined, ...pkce }));
    expect(await ask({ ...around, request }, sentBy)).toMatchObject({ kind: "show" });
  });

  test.each([
    ["RS256", rs.sign(hybrid(pkce))],
    ["nothing", `${encodePart({ alg: "none" })}.${encodePart(hybrid(pkce))}.`],
  ])("signed by %s", async (_alg, request) => {
    expect((await refused({ request }, sentBy)).error).toBe("invalid_request_object");
  });

  test("that is no request object, the rule named", async () => {
    const plain = { response_type: "code id_token", scope: "openid", nonce: "n", ...pkce };
    const { error, error_description: says } = await refused(plain, sentBy);
    expect(error).toBe("invalid_request");
    expect(says).toContain("(FAPI 1.0 Part 2 section 5.2.2)");
  });
});

test("PKCE is demanded of what is pushed, and not of what comes through the browser (FAPI 1.0 Part 2 section 5.2.2)", async () => {
  const request = es.sign(hybrid());
  expect(await ask({ request })).toMatchObject({ kind: "login" });
  const { error, error_description: says } = await refused({ request }, "client");
  expect(error).toBe("invalid_request");
  expect(says).toContain("a code_challenge must be sent (FAPI 1.0 Part 2 section 5.2.2)");
});

test("what is fetched is signed too (FAPI 1.0 Part 2 section 5.2.2)", async () => {
  const named = { ...around, request_uri: fetched };
  expect(await ask(named, "browser", es.sign(hybrid()))).toMatchObject({ kind: "login" });
  const unsigned = `${encodePart({ alg: "none" })}.${encodePart(hybrid())}.`;
  const { members } = delivered(await ask(named, "browser", unsigned));
  expect(members.get("error")).toBe("invalid_request_object");
});
