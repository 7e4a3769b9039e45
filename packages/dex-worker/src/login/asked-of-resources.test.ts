import type { LoginState, Resource, Resources } from "@dex/oidc";
import { expect, test } from "vitest";
import { describeAskedOfResources } from "./asked-of-resources.ts";

const api: Resource = {
  ...{ identifier: "https://api.example/", name: "The API", scopes: ["read"], accessTokenSeconds: undefined },
  ...{ tokenFormat: "jwt", signingAlgorithm: "RS256", allowedClients: undefined, introspectedBy: [] },
  authorizationDetailsTypes: [{ type: "payment", name: "Pay somebody", members: ["amount", "creditor"] }],
};
const resources: Resources = { find: (one) => (one === api.identifier ? api : undefined), all: () => [api] };
const told = (members: object) => {
  const authorizationDetails = [{ type: "payment", ...members }];
  const request = { resources: [{ identifier: api.identifier, scope: [] }], authorizationDetails };
  const [view] = describeAskedOfResources(request as unknown as LoginState["request"], resources);
  return view?.details[0]?.members.map(({ name, value }) => `${name}: ${value}`);
};

test.each([
  ["a text", { creditor: "Ada" }, ["creditor: Ada"]],
  ["a number, and nothing", { amount: 12.5, creditor: null }, ["amount: 12.5", "creditor: null"]],
  ["a list of texts", { actions: ["read", "write"] }, ["actions: read, write"]],
  ["a list of other things", { actions: [1, { a: 2 }] }, ['actions: [1,{"a":2}]']],
  [
    "an object",
    { amount: { value: "1.00", of: { currency: "EUR" } } },
    ["amount.value: 1.00", "amount.of.currency: EUR"],
  ],
  ["an empty object", { amount: {} }, ["amount: {}"]],
  ["an object whose names look like lines", { amount: { "x: 1, y": 2 } }, ['amount: {"x: 1, y":2}']],
])("%s is told in lines of its own (RFC 9396 §3)", (_, members, lines) => {
  expect(told(members)).toEqual(lines);
});
