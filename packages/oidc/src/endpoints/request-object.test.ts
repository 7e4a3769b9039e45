import { expect, test } from "vitest";
import { base, decide, delivered } from "../../test/authorization-request.ts";
import { type Claims, encodePart, macJwt, makeClientKey } from "../../test/client-jwts.ts";
import { client, clientsOf, issuer, now, secretOfClient } from "../../test/fakes.ts";
import { makeClientKeySets } from "../client-jwts/client-key-sets.ts";
import type { ClientDetails } from "../clients/client-details.ts";
import { makeRequestDocuments } from "./request-documents.ts";
import { makeReadRequestObject } from "./request-object.ts";

const key = makeClientKey("RS256", "one");
const es = makeClientKey("ES256", "es");
const ps = makeClientKey("PS256");
const ed = makeClientKey("EdDSA");
const strange = makeClientKey("RS256", "one");
const seconds = Math.floor(now.getTime() / 1000);

const keys: ClientDetails = { jwks: { keys: [key.jwk, es.jwk, ps.jwk, ed.jwk] as never } };
const rs256: ClientDetails = { ...keys, request_object_signing_alg: "RS256" };
const unsigned: ClientDetails = { request_object_signing_alg: "none" };
const uri = "https://a.example/request#GkurKxf5T0Y-mnPFCHqWOMiZi4VS138cQO_V7PZHAdM";

/** A request object of client-a with the usual parameters, changed. */
const inside = (changes: Claims = {}): Claims => ({
  iss: "client-a",
  aud: issuer,
  client_id: "client-a",
  response_type: "code",
  redirect_uri: "https://a.example/cb",
  scope: "openid email",
  state: "inside",
  nonce: "inside too",
  max_age: 300,
  ...changes,
});
const none = (claims: Claims) => `${encodePart({ alg: "none" })}.${encodePart(claims)}.`;
const outside = { client_id: "client-a", response_type: "code", scope: "openid" };

function ask(
  params: Readonly<Record<string, string>> | URLSearchParams,
  details: ClientDetails,
  documents: Record<string, string> = {},
) {
  const fetched: string[] = [];
  const fetchDocument = async (url: string) => {
    fetched.push(url);
    const text = documents[url];
    const status = text === undefined ? 404 : 200;
    return { status, contentType: "application/jwt", cacheControl: undefined, body: Buffer.from(text ?? "") };
  };
  const registered = { ...client, redirectUris: ["https://a.example/cb", "https://a.example/other"], details };
  const decision = decide(new URLSearchParams(params).toString(), {
    clients: clientsOf(registered),
    readRequestObject: makeReadRequestObject({
      issuer,
      keySets: makeClientKeySets({ fetchDocument }),
      documents: makeRequestDocuments({ fetchDocument }),
    }),
  });
  return { decision, fetched };
}

const good: { when: string; request: string; details: ClientDetails }[] = [
  { when: "RS256, as registered", request: key.sign(inside()), details: rs256 },
  { when: "any key where no algorithm is registered", request: es.sign(inside()), details: keys },
  { when: "PS256", request: ps.sign(inside()), details: keys },
  { when: "EdDSA", request: ed.sign(inside()), details: keys },
  { when: "its own type", request: key.sign(inside(), { typ: "oauth-authz-req+jwt" }), details: rs256 },
  {
    when: "a time in which it is good",
    request: key.sign(inside({ exp: seconds + 60, nbf: seconds })),
    details: rs256,
  },
  {
    when: "a client's clock that is a minute ahead",
    request: key.sign(inside({ iat: seconds + 60, nbf: seconds + 60, exp: seconds + 120 })),
    details: rs256,
  },
  { when: "several audiences", request: key.sign(inside({ aud: ["https://x.example", issuer] })), details: rs256 },
  {
    when: "no signature, as registered (oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported)",
    request: none(inside({ iss: undefined, aud: undefined })),
    details: unsigned,
  },
  { when: "no signature, with iss and aud", request: none(inside()), details: unsigned },
];
test.each(good)(
  "a request object with $when has the say alone (AUT-12, OIDC Core §6.1)",
  async ({ request, details }) => {
    const around = {
      ...outside,
      state: "outside",
      nonce: "outside",
      prompt: "none",
      login_hint: "x@example.com",
      request,
    };
    const { decision } = ask({ ...around, redirect_uri: "https://a.example/other" }, details);
    expect(await decision).toMatchObject({
      kind: "login",
      request: {
        redirectUri: "https://a.example/cb",
        scope: ["openid", "email"],
        state: "inside",
        nonce: "inside too",
        maxAgeSeconds: 300,
        prompt: [],
        loginHint: undefined,
      },
    });
  },
);

test("what it leaves out is not taken from around it, but for response_type and scope (AUT-12)", async () => {
  const request = key.sign(inside({ response_type: undefined, scope: undefined, state: undefined, nonce: undefined }));
  const { decision } = ask({ ...base, nonce: "outside", request }, rs256);
  const expected = { state: undefined, nonce: undefined, scope: ["openid"] };
  expect(await decision).toMatchObject({ kind: "login", request: expected });
  const without = ask({ ...base, request: key.sign(inside({ redirect_uri: undefined })) }, rs256);
  expect(await without.decision).toMatchObject({ kind: "show" });
});

test("the redirect_uri inside counts, also where the one outside is wrong (oidcc-ensure-request-object-with-redirect-uri)", async () => {
  const wrong = { ...outside, redirect_uri: "https://evil.example/cb" };
  const right = ask({ ...wrong, request: none(inside()) }, unsigned);
  expect(await right.decision).toMatchObject({ kind: "login", request: { redirectUri: "https://a.example/cb" } });
  const evil = { ...outside, redirect_uri: "https://a.example/cb" };
  const inner = ask({ ...evil, request: key.sign(inside({ redirect_uri: "https://evil.example/cb" })) }, rs256);
  expect(await inner.decision).toMatchObject({ kind: "show" });
});

const [header = "", payload = "", signature = ""] = key.sign(inside()).split(".");
const bad: { when: string; request: string; details?: ClientDetails }[] = [
  { when: "another key signed it", request: strange.sign(inside()) },
  { when: "another algorithm was registered", request: es.sign(inside()) },
  { when: "it is unsigned and RS256 was registered", request: none(inside()) },
  { when: "it is signed and none was registered", request: key.sign(inside()), details: { ...keys, ...unsigned } },
  { when: "it says none and is signed", request: `${none(inside())}${signature}`, details: unsigned },
  { when: "it says nOnE", request: `${encodePart({ alg: "nOnE" })}.${payload}.`, details: unsigned },
  { when: "the client's secret made a MAC", request: macJwt(inside(), secretOfClient) },
  { when: "the public key made a MAC", request: macJwt(inside(), JSON.stringify(key.jwk)), details: keys },
  { when: "the signature is missing", request: `${header}.${payload}.` },
  { when: "a claim was changed", request: `${header}.${encodePart(inside({ scope: "openid" }))}.${signature}` },
  { when: "it brings its key", request: strange.sign(inside(), { jwk: strange.jwk }) },
  { when: "it names a jku", request: key.sign(inside(), { jku: "https://evil.example/keys" }) },
  { when: "it is encrypted", request: "e30.AAAA.AAAA.AAAA.AAAA" },
  { when: "it is of another type", request: key.sign(inside(), { typ: "client-authentication+jwt" }) },
  { when: "it is a client assertion", request: key.sign(inside({ sub: "client-a" })) },
  { when: "iss is another", request: key.sign(inside({ iss: "client-b" })) },
  { when: "iss is missing", request: key.sign(inside({ iss: undefined })) },
  { when: "aud is another", request: key.sign(inside({ aud: "https://other.example" })) },
  { when: "aud is missing", request: key.sign(inside({ aud: undefined })) },
  { when: "it is unsigned for another", request: none(inside({ aud: "https://other.example" })), details: unsigned },
  { when: "it is unsigned of another", request: none(inside({ iss: "client-b" })), details: unsigned },
  { when: "it has expired", request: key.sign(inside({ exp: seconds })) },
  { when: "it is from the future", request: key.sign(inside({ nbf: seconds + 61 })) },
  { when: "it was made in the future", request: key.sign(inside({ iat: seconds + 61 })) },
  { when: "exp is text", request: key.sign(inside({ exp: "soon" })) },
  { when: "it is of another client", request: key.sign(inside({ client_id: "client-b" })) },
  { when: "it wants another response_type", request: key.sign(inside({ response_type: "code id_token" })) },
  { when: "it holds another", request: key.sign(inside({ request: key.sign(inside()) })) },
  { when: "it refers to another", request: key.sign(inside({ request_uri: uri })) },
  { when: "a parameter is a list", request: key.sign(inside({ scope: ["openid"] })) },
  { when: "a parameter is null", request: key.sign(inside({ nonce: null })) },
  { when: "it is no JWT", request: "x" },
  { when: "it is endless", request: key.sign(inside({ more: "a".repeat(60_000) })) },
];
test.each(bad)("invalid_request_object when $when (AUT-12, JWT-1, JWT-2)", async ({ request, details = rs256 }) => {
  const told = delivered(await ask({ ...base, request }, details).decision);
  expect(told.to).toBe("https://a.example/cb");
  expect(told.members.get("error")).toBe("invalid_request_object");
  expect(told.members.get("state")).toBe(base.state);
  const elsewhere = ask({ ...base, redirect_uri: "https://evil.example/cb", request }, details);
  expect(await elsewhere.decision).toMatchObject({ kind: "show" });
});

test("what is wrong inside is told as outside: unsafe characters, a prompt that is none (AUT-10)", async () => {
  for (const wrong of [{ nonce: "a\nb" }, { prompt: "none login" }, { max_age: -1 }, { scope: "email" }]) {
    const { decision } = ask({ ...outside, request: key.sign(inside(wrong)) }, rs256);
    expect(delivered(await decision).members.get("state")).toBe("inside");
  }
  const { decision } = ask({ ...outside, request: key.sign(inside({ registration: {} })) }, rs256);
  expect(await decision).toMatchObject({ kind: "show" });
});

test.each(["request", "state", "client_id"])("%s sent twice beside it is refused (RED-6)", async (name) => {
  const sent = new URLSearchParams({ ...base, request: key.sign(inside()) });
  sent.append(name, sent.get(name) ?? "");
  const decision = await ask(sent, rs256).decision;
  if (name === "client_id") expect(decision.kind).toBe("show");
  else expect(delivered(decision).members.get("error")).toBe("invalid_request");
});

test("claims may be an object (OIDC Core §5.5, §6.1)", async () => {
  const claims = { userinfo: { name: { essential: true } } };
  expect(await ask({ ...outside, request: key.sign(inside({ claims })) }, rs256).decision).toMatchObject({
    kind: "login",
  });
});

const unsupported: { when: string; params: Record<string, string>; details: ClientDetails; error: string }[] = [
  { when: "has no keys", params: { request: key.sign(inside()) }, details: {}, error: "request_not_supported" },
  {
    when: "said nothing of unsigned ones",
    params: { request: none(inside()) },
    details: keys,
    error: "request_not_supported",
  },
  {
    when: "registered no request_uri",
    params: { request_uri: uri },
    details: rs256,
    error: "request_uri_not_supported",
  },
  {
    when: "registered another request_uri",
    params: { request_uri: "https://a.example/request" },
    details: { ...rs256, request_uris: [uri] },
    error: "invalid_request_uri",
  },
  {
    when: "sends both",
    params: { request: key.sign(inside()), request_uri: uri },
    details: { ...rs256, request_uris: [uri] },
    error: "invalid_request",
  },
];
test.each(unsupported)(
  "$error where the client $when, and nothing is fetched (AUT-11)",
  async ({ params, details, error }) => {
    const { decision, fetched } = ask({ ...base, ...params }, details);
    expect(delivered(await decision).members.get("error")).toBe(error);
    expect(fetched).toEqual([]);
    const { decision: elsewhere } = ask({ ...base, ...params, redirect_uri: "https://evil.example/cb" }, details);
    expect(await elsewhere).toMatchObject({ kind: "show" });
  },
);

const byReference: { when: string; text: string; details: ClientDetails }[] = [
  {
    when: "signed (oidcc-request-uri-signed-rs256)",
    text: key.sign(inside()),
    details: { ...rs256, request_uris: [uri] },
  },
  {
    when: "unsigned, at an https address (oidcc-request-uri-unsigned)",
    text: none(inside({ iss: undefined, aud: undefined })),
    details: { request_uris: [uri] },
  },
  { when: "unsigned, as registered", text: none(inside()), details: { ...unsigned, request_uris: [uri] } },
];
test.each(byReference)("a request object by reference, $when, is fetched without the fragment", async (row) => {
  const { decision, fetched } = ask({ ...outside, request_uri: uri }, row.details, {
    "https://a.example/request": row.text,
  });
  expect(await decision).toMatchObject({ kind: "login", request: { state: "inside" } });
  expect(fetched).toEqual(["https://a.example/request"]);
});

test("an unsigned one by reference is refused where another algorithm is registered, or the address is not https (AUT-12)", async () => {
  const documents = { "https://a.example/request": none(inside()), "http://127.0.0.1/r": none(inside()) };
  const registered = ask({ ...base, request_uri: uri }, { ...rs256, request_uris: [uri] }, documents);
  expect(delivered(await registered.decision).members.get("error")).toBe("invalid_request_object");
  const plain = { request_uris: ["http://127.0.0.1/r"] };
  const overHttp = ask({ ...base, request_uri: "http://127.0.0.1/r" }, plain, documents);
  expect(delivered(await overHttp.decision).members.get("error")).toBe("invalid_request_object");
});

test("nothing usable behind the address is invalid_request_uri, at a registered redirect_uri alone (RED-10)", async () => {
  const details = { ...rs256, request_uris: [uri] };
  const missing = ask({ ...base, request_uri: uri }, details);
  expect(delivered(await missing.decision).members.get("error")).toBe("invalid_request_uri");
  const elsewhere = ask({ ...base, redirect_uri: "https://evil.example/cb", request_uri: uri }, details);
  expect(await elsewhere.decision).toMatchObject({ kind: "show" });
  expect(await ask({ ...outside, request_uri: uri }, details).decision).toMatchObject({ kind: "show" });
});
