import { afterAll, describe, expect, test } from "vitest";
import { samlKind } from "../src/saml/saml.ts";
import {
  ATTRIBUTES,
  begin,
  CALLBACK,
  CONFIG,
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

describe("the request", () => {
  const requestOf = async (more = {}, wish = {}) => {
    const { login } = openSaml(more);
    if (login.kind !== "callback") throw new Error("not a callback connector");
    const nothing = { reauthenticate: false, selectAccount: false, maxAgeSeconds: undefined, loginHint: undefined };
    const asked = { groups: false, offlineAccess: false };
    const departure = await login.begin({
      callbackUrl: CALLBACK,
      state: "opaque",
      wish: { ...nothing, asked, ...wish },
    });
    if (departure.kind !== "form") return { departure, xml: "" };
    return { departure, xml: Buffer.from(departure.fields.SAMLRequest ?? "", "base64").toString() };
  };

  test("is posted, with our flow as RelayState and no address in it (SAM-9)", async () => {
    const { departure, xml } = await requestOf();
    expect(departure).toMatchObject({ kind: "form", to: CONFIG.ssoURL, fields: { RelayState: "opaque" } });
    for (const part of [
      'ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"',
      `Destination="${CONFIG.ssoURL}"`,
      `AssertionConsumerServiceURL="${CALLBACK}"`,
      `${CALLBACK}</saml:Issuer>`,
      'AllowCreate="true"',
    ]) {
      expect(xml).toContain(part);
    }
    expect(xml).not.toContain("ForceAuthn");
  });

  test.each([
    { format: undefined, urn: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" },
    { format: "emailAddress", urn: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress" },
    {
      format: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
      urn: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    },
  ])("asks for a NameID of format $format (C 120)", async ({ format, urn }) => {
    const { xml } = await requestOf(format === undefined ? {} : { nameIDPolicyFormat: format });
    expect(xml).toContain(`Format="${urn}"`);
  });

  test("asks for a new sign-in when the client does", async () => {
    expect((await requestOf({}, { reauthenticate: true })).xml).toContain('ForceAuthn="true"');
  });

  test("carries what it is given as text, not as markup (BRO-11)", async () => {
    const { xml } = await requestOf({ entityIssuer: 'a"><b/>&amp;' });
    expect(xml).toContain('a"&gt;&lt;b/&gt;&amp;amp;');
  });

  test("is signed where there is a key", async () => {
    const { xml } = await requestOf({ privateKey: otherSigner.privateKey, certificate: otherSigner.certificate });
    expect(xml).toContain("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256");
    expect(otherSigner.verify(xml, "AuthnRequest")).toBe(true);
    expect(signer.verify(xml, "AuthnRequest")).toBe(false);
  });

  test("is not made for an address that is none of ours (C 10)", async () => {
    const { departure } = await requestOf({ redirectURI: "https://old.example/callback" });
    expect(departure).toMatchObject({ kind: "unavailable" });
    const shared = await requestOf({ redirectURI: "https://dex.example/callback" });
    expect(shared.xml).toContain('AssertionConsumerServiceURL="https://dex.example/callback"');
  });
});

describe("a configuration", () => {
  const parse = (more: object) => samlKind.parse({ ...CONFIG, ...more });
  const { certificate } = signer;
  const encode = (text: string) => Buffer.from(text).toString("base64");

  test.each([
    { what: "one block", text: certificate },
    { what: "two blocks", text: `${certificate}${otherSigner.certificate}` },
    { what: "trailing newlines and blanks", text: `${certificate}\n\n  \n` },
  ])("is taken with caData of $what (C 118)", ({ text }) => {
    expect(parse({ caData: encode(text) })).toMatchObject({ kind: "config" });
  });

  const refusals: readonly { what: string; more: object; reason: RegExp; by: string }[] = [
    { what: "empty caData", more: { caData: "" }, reason: /caData/, by: "C 118" },
    { what: "junk after", more: { caData: encode(`${certificate}junk`) }, reason: /caData/, by: "C 118" },
    { what: "junk before", more: { caData: encode(`junk${certificate}`) }, reason: /caData/, by: "C 118" },
    { what: "neither ca nor caData", more: { caData: undefined }, reason: /exactly one of ca and caData/, by: "C 119" },
    { what: "both", more: { ca: "/etc/ca.pem" }, reason: /exactly one of ca and caData/, by: "C 119" },
    { what: "an unknown format", more: { nameIDPolicyFormat: "carrier-pigeon" }, reason: /NameID format/, by: "C 120" },
    { what: "a format for one time", more: { nameIDPolicyFormat: "transient" }, reason: /second time/, by: "ACC-14" },
    {
      what: "signatures switched off",
      more: { insecureSkipSignatureValidation: true },
      reason: /without signatures anybody could sign in/,
      by: "SAM-5",
    },
    {
      what: "groups that nothing names",
      more: { allowedGroups: ["a"], groupsAttr: undefined },
      reason: /groupsAttr/,
      by: "C 127",
    },
    { what: "plain http", more: { ssoURL: "http://idp.example/sso" }, reason: /https/, by: "SSR-1" },
  ];
  test.each(refusals)("is refused for $what ($by)", ({ more, reason }) => {
    const config = Object.fromEntries(
      Object.entries({ ...CONFIG, ...more }).filter(([, value]) => value !== undefined),
    );
    expect(samlKind.parse(config)).toMatchObject({ kind: "refused", reason: expect.stringMatching(reason) });
  });

  test("is refused for a short RSA key, and for a key that is none", async () => {
    const { openSamlSigner } = await import("@dex/testing");
    const short = openSamlSigner("rsa-1024");
    expect(parse({ caData: caData(short.certificate) })).toMatchObject({ reason: expect.stringContaining("2048") });
    short.close();
    expect(() => openSaml({ privateKey: "canary" })).toThrow("privateKey: expected an RSA key");
  });
});

describe("refresh", () => {
  const asked = { groups: true, offlineAccess: true };
  const remoteId = "person-1";
  const keep = async () => {};

  test("is not offered unless the operator switched it on (C 17)", () => {
    expect(openSaml().refresh).toBeUndefined();
  });

  test("says twice in a row what the sign-in said, groups only where they are asked for (C 121, C 122)", async () => {
    const connector = openSaml({ enableCachedRefresh: true });
    const trip = await begin(connector);
    const proved = await trip.finish(trip.answer(), { asked });
    if (proved.kind !== "identity" || proved.grant === undefined) throw new Error("no grant");
    const { grant } = proved;
    for (const groups of [["Admins", "Everyone"], ["Admins", "Everyone"], undefined]) {
      const outcome = await connector.refresh?.({
        grant,
        remoteId,
        asked: { ...asked, groups: groups !== undefined },
        now: NOW,
        keep,
      });
      expect(outcome).toMatchObject({ kind: "identity", identity: { ...CLAIMS, groups } });
      expect(outcome).not.toHaveProperty("grant");
    }
  });

  test("keeps out who is in none of the groups that are allowed today", async () => {
    const trip = await begin(openSaml({ enableCachedRefresh: true }));
    const proved = await trip.finish(trip.answer(), { asked });
    if (proved.kind !== "identity" || proved.grant === undefined) throw new Error("no grant");
    const narrowed = openSaml({ enableCachedRefresh: true, allowedGroups: ["Ops"] });
    const outcome = await narrowed.refresh?.({ grant: proved.grant, remoteId, asked, now: NOW, keep });
    expect(outcome).toMatchObject({ reason: "not permitted" });
  });

  test.each([
    { what: "nothing", grant: {} },
    { what: "something else", grant: { remoteId: 1, groups: "x" } },
    { what: "somebody else", grant: { remoteId: "person-2", displayName: "B", email: "b@example.com" } },
  ])("refuses a grant that holds $what (C 123)", async ({ grant }) => {
    const outcome = await openSaml({ enableCachedRefresh: true }).refresh?.({ grant, remoteId, asked, now: NOW, keep });
    expect(outcome).toMatchObject({ kind: "refused", reason: "invalid answer" });
  });
});

test("metadata says who we are, where we are answered, and with which key", () => {
  const more = {
    privateKey: otherSigner.privateKey,
    certificate: otherSigner.certificate,
    entityIssuer: "https://dex.example/",
  };
  const document = openSaml(more).metadata?.(CALLBACK);
  expect(document?.contentType).toContain("application/samlmetadata+xml");
  expect(document?.body).toContain('entityID="https://dex.example/"');
  expect(document?.body).toContain(`Location="${CALLBACK}"`);
  expect(document?.body).toContain(otherSigner.certificate.split("\n")[1]);
  expect(document?.body).not.toContain("PRIVATE KEY");
});
