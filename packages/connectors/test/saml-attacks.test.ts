// Documents that no identity provider sends. Every one of them starts as a good answer, signed for this very request.
import { openSamlSigner, samlAssertion, samlResponse, signatureTemplate } from "@dex/testing";
import { afterAll, describe, expect, test } from "vitest";
import { MAX_XML_BYTES } from "../src/saml/strict-xml.ts";
import { ATTRIBUTES, type BegunSaml, begin, CALLBACK, ISSUER, NOW, openSaml, sign, signer } from "./saml-login.ts";

const spKey = openSamlSigner();
const attacker = openSamlSigner();
afterAll(() => {
  for (const one of [signer, spKey, attacker]) one.close();
});

const ASSERTION = /<saml:Assertion .*<\/saml:Assertion>/s;
const SIGNATURE = /<ds:Signature .*?<\/ds:Signature>/s;
const take = (xml: string, pattern: RegExp) => pattern.exec(xml)?.[0] ?? "";
/** The same, about somebody else, and as another element. */
const evilCopy = (xml: string, id: string) =>
  xml.replaceAll("person-1", "root").replace(/(?<=ID=")_(?:assertion|response)(?=")/, id);
const withoutSignature = (xml: string) => xml.replace(SIGNATURE, "");
const inObject = (xml: string) => `<ds:Object xmlns:ds="http://www.w3.org/2000/09/xmldsig#">${xml}</ds:Object>`;
const withoutDeclaration = (xml: string) => xml.replace(/^<\?xml[^>]*\?>\s*/, "");
const insideSignature = (signature: string, more: string) =>
  signature.replace("</ds:Signature>", `${more}</ds:Signature>`);

async function expectRefused(trip: BegunSaml, xml: string): Promise<string> {
  const outcome = await trip.finish(xml);
  expect(outcome).toMatchObject({ kind: "refused", reason: "invalid answer" });
  return outcome.kind === "refused" ? outcome.detail : "";
}

describe("signature wrapping (SAM-2)", () => {
  /** The eight of "On Breaking SAML" (Somorovsky et al., 2012). */
  const variants: readonly { name: string; signed: "response" | "assertion"; wrap: (xml: string) => string }[] = [
    {
      name: "XSW1: the signed response in an Object of the signature of the forged one",
      signed: "response",
      wrap: (xml) => {
        const holder = insideSignature(take(xml, SIGNATURE), inObject(withoutSignature(xml)));
        return evilCopy(xml, "_evil").replace(SIGNATURE, () => holder);
      },
    },
    {
      name: "XSW2: the signed response beside its detached signature in the forged one",
      signed: "response",
      wrap: (xml) => {
        const detached = `${withoutSignature(xml)}${take(xml, SIGNATURE)}`;
        return evilCopy(xml, "_evil").replace(SIGNATURE, () => detached);
      },
    },
    {
      name: "XSW3: a forged assertion before the signed one",
      signed: "assertion",
      wrap: (xml) => xml.replace(ASSERTION, (all) => `${withoutSignature(evilCopy(all, "_evil"))}${all}`),
    },
    {
      name: "XSW4: the signed assertion in the forged one",
      signed: "assertion",
      wrap: (xml) =>
        xml.replace(ASSERTION, (all) =>
          withoutSignature(evilCopy(all, "_evil")).replace("</saml:Assertion>", `${all}</saml:Assertion>`),
        ),
    },
    {
      name: "XSW5: the forged assertion has the signature, the signed one comes after it",
      signed: "assertion",
      wrap: (xml) => xml.replace(ASSERTION, (all) => `${evilCopy(all, "_evil")}${withoutSignature(all)}`),
    },
    {
      name: "XSW6: the forged assertion has the signature, and in it the signed one",
      signed: "assertion",
      wrap: (xml) =>
        xml.replace(ASSERTION, (all) =>
          evilCopy(all, "_evil").replace(SIGNATURE, (one) => insideSignature(one, withoutSignature(all))),
        ),
    },
    {
      name: "XSW7: the forged assertion in Extensions before the signed one",
      signed: "assertion",
      wrap: (xml) =>
        xml.replace(ASSERTION, (all) => `<samlp:Extensions>${evilCopy(all, "_evil")}</samlp:Extensions>${all}`),
    },
    {
      name: "XSW8: the forged assertion has the signature, and in an Object of it the signed one",
      signed: "assertion",
      wrap: (xml) =>
        xml.replace(ASSERTION, (all) =>
          evilCopy(all, "_evil").replace(SIGNATURE, (one) => insideSignature(one, inObject(withoutSignature(all)))),
        ),
    },
  ];
  test.each(variants)("$name (C 125, SAM-1, SAM-2)", async ({ signed, wrap }) => {
    const trip = await begin(openSaml());
    const good = withoutDeclaration(trip.answer({ signed: [signed] }));
    const wrapped = wrap(good);
    expect(wrapped).toContain("root");
    expect(wrapped).toContain("person-1");
    await expectRefused(trip, wrapped);
    expect(await trip.finish(good)).toMatchObject({ identity: { remoteId: "person-1" } });
  });

  const others: readonly { what: string; signed?: "response" | "assertion"; forge: (xml: string) => string }[] = [
    {
      what: "two assertions of which the first is signed, read or not (C 115)",
      forge: (xml) => xml.replace(ASSERTION, (all) => `${all}${withoutSignature(evilCopy(all, "_evil"))}`),
    },
    {
      what: "two elements with one ID",
      forge: (xml) =>
        xml.replace(ASSERTION, (all) => all.replace("<saml:Conditions", '<saml:Conditions Id="_assertion"')),
    },
    {
      what: "a forged assertion with the ID of the signed one",
      forge: (xml) => xml.replace(ASSERTION, (all) => `${withoutSignature(evilCopy(all, "_assertion"))}${all}`),
    },
    { what: "two roots", forge: (xml) => `${xml}${evilCopy(xml, "_evil")}` },
    { what: "text behind the root", forge: (xml) => `${xml}<` },
    {
      what: "a signed response whose assertion was exchanged",
      signed: "response",
      forge: (xml) => xml.replace(ASSERTION, (all) => evilCopy(all, "_evil")),
    },
    {
      what: "a signed assertion as root",
      forge: (xml) => take(xml, ASSERTION),
    },
    {
      what: "an assertion of another namespace beside the signed one",
      forge: (xml) =>
        xml.replace(ASSERTION, (all) => `<x:Assertion xmlns:x="urn:x">${evilCopy("person-1", "")}</x:Assertion>${all}`),
    },
    {
      what: "a second signature in the assertion",
      forge: (xml) => xml.replace(SIGNATURE, (one) => `${one}${one}`),
    },
    {
      what: "a second SignedInfo",
      forge: (xml) => xml.replace(/<ds:SignedInfo>.*?<\/ds:SignedInfo>/s, (one) => `${one}${one}`),
    },
    {
      what: "a second Reference",
      forge: (xml) => xml.replace(/<ds:Reference .*?<\/ds:Reference>/s, (one) => `${one}${one}`),
    },
    {
      what: "a Reference to nothing in particular",
      forge: (xml) => xml.replace('URI="#_assertion"', 'URI=""'),
    },
    {
      what: "a Reference to the whole response from the assertion",
      forge: (xml) => xml.replace('URI="#_assertion"', 'URI="#_response"'),
    },
    {
      what: "a signature that stands beside the assertion",
      forge: (xml) => xml.replace(ASSERTION, (all) => `${withoutSignature(all)}${take(all, SIGNATURE)}`),
    },
  ];
  test.each(others)("$what (SAM-1, SAM-2)", async ({ signed = "assertion", forge }) => {
    const trip = await begin(openSaml());
    const good = withoutDeclaration(trip.answer({ signed: [signed] }));
    const forged = forge(good);
    expect(forged).not.toBe(good);
    await expectRefused(trip, forged);
  });

  test("what is beside a signed assertion is not read, though it is let stand", async () => {
    const trip = await begin(openSaml());
    const more = "<samlp:Extensions><x:NameID xmlns:x='urn:x'>root</x:NameID></samlp:Extensions><samlp:Status>";
    const answer = trip.answer().replace("<samlp:Status>", more);
    expect(await trip.finish(answer)).toMatchObject({
      identity: { remoteId: "person-1", displayName: "Grace Hopper" },
    });
  });
});

describe("what is no plain XML is refused before it is parsed (SAM-3, SAM-4)", () => {
  const comment = "<!-- x -->";
  const cases: readonly { what: string; change: (xml: string) => string }[] = [
    { what: "a comment in the NameID (C 124)", change: (xml) => xml.replace("person-1", `person${comment}-1`) },
    { what: "a comment in an attribute's value", change: (xml) => xml.replace("Grace", `Grace${comment}`) },
    {
      what: "a comment in DigestValue",
      change: (xml) => xml.replace("<ds:DigestValue>", `<ds:DigestValue>${comment}`),
    },
    { what: "a comment in SignedInfo", change: (xml) => xml.replace("<ds:SignedInfo>", `<ds:SignedInfo>${comment}`) },
    { what: "a processing instruction in the NameID", change: (xml) => xml.replace("person-1", "person<?x y?>-1") },
    { what: "CDATA in the NameID", change: (xml) => xml.replace("person-1", "<![CDATA[person-1]]>") },
    { what: "a DOCTYPE (C 128)", change: (xml) => `<!DOCTYPE samlp:Response>${xml}` },
    {
      what: "an entity of its own (C 128)",
      change: (xml) => `<!DOCTYPE r [<!ENTITY e "root">]>${xml.replace("person-1", "&e;")}`,
    },
    { what: "an entity of somebody else", change: (xml) => xml.replace("person-1", "&file;") },
    { what: "an entity of HTML", change: (xml) => xml.replace("person-1", "person&nbsp;1") },
    { what: "a stylesheet", change: (xml) => `<?xml-stylesheet href="https://evil.example/x"?>${xml}` },
    { what: "another version of XML", change: (xml) => `<?xml version="1.1"?>${xml}` },
    { what: "another encoding", change: (xml) => `<?xml version="1.0" encoding="UTF-7"?>${xml}` },
    {
      what: "XInclude",
      change: (xml) =>
        xml.replace(
          "<samlp:Status>",
          '<samlp:Extensions><i:include xmlns:i="http&#58;//www.w3.org/2001/XInclude" href="file:///etc/passwd"/></samlp:Extensions><samlp:Status>',
        ),
    },
    { what: "a control character", change: (xml) => xml.replace("person-1", "person\u00851") },
    { what: "depth", change: (xml) => xml.replace("person-1", `${"<x>".repeat(10_000)}${"</x>".repeat(10_000)}`) },
    { what: "many elements", change: (xml) => xml.replace("person-1", "<x/>".repeat(20_000)) },
    { what: "too many bytes", change: (xml) => `${xml}${" ".repeat(MAX_XML_BYTES)}` },
    { what: "an attribute twice", change: (xml) => xml.replace('ID="_assertion"', 'ID="_assertion" ID="_evil"') },
    { what: "a prefix of nobody", change: (xml) => xml.replace("<samlp:Status>", "<y:z/><samlp:Status>") },
    { what: "a tag that is not closed", change: (xml) => xml.replace("</samlp:Response>", "") },
  ];
  test.each(cases)("$what", async ({ change }) => {
    const trip = await begin(openSaml());
    // Nothing is signed that the change touches: it is not the signature that stops it.
    const good = withoutDeclaration(trip.answer());
    const changed = change(good);
    expect(changed).not.toBe(good);
    expect(await expectRefused(trip, changed)).not.toContain("configured certificates");
  });

  test("bytes that are no UTF-8, ten megabytes, or a whole pack of them", async () => {
    const trip = await begin(openSaml());
    const latin = Buffer.from(trip.answer().replace("person-1", "perso\u00f1"), "latin1");
    expect(await trip.finish(latin)).toMatchObject({ detail: "XML is not UTF-8" });
    expect(await trip.finish(Buffer.alloc(10 * 1024 * 1024, 0x20))).toMatchObject({ reason: "invalid answer" });
    const { deflateRawSync } = await import("node:zlib");
    expect(await trip.finish(deflateRawSync(trip.answer()))).toMatchObject({ reason: "invalid answer" });
  });
});

describe("keys and algorithms (SAM-5)", () => {
  const values = (trip: BegunSaml) => ({
    requestId: trip.requestId,
    callbackUrl: CALLBACK,
    audience: CALLBACK,
    issuer: ISSUER,
    now: NOW,
    attributes: ATTRIBUTES,
  });

  test.each([
    { what: "RSA and SHA-1", method: "http://www.w3.org/2000/09/xmldsig#rsa-sha1", digest: undefined },
    { what: "a digest of SHA-1", method: undefined, digest: "http://www.w3.org/2000/09/xmldsig#sha1" },
  ])("$what is refused", async ({ method, digest }) => {
    const trip = await begin(openSaml());
    const weak = {
      ...values(trip),
      ...(method === undefined ? {} : { signatureMethod: method }),
      ...(digest === undefined ? {} : { digestMethod: digest }),
    };
    expect(await expectRefused(trip, sign(samlResponse(weak), {}))).toMatch(/algorithm .* is not accepted/);
  });

  test("HMAC with the public certificate as key is refused", async () => {
    const { createHmac } = await import("node:crypto");
    const trip = await begin(openSaml());
    const good = trip.answer();
    const method = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256";
    const value = createHmac("sha256", signer.certificate).update("x").digest("base64");
    const forged = good
      .replace("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", method)
      .replace(/<ds:SignatureValue>.*?<\/ds:SignatureValue>/s, `<ds:SignatureValue>${value}</ds:SignatureValue>`);
    expect(await expectRefused(trip, forged)).toMatch(/algorithm .* is not accepted/);
  });

  test("a certificate that the answer brings along counts for nothing", async () => {
    const trip = await begin(openSaml());
    const forged = sign(samlResponse({ ...values(trip), nameId: "root" }), {}, attacker);
    expect(forged).toContain("<ds:X509Certificate>");
    expect(await expectRefused(trip, forged)).toContain("none of the configured certificates");
  });

  test.each([
    "http://www.w3.org/TR/1999/REC-xpath-19991116",
    "http://www.w3.org/TR/1999/REC-xslt-19991116",
    "http://www.w3.org/2000/09/xmldsig#base64",
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
  ])("a transform by %s is refused", async (algorithm) => {
    const trip = await begin(openSaml());
    const transform = '<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>';
    const changed = samlResponse(values(trip)).replace(transform, `<ds:Transform Algorithm="${algorithm}"/>`);
    expect(await expectRefused(trip, changed)).toContain("transforms");
  });

  test("a signature of nothing but itself is none", async () => {
    const trip = await begin(openSaml());
    const empty = samlResponse(values(trip)).replaceAll(
      "<ds:SignatureValue/>",
      "<ds:SignatureValue>AAAA</ds:SignatureValue>",
    );
    await expectRefused(trip, empty);
    await expectRefused(trip, samlResponse(values(trip)));
  });
});

describe("encrypted assertions", () => {
  const values = (trip: BegunSaml, signed: readonly ("response" | "assertion")[]) => ({
    requestId: trip.requestId,
    callbackUrl: CALLBACK,
    audience: CALLBACK,
    issuer: ISSUER,
    now: NOW,
    attributes: ATTRIBUTES,
    signed,
    encrypted: true,
  });
  const open = () => openSaml({ privateKey: spKey.privateKey, certificate: spKey.certificate });
  const AES256_CBC = "http://www.w3.org/2001/04/xmlenc#aes256-cbc";

  /** Assertion signed or not, then encrypted, then the response signed or not. */
  function build(trip: BegunSaml, signed: readonly ("response" | "assertion")[], algorithms = {}, by = signer): string {
    const inner = samlResponse(values(trip, signed));
    const withInner = signed.includes("assertion") ? by.sign(inner, "_assertion") : inner;
    const encrypted = by.encrypt(withInner, spKey.certificate, algorithms);
    return signed.includes("response") ? by.sign(encrypted, "_response") : encrypted;
  }

  test.each([
    { what: "with its signature inside", signed: ["assertion"] },
    { what: "in a signed response", signed: ["response"] },
    { what: "in a signed response, with its signature inside", signed: ["assertion", "response"] },
  ] as const)("one is read $what", async ({ signed }) => {
    const trip = await begin(open());
    const answer = build(trip, signed);
    expect(answer).not.toContain("person-1");
    expect(await trip.finish(answer)).toMatchObject({ identity: { remoteId: "person-1" } });
  });

  test("one that anybody could have encrypted is refused (SAM-1)", async () => {
    const trip = await begin(open());
    expect(await expectRefused(trip, build(trip, []))).toBe("neither response nor assertion is signed");
  });

  test("one that somebody else signed is refused", async () => {
    const trip = await begin(open());
    await expectRefused(trip, build(trip, ["assertion"], {}, attacker));
  });

  test.each(["before", "after"])("a forged one %s a signed one is refused (SAM-2)", async (where) => {
    const trip = await begin(open());
    const forged = take(build(trip, []), /<saml:EncryptedAssertion>.*<\/saml:EncryptedAssertion>/s);
    const both = trip
      .answer()
      .replace(ASSERTION, (all) => (where === "before" ? `${forged}${all}` : `${all}${forged}`));
    expect(await expectRefused(trip, both)).toBe("the answer holds more than one assertion");
  });

  test("without a key it is refused for that reason", async () => {
    const trip = await begin(openSaml());
    expect(await expectRefused(trip, build(trip, ["assertion"]))).toContain("no privateKey is configured");
  });

  test("CBC, which anybody can change, is read in a signed response only", async () => {
    const trip = await begin(open());
    const inSigned = build(trip, ["response"], { content: AES256_CBC });
    expect(await trip.finish(inSigned)).toMatchObject({ kind: "identity" });
    expect(await expectRefused(trip, build(trip, ["assertion"], { content: AES256_CBC }))).toContain("CBC");
  });

  test("a key under PKCS #1 v1.5 is refused", async () => {
    const trip = await begin(open());
    const answer = build(trip, ["response"], { key: "http://www.w3.org/2001/04/xmlenc#rsa-1_5" });
    expect(await expectRefused(trip, answer)).toContain("rsa-1_5");
  });

  test("what was changed says no more than that it cannot be read", async () => {
    const trip = await begin(open());
    const answer = build(trip, ["assertion"]);
    const [first, second] = [...answer.matchAll(/<xenc:CipherValue>([^<]*)</g)].map(([, value]) => value ?? "");
    const flip = (value = "") => value.replace(/^\s*./, (one) => (one.trim() === "A" ? "B" : "A"));
    for (const value of [first, second]) {
      const detail = await expectRefused(trip, answer.replace(value ?? "", flip(value)));
      expect(detail).toBe("the assertion cannot be decrypted with the configured key");
    }
  });

  test("what is inside is held to the same rules", async () => {
    const trip = await begin(open());
    const nested = samlAssertion({ ...values(trip, []), assertionId: "_nested" });
    const inner = samlResponse(values(trip, ["assertion"])).replace("</saml:Assertion>", `${nested}</saml:Assertion>`);
    const answer = signer.encrypt(signer.sign(inner, "_assertion"), spKey.certificate);
    expect(await expectRefused(trip, answer)).toBe("an assertion holds another one");
  });
});

test("what is signed but no assertion, such as metadata, is no answer (SAM-2)", async () => {
  const trip = await begin(openSaml());
  const good = trip.answer({ signed: [] });
  const role = `<saml:Evidence xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_role">${signatureTemplate("_role")}</saml:Evidence>`;
  await expectRefused(trip, good.replace(ASSERTION, role));
});
