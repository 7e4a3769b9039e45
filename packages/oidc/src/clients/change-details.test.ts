import { expect, test } from "vitest";
import { makeClientKey } from "../../test/client-jwts.ts";
import { client as any } from "../../test/fakes.ts";
import { decideDetails } from "./change-details.ts";
import type { Client } from "./client.ts";
import { parseClientChanges } from "./client-metadata.ts";

const jwks = { keys: [makeClientKey("RS256", "one").jwk] };
const client: Client = { ...any, details: { tos_uri: "https://a.example/tos", require_auth_time: true } };
const signing: Client = {
  ...any,
  details: { token_endpoint_auth_method: "private_key_jwt", jwks_uri: "https://a.example/jwks" },
};

function decide(of: Client, details: unknown) {
  const parsed = parseClientChanges({ details });
  if (parsed.kind === "refused") return parsed;
  return parsed.kind === "details" ? decideDetails(of, parsed) : expect.fail(parsed.kind);
}

test("members that are named change, null takes one away, and the others stay", () => {
  const change = { initiate_login_uri: "https://a.example/login", tos_uri: null };
  expect(decide(client, change)).toEqual({
    kind: "change",
    details: { require_auth_time: true, initiate_login_uri: "https://a.example/login" },
  });
  expect(decide(signing, { jwks, jwks_uri: null })).toMatchObject({ kind: "change", details: { jwks } });
});

test.each([
  { of: client, details: { jwks: { keys: [{ kty: "oct", k: "AAAA" }] } }, member: "jwks" },
  { of: client, details: { response_types: ["id_token"] }, member: "response_types" },
  { of: client, details: { frontchannel_logout_uri: "https://b.example/out" }, member: "frontchannel_logout_uri" },
  { of: client, details: { made_up: 1 }, member: "details" },
  { of: client, details: { made_up: null }, member: "details.made_up" },
  { of: client, details: { default_max_age: -1 }, member: "details.default_max_age" },
  { of: client, details: { token_endpoint_auth_method: "none" }, member: "token_endpoint_auth_method" },
  { of: client, details: { token_endpoint_auth_method: "client_secret_jwt" }, member: "token_endpoint_auth_method" },
  { of: signing, details: { jwks_uri: null }, member: "token_endpoint_auth_method" },
  { of: signing, details: { jwks }, member: "jwks" },
  { of: signing, details: { token_endpoint_auth_method: null }, member: "token_endpoint_auth_method" },
])("$details is refused for $member", ({ of, details, member }) => {
  const outcome = decide(of, details);
  expect(outcome).toMatchObject({ kind: "refused" });
  expect(outcome.kind === "refused" && outcome.reason.startsWith(member)).toBe(true);
});
