// A client that registered that every request of its own is signed: RFC 9101 §10.5.
import { expect, test } from "vitest";
import { base, decide } from "../../test/authorization-request.ts";
import { type Claims, encodePart, makeClientKey } from "../../test/client-jwts.ts";
import { client, clientsOf, issuer } from "../../test/fakes.ts";
import { makeClientKeySets } from "../client-jwts/client-key-sets.ts";
import type { ClientDetails } from "../clients/client-details.ts";
import { makeRequestDocuments } from "./request-documents.ts";
import { makeReadRequestObject } from "./request-object.ts";

const key = makeClientKey("RS256", "one");
const uri = "https://a.example/request";
const signing: ClientDetails = { require_signed_request_object: true, jwks: { keys: [key.jwk] as never } };

const inside = (changes: Claims = {}): Claims => ({
  ...{ iss: "client-a", aud: issuer, client_id: "client-a", response_type: "code", scope: "openid" },
  ...{ redirect_uri: "https://a.example/cb", nonce: "inside", ...changes },
});
const unsigned = `${encodePart({ alg: "none" })}.${encodePart(inside())}.`;

function ask(params: Readonly<Record<string, string>>, details: ClientDetails = signing, sentBy?: "client") {
  const fetchDocument = async () => {
    return { status: 200, contentType: "application/jwt", cacheControl: undefined, body: Buffer.from(unsigned) };
  };
  return decide(new URLSearchParams(params).toString(), {
    clients: clientsOf({ ...client, redirectUris: ["https://a.example/cb"], details }),
    ...(sentBy && { sentBy }),
    readRequestObject: makeReadRequestObject({
      issuer,
      keySets: makeClientKeySets({ fetchDocument }),
      documents: makeRequestDocuments({ fetchDocument }),
    }),
  });
}

test("a signed request of a client that registered that it signs all of them is taken (RFC 9101 §10.5)", async () => {
  const decision = await ask({ ...base, request: key.sign(inside()) });
  expect(decision).toMatchObject({ kind: "login", request: { nonce: "inside" } });
});

const refusals: readonly {
  what: string;
  params: Readonly<Record<string, string>>;
  details?: ClientDetails;
  code: string;
}[] = [
  { what: "comes as plain parameters", params: base, code: "invalid_request" },
  { what: "comes in an unsigned object", params: { ...base, request: unsigned }, code: "invalid_request_object" },
  {
    what: "comes in an unsigned object although the algorithm was none",
    params: { ...base, request: unsigned },
    details: { ...signing, request_object_signing_alg: "none" },
    code: "invalid_request_object",
  },
  {
    what: "stands unsigned at an address that the client registered",
    params: { ...base, request_uri: uri },
    details: { ...signing, request_uris: [uri] },
    code: "invalid_request_object",
  },
  {
    what: "says its scope outside of the object alone",
    params: { ...base, request: key.sign(inside({ scope: undefined })) },
    code: "invalid_scope",
  },
];
test.each(refusals)(
  "a request that $what is refused where the client registered that it signs them (RFC 9101 §10.5)",
  async ({ params, details, code }) => {
    for (const sentBy of [undefined, "client"] as const) {
      expect(await ask(params, details, sentBy)).toMatchObject({ kind: "deliver", error: { code } });
    }
  },
);
