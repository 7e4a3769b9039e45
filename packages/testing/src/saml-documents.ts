// SAML responses made by hand and signed by xmlsec1, which shares no code with what reads them: good ones, and those that
// no identity provider would send.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SAML = "urn:oasis:names:tc:SAML:2.0";

/** Keys and certificates on disk, and what can be done with them. */
export interface SamlSigner {
  /** PEM */
  readonly certificate: string;
  /** PKCS #8, PEM */
  readonly privateKey: string;
  /** Fills in the signature template directly inside the element with this ID. */
  sign(xml: string, id: string): string;
  /** Encrypts what stands in EncryptedAssertion, to whoever has the key of `certificate`. */
  encrypt(xml: string, certificate: string, algorithms?: { content?: string; key?: string }): string;
  /** Whether the signature in the document's root, an element of the protocol of this name, is of this key. */
  verify(xml: string, name: string): boolean;
  close(): void;
}

/** `key`: the kind of key, and its size where there is a choice. */
export function openSamlSigner(key: "rsa" | "rsa-1024" | "ec" = "rsa"): SamlSigner {
  const directory = mkdtempSync(join(tmpdir(), "dex-saml-"));
  const path = (name: string) => join(directory, name);
  const run = (name: string, args: readonly string[]) =>
    execFileSync(name, args, { cwd: directory, stdio: ["ignore", "ignore", "pipe"] });
  const kinds = {
    rsa: ["-newkey", "rsa:2048"],
    "rsa-1024": ["-newkey", "rsa:1024"],
    ec: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
  };
  const files = ["-keyout", "key.pem", "-out", "cert.pem"];
  run("openssl", ["req", "-x509", ...kinds[key], "-nodes", "-days", "365", "-subj", "/CN=idp", ...files]);
  return {
    certificate: readFileSync(path("cert.pem"), "utf8"),
    privateKey: readFileSync(path("key.pem"), "utf8"),
    sign(xml, id) {
      writeFileSync(path("in.xml"), xml);
      const where = ["--node-xpath", `//*[@ID="${id}"]/*[local-name()="Signature"]`];
      const ids = [`--id-attr:ID`, `${SAML}:assertion:Assertion`, "--id-attr:ID", `${SAML}:protocol:Response`];
      run("xmlsec1", [
        "--sign",
        "--privkey-pem",
        "key.pem,cert.pem",
        ...ids,
        ...where,
        "--output",
        "out.xml",
        "in.xml",
      ]);
      return readFileSync(path("out.xml"), "utf8");
    },
    encrypt(xml, certificate, algorithms = {}) {
      const content = algorithms.content ?? "http://www.w3.org/2009/xmlenc11#aes256-gcm";
      const session = /aes(\d+)/.exec(content)?.[1] ?? "256";
      writeFileSync(path("plain.xml"), xml);
      writeFileSync(path("to.pem"), certificate);
      writeFileSync(
        path("template.xml"),
        encryptionTemplate(content, algorithms.key ?? "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"),
      );
      run("xmlsec1", [
        ...["--encrypt", "--pubkey-cert-pem", "to.pem", "--session-key", `aes-${session}`, "--xml-data", "plain.xml"],
        ...["--node-xpath", '//*[local-name()="EncryptedAssertion"]/*', "--output", "encrypted.xml", "template.xml"],
      ]);
      return readFileSync(path("encrypted.xml"), "utf8");
    },
    verify(xml, name) {
      writeFileSync(path("signed.xml"), xml);
      const ids = ["--id-attr:ID", `${SAML}:protocol:${name}`];
      try {
        run("xmlsec1", [
          "--verify",
          "--enabled-key-data",
          "rsa",
          "--pubkey-cert-pem",
          "cert.pem",
          ...ids,
          "signed.xml",
        ]);
        return true;
      } catch {
        return false;
      }
    },
    close: () => rmSync(directory, { recursive: true, force: true }),
  };
}

export interface SamlResponseValues {
  readonly requestId: string;
  readonly callbackUrl: string;
  readonly audience: string;
  readonly issuer: string;
  readonly now: Date;
  readonly nameId?: string;
  readonly nameIdFormat?: string;
  readonly attributes?: Readonly<Record<string, readonly string[]>>;
  /** In seconds from `now`. */
  readonly notBefore?: number;
  readonly notOnOrAfter?: number;
  /** The last part of the status code. */
  readonly status?: string;
  /** What has a signature template. */
  readonly signed?: readonly ("response" | "assertion")[];
  readonly signatureMethod?: string;
  readonly digestMethod?: string;
  readonly assertionId?: string;
  readonly encrypted?: boolean;
}

/** A response as a careful identity provider would write it, with empty signatures where they are to be. */
export function samlResponse(values: SamlResponseValues): string {
  const { requestId, callbackUrl, issuer, now, status = "Success", signed = ["assertion"] } = values;
  const assertion = samlAssertion(values);
  return `<samlp:Response xmlns:samlp="${SAML}:protocol" xmlns:saml="${SAML}:assertion" ID="_response" Version="2.0" IssueInstant="${instant(now, 0)}" Destination="${callbackUrl}" InResponseTo="${requestId}"><saml:Issuer>${issuer}</saml:Issuer>${signed.includes("response") ? signatureTemplate("_response", values) : ""}<samlp:Status><samlp:StatusCode Value="${SAML}:status:${status}"/></samlp:Status>${values.encrypted === true ? `<saml:EncryptedAssertion>${assertion}</saml:EncryptedAssertion>` : assertion}</samlp:Response>`;
}

/** The assertion alone. Declares its namespaces itself, so that it may stand anywhere. */
export function samlAssertion(values: SamlResponseValues): string {
  const { requestId, callbackUrl, audience, issuer, now, signed = ["assertion"], assertionId = "_assertion" } = values;
  const { notBefore = -60, notOnOrAfter = 300, nameId = "person-1" } = values;
  const format = values.nameIdFormat ?? `${SAML}:nameid-format:persistent`;
  const window = `NotBefore="${instant(now, notBefore)}" NotOnOrAfter="${instant(now, notOnOrAfter)}"`;
  const attributes = Object.entries(values.attributes ?? {}).map(
    ([name, all]) =>
      `<saml:Attribute Name="${name}">${all.map((one) => `<saml:AttributeValue>${one}</saml:AttributeValue>`).join("")}</saml:Attribute>`,
  );
  return `<saml:Assertion xmlns:saml="${SAML}:assertion" ID="${assertionId}" Version="2.0" IssueInstant="${instant(now, 0)}"><saml:Issuer>${issuer}</saml:Issuer>${signed.includes("assertion") ? signatureTemplate(assertionId, values) : ""}<saml:Subject><saml:NameID Format="${format}">${nameId}</saml:NameID><saml:SubjectConfirmation Method="${SAML}:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="${instant(now, notOnOrAfter)}" Recipient="${callbackUrl}" InResponseTo="${requestId}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions ${window}><saml:AudienceRestriction><saml:Audience>${audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="${instant(now, -5)}"><saml:AuthnContext><saml:AuthnContextClassRef>${SAML}:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>${attributes.join("")}</saml:AttributeStatement></saml:Assertion>`;
}

/** A signature that is still to be made. */
export function signatureTemplate(
  id: string,
  { signatureMethod, digestMethod }: { readonly signatureMethod?: string; readonly digestMethod?: string } = {},
): string {
  const method = signatureMethod ?? "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
  const digest = digestMethod ?? "http://www.w3.org/2001/04/xmlenc#sha256";
  return `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/><ds:SignatureMethod Algorithm="${method}"/><ds:Reference URI="#${id}"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms><ds:DigestMethod Algorithm="${digest}"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo><ds:X509Data><ds:X509Certificate/></ds:X509Data></ds:KeyInfo></ds:Signature>`;
}

function encryptionTemplate(content: string, key: string): string {
  const digest = key.endsWith("rsa-1_5") ? "" : `<ds:DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"/>`;
  return `<xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Type="http://www.w3.org/2001/04/xmlenc#Element"><xenc:EncryptionMethod Algorithm="${content}"/><ds:KeyInfo><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="${key}">${digest}</xenc:EncryptionMethod><xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>`;
}

function instant(now: Date, seconds: number): string {
  return new Date(now.getTime() + seconds * 1000).toISOString();
}
