// What a request object asks for at resources: RFC 8707 §2.1, RFC 9396 §3.
import { expect, test } from "vitest";
import { base, decide } from "../../test/authorization-request.ts";
import { type Claims, makeClientKey } from "../../test/client-jwts.ts";
import { client, clientsOf, issuer } from "../../test/fakes.ts";
import { makeClientKeySets } from "../client-jwts/client-key-sets.ts";
import { makeResourceSet, type Resource } from "../resources/resource.ts";
import { makeRequestDocuments } from "./request-documents.ts";
import { makeReadRequestObject } from "./request-object.ts";

const [ORDERS, STOCK] = ["https://orders.example/", "https://stock.example/"];
const PAYMENT = { type: "payment", creditor: "Ada" };
const key = makeClientKey("RS256", "one");

const resource = (identifier: string, more: Partial<Resource> = {}): Resource => ({
  ...{ identifier, name: identifier, scopes: ["read"], accessTokenSeconds: undefined, tokenFormat: "opaque" },
  ...{ signingAlgorithm: "RS256", allowedClients: undefined, introspectedBy: [], authorizationDetailsTypes: [] },
  ...more,
});
const payments = [{ type: "payment", name: "Pay somebody", members: ["creditor"] }];
const resources = makeResourceSet();
resources.replace([resource(ORDERS, { authorizationDetailsTypes: payments }), resource(STOCK)]);

function ask(claims: Claims, beside: readonly (readonly [string, string])[] = []) {
  const request = key.sign({
    ...{ iss: "client-a", aud: issuer, response_type: "code", scope: "openid", redirect_uri: "https://a.example/cb" },
    ...claims,
  });
  const params = new URLSearchParams({ ...base, request });
  for (const [name, value] of beside) params.append(name, value);
  const fetchDocument = () => Promise.reject(new Error("nothing is fetched"));
  return decide(params.toString(), {
    clients: clientsOf({
      ...client,
      redirectUris: ["https://a.example/cb"],
      details: { jwks: { keys: [key.jwk] as never } },
    }),
    resources,
    readRequestObject: makeReadRequestObject({
      issuer,
      keySets: makeClientKeySets({ fetchDocument }),
      documents: makeRequestDocuments({ fetchDocument }),
    }),
  });
}
const granted = (...identifiers: readonly string[]) => ({
  kind: "login",
  request: { resources: identifiers.map((identifier) => ({ identifier, scope: [] })) },
});

test.each([
  ["a text", ORDERS, [ORDERS]],
  ["a list of texts", [ORDERS, STOCK], [ORDERS, STOCK]],
])("a request object names resources by %s (RFC 8707 §2.1)", async (_form, named, expected) => {
  expect(await ask({ resource: named })).toMatchObject(granted(...expected));
});

test("a resource beside the request object does not count (AUT-12)", async () => {
  expect(await ask({ resource: ORDERS }, [["resource", STOCK]])).toMatchObject(granted(ORDERS));
  const decision = await ask({}, [["resource", STOCK]]);
  expect(decision).toMatchObject({ kind: "login" });
  if (decision.kind === "login") expect(decision.request).not.toHaveProperty("resources");
});

test.each([
  ["a number", 7],
  ["an object", { uri: ORDERS }],
  ["a list with a number", [ORDERS, 7]],
])("a request object that names resources by %s is malformed (RFC 8707 §2.1)", async (_form, named) => {
  expect(await ask({ resource: named })).toMatchObject({ error: { code: "invalid_request_object" } });
});

test("a request object names a resource that the client cannot have (RFC 8707 §2.1)", async () => {
  expect(await ask({ resource: "https://unknown.example/" })).toMatchObject({ error: { code: "invalid_target" } });
});

test.each([
  ["as JSON", [PAYMENT]],
  ["as JSON in a text", JSON.stringify([PAYMENT])],
])("a request object holds authorization_details %s (RFC 9396 §3)", async (_form, given) => {
  expect(await ask({ authorization_details: given })).toMatchObject({
    kind: "login",
    request: { authorizationDetails: [PAYMENT], resources: [{ identifier: ORDERS, scope: [] }] },
  });
});

test.each([
  ["of an unknown type", [{ type: "theft" }], "invalid_authorization_details"],
  ["that are a number", 7, "invalid_authorization_details"],
])("a request object holds authorization_details %s (RFC 9396 §5)", async (_form, given, code) => {
  expect(await ask({ authorization_details: given })).toMatchObject({ error: { code } });
});
