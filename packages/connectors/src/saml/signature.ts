// XML signatures, the narrow profile of SAML core §5.4: enveloped, exclusive canonicalisation, one reference, to the element
// that the signature stands in. What a signature covers is returned as bytes; nothing else is ever read (SAM-1).
// xml-crypto canonicalises and verifies. That the document has one meaning was seen to before.
import { constants, createHash, createVerify, type KeyObject } from "node:crypto";
import type { Element } from "@xmldom/xmldom";
import { SignedXml } from "xml-crypto";
import { invalidAnswer } from "../login-refused.ts";
import { DSIG, ENVELOPED, EXCLUSIVE_C14N } from "./names.ts";
import {
  attribute,
  children,
  descendants,
  isNamed,
  parseStrictXml,
  plainText,
  requiredChild,
  type StrictXml,
  soleChild,
} from "./strict-xml.ts";

/** SAM-5: no SHA-1, no HMAC. The key's own type decides what may be verified with it. */
const SIGNATURE_METHODS = new Map(
  (["256", "384", "512"] as const).flatMap((size) => [
    [`http://www.w3.org/2001/04/xmldsig-more#rsa-sha${size}`, { keyType: "rsa", hash: `sha${size}`, scheme: "pkcs1" }],
    [`http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha${size}`, { keyType: "ec", hash: `sha${size}`, scheme: "ecdsa" }],
    [
      `http://www.w3.org/2007/05/xmldsig-more#sha${size}-rsa-MGF1`,
      { keyType: "rsa", hash: `sha${size}`, scheme: "pss" },
    ],
  ]),
);
const DIGEST_METHODS = new Map([
  ["http://www.w3.org/2001/04/xmlenc#sha256", "sha256"],
  ["http://www.w3.org/2001/04/xmldsig-more#sha384", "sha384"],
  ["http://www.w3.org/2001/04/xmlenc#sha512", "sha512"],
]);

/** Where its signature stands, and the element it covers. Throws LoginRefused when its form is not the one there may be. */
export function findSignature(element: Element): Element | undefined {
  const signature = soleChild(element, DSIG, "Signature");
  if (signature === undefined) return undefined;
  const [signedInfo, signatureValue, keyInfo, ...others] = children(signature);
  const shaped =
    signedInfo !== undefined &&
    signatureValue !== undefined &&
    isNamed(signedInfo, DSIG, "SignedInfo") &&
    isNamed(signatureValue, DSIG, "SignatureValue") &&
    (keyInfo === undefined || isNamed(keyInfo, DSIG, "KeyInfo")) &&
    others.length === 0;
  if (!shaped) throw invalidAnswer("Signature holds more than SignedInfo, SignatureValue and KeyInfo");
  checkSignedInfo(signedInfo, attribute(element, "ID"));
  plainText(signatureValue);
  return signature;
}

function checkSignedInfo(signedInfo: Element, id: string | undefined): void {
  const [canonicalization, method, reference, ...others] = children(signedInfo);
  const shaped =
    canonicalization !== undefined &&
    method !== undefined &&
    reference !== undefined &&
    isNamed(canonicalization, DSIG, "CanonicalizationMethod") &&
    isNamed(method, DSIG, "SignatureMethod") &&
    isNamed(reference, DSIG, "Reference");
  if (!shaped || others.length > 0) throw invalidAnswer("SignedInfo holds other than one Reference");
  if (attribute(canonicalization, "Algorithm") !== EXCLUSIVE_C14N || children(canonicalization).length > 0) {
    throw invalidAnswer("SignedInfo is not canonicalised exclusively");
  }
  const algorithm = attribute(method, "Algorithm") ?? "";
  if (!SIGNATURE_METHODS.has(algorithm) || children(method).length > 0) {
    throw invalidAnswer(`signature algorithm "${algorithm.slice(0, 100)}" is not accepted`);
  }
  if (id === undefined || !/^[A-Za-z_][\w.-]{0,255}$/.test(id) || attribute(reference, "URI") !== `#${id}`) {
    throw invalidAnswer("Signature refers to another element than the one it is in");
  }
  checkReference(reference);
}

function checkReference(reference: Element): void {
  const digest = attribute(requiredChild(reference, DSIG, "DigestMethod"), "Algorithm") ?? "";
  if (!DIGEST_METHODS.has(digest)) throw invalidAnswer(`digest algorithm "${digest.slice(0, 100)}" is not accepted`);
  plainText(requiredChild(reference, DSIG, "DigestValue"));
  const [enveloped, canonical, ...others] = children(requiredChild(reference, DSIG, "Transforms"));
  const transforms =
    enveloped !== undefined &&
    canonical !== undefined &&
    others.length === 0 &&
    attribute(enveloped, "Algorithm") === ENVELOPED &&
    attribute(canonical, "Algorithm") === EXCLUSIVE_C14N &&
    children(enveloped).length === 0 &&
    children(canonical).every((child) => isNamed(child, EXCLUSIVE_C14N, "InclusiveNamespaces"));
  if (!transforms || children(reference).length !== 3) {
    throw invalidAnswer("Signature transforms what it covers in a way that is not accepted");
  }
}

/**
 * What the signature in `element` covers, read anew from the bytes that were verified. KeyInfo is not looked at: the key is
 * one of `keys`, or there is none. Throws LoginRefused.
 */
export function verifySignature(document: StrictXml, signature: Element, keys: readonly KeyObject[]): StrictXml {
  const method = SIGNATURE_METHODS.get(
    attribute(requiredChild(requiredChild(signature, DSIG, "SignedInfo"), DSIG, "SignatureMethod"), "Algorithm") ?? "",
  );
  const fitting = keys.filter(({ asymmetricKeyType }) => asymmetricKeyType === method?.keyType);
  for (const key of fitting) {
    const covered = coveredBytes(document.text, signature.toString(), key);
    if (covered !== undefined) return parseStrictXml(covered);
  }
  throw invalidAnswer("Signature was made by none of the configured certificates");
}

function coveredBytes(text: string, signature: string, key: KeyObject): Buffer | undefined {
  const verifier = new SignedXml({ publicCert: key.export({ type: "spki", format: "pem" }) });
  verifier.getCertFromKeyInfo = () => null;
  verifier.HashAlgorithms = Object.fromEntries(
    [...DIGEST_METHODS].map(([name, hash]) => [name, digesterOf(name, hash)]),
  );
  verifier.SignatureAlgorithms = Object.fromEntries(
    [...SIGNATURE_METHODS].map(([name, { hash, scheme }]) => [name, verifierOf(name, key, hash, scheme)]),
  );
  try {
    verifier.loadSignature(signature);
    if (!verifier.checkSignature(text)) return undefined;
  } catch {
    return undefined; // also how a wrong signature value is told
  }
  const [covered, ...others] = verifier.getSignedReferences();
  return covered === undefined || others.length > 0 ? undefined : Buffer.from(covered);
}

/** xml-crypto knows no ECDSA, and takes its key as text: an algorithm of ours has the key it is to use. */
function verifierOf(name: string, key: KeyObject, hash: string, scheme: string) {
  return class {
    getAlgorithmName = () => name;
    getSignature = (): never => {
      throw new Error("signatures are only verified here");
    };
    verifySignature = (
      signed: Parameters<ReturnType<typeof createVerify>["update"]>[0],
      _key: unknown,
      value: string,
    ) => {
      const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
      const more = scheme === "pss" ? pss : scheme === "ecdsa" ? { dsaEncoding: "ieee-p1363" as const } : {};
      return createVerify(hash)
        .update(signed)
        .verify({ key, ...more }, value, "base64");
    };
  };
}

function digesterOf(name: string, hash: string) {
  return class {
    getAlgorithmName = () => name;
    getHash = (xml: string) => createHash(hash).update(xml, "utf8").digest("base64");
  };
}

/** Every value of an ID may stand once, whatever the attribute is called; and signatures only where they are looked for. */
export function checkIdsAndPlaces(root: Element, allowed: (signature: Element) => boolean): void {
  const ids = new Set<string>();
  for (const element of descendants(root)) {
    for (const { localName, name, value } of Array.from(element.attributes)) {
      if ((localName ?? name).toLowerCase() !== "id") continue;
      if (ids.has(value)) throw invalidAnswer("an ID stands more than once");
      ids.add(value);
    }
    if (element.localName === "Signature" && !allowed(element)) throw invalidAnswer("Signature is in the wrong place");
  }
}
