import { expect, test } from "vitest";
import { clientNameShape } from "./clients/client-metadata.ts";
import { chooseAuthorizationDetails } from "./resources/authorization-details.ts";
import { parseResource } from "./resources/new-resource.ts";

const parsed = parseResource({
  ...{ identifier: "https://bank.example/", name: "The bank" },
  authorizationDetailsTypes: [{ type: "payment", name: "Pay somebody", members: ["amount", "creditor"] }],
});
if (parsed.kind === "refused") throw new Error(parsed.reason);
const { resource } = parsed;
const choose = (creditor: unknown) =>
  chooseAuthorizationDetails(JSON.stringify([{ type: "payment", amount: "9.00", creditor }]), {
    client: { id: "shop", dynamic: false },
    resources: { all: () => [resource], find: () => resource },
  }).kind;

test.each<[string, unknown]>([
  ["a text that is turned around", "\u202e00.001"],
  ["a text of two directions that are not its own", "a\u2066b\u2069c"],
  ["a mark of direction", "DE12\u200f34"],
  ["a tab", "Ann\tBob"],
  ["a letter without a shape", "Ann\u3164"],
  ["a space without width", "A\u200bnn"],
  ["a line of its own", "Ann\u2028Bob"],
  ["one within an object", { name: "Ann", note: "\u202enoitanod" }],
  ["the name of a member", { "na\u202eme": "Ann" }],
])(
  "details of a request that people could not read as they are, with %s, are refused (RFC 9396 §12)",
  (_with, creditor) => {
    expect(choose(creditor)).toBe("refused");
  },
);

test.each(["Jürgen", "ליאור", "مریم\u200cها", "王", "👩\u200d🌾", "❤\ufe0f", { name: "Ann", iban: "DE12" }])(
  "details are taken in every script: %j",
  (creditor) => {
    expect(choose(creditor)).toBe("chosen");
  },
);

test.each(["", " ", "\u00a0", "\u3164", "\u2800", " \u115f "])(
  "a client cannot be called %j, which nobody sees",
  (name) => {
    expect(clientNameShape.safeParse(name).success).toBe(false);
  },
);

test.each(["App", "❤\ufe0f App", "王"])("a client can be called %j", (name) => {
  expect(clientNameShape.safeParse(name).success).toBe(true);
});
