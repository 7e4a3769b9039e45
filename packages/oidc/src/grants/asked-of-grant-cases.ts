// What a token request names, against what was granted: rows for every table of a grant, and so for every statement.
import type { GrantTerms } from "../ports.ts";
import type { AskedOfGrant } from "../resources/terms.ts";

/** One resource, and one payment there. */
export const TERMS_WITH_RESOURCE: GrantTerms = {
  resources: [{ identifier: "https://api.example/", scope: ["read"] }],
  authorizationDetails: [{ type: "payment", creditor: "Ada", amount: { value: "1.00", currency: "EUR" } }],
};

export interface AskedCase {
  readonly when: string;
  readonly terms: GrantTerms | undefined;
  readonly asked: AskedOfGrant;
  readonly granted: boolean;
  readonly by: string;
}

const API = "https://api.example/";
/** The same with its members in another order. */
const PAYMENT = { amount: { currency: "EUR", value: "1.00" }, creditor: "Ada", type: "payment" };

type Row = readonly [
  when: string,
  resources: readonly string[],
  details: AskedOfGrant["authorizationDetails"],
  boolean,
];
const ROWS: readonly Row[] = [
  ["nothing is asked for by name", [], undefined, true],
  ["the resource and the payment are asked for that were granted", [API], [PAYMENT], true],
  ["another resource is asked for", ["https://other.example/"], undefined, false],
  ["another resource is asked for beside the granted one", [API, "urn:other"], undefined, false],
  ["the resource is spelled otherwise", ["https://api.example"], undefined, false],
  ["another payment is asked for", [], [{ ...PAYMENT, creditor: "Eve" }], false],
  ["another payment is asked for beside the granted one", [], [PAYMENT, { ...PAYMENT, creditor: "Eve" }], false],
  ["the payment is asked for without its limit", [], [{ type: "payment", creditor: "Ada" }], false],
];

export const ASKED_CASES: readonly AskedCase[] = [
  ...ROWS.map(([when, resources, authorizationDetails, granted]) => ({
    when,
    terms: TERMS_WITH_RESOURCE,
    asked: { resources, authorizationDetails },
    granted,
    by: "RFC 8707 §2.2, RFC 9396 §6.1",
  })),
  {
    when: "a resource is asked for and none was granted",
    terms: undefined,
    asked: { resources: [API], authorizationDetails: undefined },
    granted: false,
    by: "RFC 8707 §2.2",
  },
  {
    when: "a payment is asked for and none was granted",
    terms: undefined,
    asked: { resources: [], authorizationDetails: [PAYMENT] },
    granted: false,
    by: "RFC 9396 §6.1",
  },
];
