import { afterAll, describe, expect, test } from "vitest";
import {
  ATTRIBUTES,
  begin,
  CALLBACK,
  caData,
  ecSigner,
  ISSUER,
  later,
  NOW,
  openSaml,
  otherSigner,
  sign,
  signer,
} from "./saml-login.ts";

afterAll(() => {
  for (const one of [signer, otherSigner, ecSigner]) one.close();
});

const CLAIMS = { remoteId: "person-1", displayName: "Grace Hopper", email: "grace@example.com", emailVerified: true };
const asking = { asked: { groups: true } };

describe("a person who the identity provider vouches for", () => {
  test.each([
    { what: "the response", signed: ["response"] },
    { what: "the assertion", signed: ["assertion"] },
    { what: "both", signed: ["assertion", "response"] },
  ] as const)("is who the NameID says, where $what is signed (C 105, C 109, C 117)", async ({ signed }) => {
    const trip = await begin(openSaml());
    const outcome = await trip.finish(trip.answer({ signed }));
    expect(outcome).toMatchObject({
      kind: "identity",
      identity: { ...CLAIMS, connectorId: "corp", preferredUsername: undefined, groups: undefined },
    });
    expect(outcome).toHaveProperty("identity.authTime", later(-5));
  });

  test.each([
    { what: "an EC key", method: "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", by: ecSigner },
    { what: "RSA and SHA-384", method: "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384", by: signer },
    { what: "RSA and SHA-512", method: "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512", by: signer },
  ])("may be vouched for with $what (SAM-5)", async ({ method, by }) => {
    const trip = await begin(openSaml({ caData: caData(by.certificate) }));
    const unsigned = trip.answer({ signed: [] });
    const { samlAssertion } = await import("@dex/testing");
    const values = { requestId: trip.requestId, callbackUrl: CALLBACK, audience: CALLBACK, issuer: ISSUER, now: NOW };
    const assertion = samlAssertion({ ...values, attributes: ATTRIBUTES, signatureMethod: method });
    const answer = unsigned.replace(/<saml:Assertion .*<\/saml:Assertion>/s, assertion);
    expect(await trip.finish(by.sign(answer, "_assertion"))).toMatchObject({ kind: "identity" });
  });

  test("one of several certificates serves while keys change (C 118)", async () => {
    const trip = await begin(openSaml({ caData: caData(otherSigner.certificate, signer.certificate) }));
    expect(await trip.finish(trip.answer())).toMatchObject({ kind: "identity" });
  });

  test("with groupsAttr has all of them in order, when they are asked for (C 106)", async () => {
    const trip = await begin(openSaml());
    expect(await trip.finish(trip.answer(), asking)).toMatchObject({ identity: { groups: ["Admins", "Everyone"] } });
  });

  test("with groupsDelim has what one value holds, not trimmed (C 106)", async () => {
    const trip = await begin(openSaml({ groupsDelim: "," }));
    const attributes = { ...ATTRIBUTES, groups: ["Admins, Everyone,Ops"] };
    expect(await trip.finish(trip.answer({ attributes }), asking)).toMatchObject({
      identity: { groups: ["Admins", " Everyone", "Ops"] },
    });
  });

  test("is not vouched for by address where the operator says so", async () => {
    const trip = await begin(openSaml({ trustedEmailProvider: false }));
    expect(await trip.finish(trip.answer())).toMatchObject({ identity: { emailVerified: false } });
  });

  test.each([
    { missing: "usernameAttr", attributes: { email: ["a@example.com"] } },
    { missing: "emailAttr", attributes: { name: ["A"] } },
    { missing: "any attribute", attributes: {} },
    { missing: "a value", attributes: { name: [], email: ["a@example.com"] } },
    { missing: "text in a value", attributes: { name: ["<saml:NameID>x</saml:NameID>"], email: ["a@example.com"] } },
    { missing: "anything but blanks", attributes: { name: ["  "], email: ["a@example.com"] } },
  ])("is refused without $missing", async ({ attributes }) => {
    const trip = await begin(openSaml());
    expect(await trip.finish(trip.answer({ attributes }))).toMatchObject({ reason: "invalid answer" });
  });

  test("is refused with a NameID that is new each time", async () => {
    const trip = await begin(openSaml());
    const nameIdFormat = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
    expect(await trip.finish(trip.answer({ nameIdFormat }))).toMatchObject({ reason: "invalid answer" });
  });
});

describe("allowedGroups", () => {
  const allowedGroups = ["Admins"];
  test.each([
    { filterGroups: false, groups: ["Admins", "Everyone"] },
    { filterGroups: true, groups: ["Admins"] },
  ])("lets a member in, with filterGroups $filterGroups as $groups (C 107)", async ({ filterGroups, groups }) => {
    const trip = await begin(openSaml({ allowedGroups, filterGroups }));
    expect(await trip.finish(trip.answer(), asking)).toMatchObject({ identity: { groups } });
  });

  test("lets a member in whose client does not ask for groups, and says none of them (C 127)", async () => {
    const trip = await begin(openSaml({ allowedGroups }));
    const outcome = await trip.finish(trip.answer());
    expect(outcome).toMatchObject({ kind: "identity", identity: { groups: undefined } });
  });

  test.each([
    { who: "is in others", attributes: { ...ATTRIBUTES, groups: ["admins", "Everyone"] } },
    { who: "is in none", attributes: { ...ATTRIBUTES, groups: [] } },
    { who: "has no such attribute", attributes: { name: ["A"], email: ["a@example.com"] } },
  ])("keeps out who $who, whatever the client asks (C 108)", async ({ attributes }) => {
    for (const groups of [true, false]) {
      const trip = await begin(openSaml({ allowedGroups }));
      const outcome = await trip.finish(trip.answer({ attributes }), { asked: { groups } });
      expect(outcome).toMatchObject({ kind: "refused", reason: "not permitted" });
    }
  });
});

describe("an answer is refused", () => {
  const elsewhere = "https://evil.example/auth/corp/callback";
  const cases: readonly {
    what: string;
    by: string;
    values?: Parameters<Awaited<ReturnType<typeof begin>>["answer"]>[0];
    change?: (xml: string) => string;
    reason?: string;
  }[] = [
    { what: "that nobody signed", by: "C 110", values: { signed: [] } },
    {
      what: "with a status other than Success",
      by: "C 112",
      values: { status: "Responder" },
      reason: "denied upstream",
    },
    { what: "with an expired assertion", by: "C 113", values: { notOnOrAfter: -40 } },
    { what: "with an assertion that is not valid yet", by: "C 113", values: { notBefore: 40 } },
    { what: "to another request", by: "C 114", values: { requestId: "_another" } },
    { what: "for another recipient", by: "C 114", values: { callbackUrl: elsewhere } },
    { what: "for another audience", by: "C 114", values: { audience: "https://other.example/" } },
    { what: "of another issuer", by: "SAM-6", values: { issuer: "https://evil.example/metadata" } },
    {
      what: "whose NameID was changed",
      by: "C 116",
      values: { signed: ["response"] },
      change: (xml) => xml.replace("person-1", "person-2"),
    },
  ];
  test.each(cases)("$what ($by)", async ({ values, change = (xml) => xml, reason = "invalid answer" }) => {
    const trip = await begin(openSaml());
    const outcome = await trip.finish(change(trip.answer(values)));
    expect(outcome).toMatchObject({ kind: "refused", reason });
  });

  test("a status is told to operators, in few words (C 112)", async () => {
    const trip = await begin(openSaml());
    const status = "Responder";
    const answer = trip
      .answer({ status, signed: [] })
      .replace("</samlp:Status>", "<samlp:StatusMessage>no such account</samlp:StatusMessage></samlp:Status>");
    expect(await trip.finish(answer)).toMatchObject({ detail: "status Responder: no such account" });
  });

  test("with a signature of somebody else (C 111)", async () => {
    const trip = await begin(openSaml({ caData: caData(otherSigner.certificate) }));
    const outcome = await trip.finish(trip.answer());
    expect(outcome).toMatchObject({ detail: "Signature was made by none of the configured certificates" });
  });

  test("after the configured certificate has expired (SAM-5)", async () => {
    const trip = await begin(openSaml());
    const now = later(400 * 86_400);
    const outcome = await trip.finish(trip.answer({ now }), { now });
    expect(outcome).toMatchObject({ kind: "unavailable" });
  });

  // Each where it is the only thing wrong: a signature covers all of it.
  const conditions: readonly { what: string; pattern: RegExp; by: string; signed?: readonly ["response"] }[] = [
    { what: "without Conditions", pattern: /<saml:Conditions.*<\/saml:Conditions>/s, by: "" },
    { what: "without an audience", pattern: /<saml:AudienceRestriction>.*<\/saml:AudienceRestriction>/s, by: "" },
    { what: "without a confirmation", pattern: /<saml:SubjectConfirmation .*<\/saml:SubjectConfirmation>/s, by: "" },
    { what: "without a recipient", pattern: / Recipient="[^"]*"/, by: "" },
    { what: "with a confirmation without an end", pattern: /(?<=Data) NotOnOrAfter="[^"]*"/, by: "" },
    { what: "with a confirmation of another request", pattern: /(?<= InResponseTo=")_[^"]*(?="\/>)/, by: "_x" },
    { what: "with a confirmation of another kind", pattern: /cm:bearer/, by: "cm:holder-of-key" },
    { what: "that says nothing of a sign-in", pattern: /<saml:AuthnStatement.*<\/saml:AuthnStatement>/s, by: "" },
    { what: "without a NameID", pattern: /<saml:NameID.*<\/saml:NameID>/s, by: "" },
    { what: "with an element in its NameID", pattern: /person-1/, by: "person<x xmlns='urn:x'/>-1" },
    { what: "with a second NameID", pattern: /(<saml:NameID.*<\/saml:NameID>)/s, by: "$1$1" },
    { what: "without an issuer", pattern: /(?<=ID="_assertion"[^>]*>)<saml:Issuer>.*?<\/saml:Issuer>/s, by: "" },
    { what: "of another version", pattern: /(?<=ID="_assertion" )Version="2.0"/, by: 'Version="1.1"' },
    { what: "with a condition nobody knows", pattern: /(?=<saml:AudienceRestriction>)/, by: "<saml:Condition/>" },
    { what: "with a time that is none", pattern: /(?<= NotBefore=")[^"]*/, by: "yesterday" },
    { what: "with another destination", pattern: /(?<=Destination=")[^"]*/, by: elsewhere, signed: ["response"] },
    { what: "to no request", pattern: / InResponseTo="[^"]*"(?=><saml:Issuer)/, by: "", signed: ["response"] },
  ];
  test.each(conditions)("$what, though it is signed (SAM-6)", async ({ pattern, by, signed = ["assertion"] }) => {
    const trip = await begin(openSaml());
    const unsigned = trip.answer({ signed: [] });
    const changed = unsigned.replace(pattern, by);
    expect(changed).not.toBe(unsigned);
    const { signatureTemplate } = await import("@dex/testing");
    const where =
      signed[0] === "response"
        ? /(?<=ID="_response"[^>]*>)(<saml:Issuer>.*?<\/saml:Issuer>)?/s
        : /(?<=ID="_assertion"[^>]*>)(<saml:Issuer>.*?<\/saml:Issuer>)?/s;
    const template = signatureTemplate(signed[0] === "response" ? "_response" : "_assertion");
    const answer = sign(
      changed.replace(where, (issuer) => `${issuer}${template}`),
      { signed },
    );
    const outcome = await trip.finish(answer);
    expect(outcome).toMatchObject({ kind: "refused", reason: "invalid answer" });
    expect(outcome).toHaveProperty("detail", expect.not.stringMatching(/ignature|neither|well-formed/));
  });

  test.each([
    { what: "20 s old", values: { notOnOrAfter: -20 }, kind: "identity" },
    { what: "40 s old", values: { notOnOrAfter: -40 }, kind: "refused" },
    { what: "20 s early", values: { notBefore: 20 }, kind: "identity" },
    { what: "40 s early", values: { notBefore: 40 }, kind: "refused" },
  ])("or accepted: $what is $kind (C 113)", async ({ values, kind }) => {
    const trip = await begin(openSaml());
    expect(await trip.finish(trip.answer(values))).toMatchObject({ kind });
  });

  test("a second time, and not the first (C 126, SAM-7)", async () => {
    const used = new Set<string>();
    const useOnce = async (key: string) => !used.has(key) && used.add(key).size > 0;
    const trip = await begin(openSaml({}, { useOnce }));
    const answer = trip.answer();
    expect(await trip.finish(answer)).toMatchObject({ kind: "identity" });
    expect(await trip.finish(answer)).toMatchObject({ detail: "the assertion was used before" });
    const forged = trip.answer({ signed: [], assertionId: "_other" });
    await trip.finish(forged);
    expect(used.size).toBe(1); // nobody else fills the table
  });

  test.each(["", "!", "PHNhbWw", "PG5vdC1zYW1sLz4="])("that is %j, not SAML", async (text) => {
    const connector = openSaml();
    const { login } = connector;
    if (login.kind !== "callback") throw new Error("not a callback connector");
    const query = new URLSearchParams({ SAMLResponse: text });
    const data = { requestId: "_1" };
    const input = {
      callbackUrl: CALLBACK,
      query,
      state: "s",
      data,
      asked: { groups: false, offlineAccess: false },
      now: NOW,
    };
    const outcome = await login.finish({ ...input, request: { header: () => undefined, peer: "" } });
    expect(outcome).toMatchObject({ kind: "refused", reason: "invalid answer" });
  });
});
