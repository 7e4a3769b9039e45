import { expect, test } from "vitest";
import type { Client } from "../clients/client.ts";
import { OAuthError } from "../errors.ts";
import type { Resource } from "../resources/resource.ts";
import { decideExchangeScope, type ExchangeRequest } from "./exchange-request.ts";
import { decideExchangeTarget, type SubjectReach } from "./exchange-target.ts";

const [OPEN, NAMED, OTHER] = ["https://open.example/", "https://named.example/", "https://other.example/"];
const USERINFO = "https://dex.example/userinfo";
const PAYMENT = { type: "payment", creditor: "Ada" };
const DETAILS = JSON.stringify([PAYMENT]);

const resource = (identifier: string, more: Partial<Resource>): Resource => ({
  ...{ identifier, name: identifier, scopes: ["read"], accessTokenSeconds: undefined, tokenFormat: "opaque" },
  ...{ signingAlgorithm: "RS256", allowedClients: undefined, introspectedBy: [], authorizationDetailsTypes: [] },
  ...more,
});
const all = [
  resource(OPEN, { scopes: ["read", "write"] }),
  resource(NAMED, { allowedClients: ["client"] }),
  resource(OTHER, { allowedClients: ["somebody else"] }),
];
const resources = { all: () => all, find: (identifier: string) => all.find((one) => one.identifier === identifier) };
const client = { id: "client", scopes: undefined } as Client;

const OURSELVES: SubjectReach = { ourselves: true, resources: [], taken: false, details: [] };
const PASSED: SubjectReach = { ...OURSELVES, taken: true };
const OF_OPEN: SubjectReach = { ourselves: false, resources: [OPEN], taken: false, details: [PAYMENT] };
const TAKEN_AT_OPEN: SubjectReach = { ...OF_OPEN, taken: true };
const BOTH: SubjectReach = { ...OF_OPEN, ourselves: true };

interface Row {
  readonly when: string;
  readonly reach: SubjectReach;
  readonly params?: Readonly<Record<string, string>>;
  readonly asked?: Partial<Pick<ExchangeRequest, "audiences" | "requested" | "scope">>;
  /** Identifiers; the userinfo endpoint at the end. Undefined: for ourselves. */
  readonly expected: readonly string[] | undefined | "invalid_target" | "invalid_authorization_details";
}
const target = "invalid_target";
const ROWS: readonly Row[] = [
  { when: "for ourselves, and nothing is asked for", reach: OURSELVES, expected: undefined },
  {
    when: "for ourselves, and so is the result",
    reach: OURSELVES,
    params: { resource: USERINFO },
    expected: undefined,
  },
  { when: "for ourselves and a resource, and nothing is asked for", reach: BOTH, expected: undefined },
  {
    when: "for ourselves and a resource, that is asked for",
    reach: BOTH,
    params: { resource: OPEN },
    expected: [OPEN],
  },
  { when: "for a resource, and nothing is asked for", reach: OF_OPEN, expected: [OPEN] },
  { when: "for a resource, that is asked for", reach: OF_OPEN, params: { resource: OPEN }, expected: [OPEN] },
  { when: "for a resource, that is an audience", reach: OF_OPEN, asked: { audiences: [OPEN] }, expected: [OPEN] },
  {
    when: "for a resource, and its details",
    reach: OF_OPEN,
    params: { authorization_details: DETAILS },
    expected: [OPEN],
  },
  {
    when: "taken elsewhere, for one that names the client",
    reach: TAKEN_AT_OPEN,
    params: { resource: NAMED },
    expected: [NAMED],
  },
  {
    when: "taken from ourselves, for one that names the client",
    reach: PASSED,
    params: { resource: NAMED },
    expected: [NAMED],
  },
  {
    when: "held for ourselves, for one that names the client",
    reach: OURSELVES,
    params: { resource: NAMED },
    expected: target,
  },
  {
    when: "held for a resource, for one that names the client",
    reach: OF_OPEN,
    params: { resource: NAMED },
    expected: target,
  },
  { when: "taken, for one that names nobody", reach: PASSED, params: { resource: OPEN }, expected: target },
  { when: "taken, for one that names another", reach: PASSED, params: { resource: OTHER }, expected: target },
  { when: "taken, for an unknown one", reach: PASSED, params: { resource: "urn:unknown" }, expected: target },
  {
    when: "for a resource, and the result for ourselves",
    reach: OF_OPEN,
    params: { resource: USERINFO },
    expected: target,
  },
  {
    when: "for a resource, and the result for a client",
    reach: OF_OPEN,
    asked: { audiences: ["friend"] },
    expected: target,
  },
  {
    when: "for a resource, and the result for a client of the scope",
    reach: OF_OPEN,
    asked: { scope: ["audience:server:client_id:friend"] },
    expected: target,
  },
  {
    when: "taken, for a resource and a client",
    reach: PASSED,
    params: { resource: NAMED },
    asked: { audiences: ["friend"] },
    expected: target,
  },
  { when: "for a resource, to an ID token", reach: OF_OPEN, asked: { requested: "id_token" }, expected: target },
  { when: "for a resource that is gone", reach: { ...OF_OPEN, resources: [] }, expected: target },
  {
    when: "taken elsewhere, with details of the first",
    reach: { ...TAKEN_AT_OPEN, details: [] },
    params: { resource: NAMED, authorization_details: DETAILS },
    expected: "invalid_authorization_details",
  },
  {
    when: "for ourselves, with details",
    reach: OURSELVES,
    params: { authorization_details: DETAILS },
    expected: "invalid_authorization_details",
  },
];

test.each(ROWS)("a subject token $when: $expected (TX-1)", ({ reach, params = {}, asked = {}, expected }) => {
  const decide = () =>
    decideExchangeTarget(
      new URLSearchParams(params),
      { audiences: [], requested: "access_token", scope: undefined, ...asked },
      reach,
      { client, resources, userinfoUrl: USERINFO },
    );
  if (typeof expected === "string") {
    expect(decide).toThrow(OAuthError);
    expect(decide).toThrow(expect.objectContaining({ code: expected }));
  } else {
    expect(decide()?.resources).toEqual(expected);
  }
});

const SCOPES: readonly (readonly [string, readonly string[] | undefined, readonly string[] | undefined, unknown])[] = [
  ["what both have, where none is asked for", undefined, ["read", "pay", "openid"], ["read"]],
  ["what is asked for", ["write"], ["read", "write"], ["write"]],
  ["nothing that the subject token does not have", ["write"], ["read"], "invalid_scope"],
  ["nothing that the resource does not have", ["pay"], ["read", "pay"], "invalid_scope"],
  ["no scope of people", ["openid"], ["read", "openid"], "invalid_scope"],
  ["nothing to refresh with", ["offline_access"], ["offline_access"], "invalid_scope"],
  ["what is asked for, of a token without a scope", ["write"], undefined, ["write"]],
  ["nothing that is not asked for, of a token without a scope", undefined, undefined, []],
  ["nothing that the resource does not have, of a token without a scope", ["email"], undefined, "invalid_scope"],
];
test.each(SCOPES)("a token for a resource has %s (TX-1)", (_, scope, most, expected) => {
  const [open] = all;
  if (open === undefined) throw new Error("expected a resource");
  const request = { named: [open], userinfo: false, resources: [OPEN], authorizationDetails: undefined };
  const decided = decideExchangeScope({ requested: "access_token", scope, audiences: [] }, client, most, request);
  expect(decided instanceof OAuthError ? decided.code : decided).toEqual(expected);
});
