// From the bytes of a response to an assertion that a signature covers. Whether the assertion is for us, and still, is
// decided in conditions.ts.
import type { KeyObject } from "node:crypto";
import type { Element } from "@xmldom/xmldom";
import { invalidAnswer } from "../login-refused.ts";
import { decryptAssertion } from "./decryption.ts";
import { ASSERTION, PROTOCOL } from "./names.ts";
import { checkIdsAndPlaces, findSignature, verifySignature } from "./signature.ts";
import {
  attribute,
  children,
  descendants,
  isNamed,
  parseStrictXml,
  requiredChild,
  type StrictXml,
} from "./strict-xml.ts";

export interface ResponseKeys {
  /** Of the certificates that are configured and within their dates. */
  readonly verify: readonly KeyObject[];
  readonly decrypt: KeyObject | undefined;
}

export interface VerifiedResponse {
  /** The Response element. Only where it was signed does a signature cover what it says: it can restrict, never permit. */
  readonly response: Element;
  /** Read from bytes that a signature covers. */
  readonly assertion: Element;
}

/** Throws LoginRefused unless there is exactly one assertion, and a signature covers it. */
export function verifyResponse(bytes: Buffer, keys: ResponseKeys): VerifiedResponse {
  const document = parseStrictXml(bytes);
  checkShape(document.root);
  const signature = findSignature(document.root);
  const outer = signature === undefined ? document : verifySignature(document, signature, keys.verify);
  // The signature covered the element it is in: that one is the Response, and read anew it must have the same shape.
  checkShape(outer.root);
  const integrity = signature === undefined ? "unsigned" : "signed";
  const found = findAssertion(outer.root);
  const { document: holder, assertion } =
    found.localName === "EncryptedAssertion" ? decrypt(found, keys, integrity) : { document: outer, assertion: found };
  const own = findSignature(assertion);
  if (own === undefined && integrity === "unsigned") throw invalidAnswer("neither response nor assertion is signed");
  if (own === undefined) return { response: outer.root, assertion };
  const { root } = verifySignature(holder, own, keys.verify);
  checkAssertionShape(root);
  return { response: outer.root, assertion: root };
}

/**
 * One Response, one assertion directly in it, and signatures only directly in these two: wherever else a wrapped or
 * duplicated one could hide, nothing may be (SAM-1, SAM-2).
 */
function checkShape(root: Element): void {
  if (!isNamed(root, PROTOCOL, "Response")) throw invalidAnswer("the answer is no SAML Response");
  let assertions = 0;
  for (const element of descendants(root)) {
    const { localName } = element;
    if (localName === "Response" && element !== root) throw invalidAnswer("a Response holds another one");
    if (localName !== "Assertion" && localName !== "EncryptedAssertion") continue;
    assertions += 1;
    const placed = element.parentNode === root && element.namespaceURI === ASSERTION;
    if (!placed) throw invalidAnswer("an assertion is in the wrong place");
  }
  if (assertions > 1) throw invalidAnswer("the answer holds more than one assertion");
  checkIdsAndPlaces(root, (element) => {
    const parent = element.parentNode;
    return parent === root || (parent?.parentNode === root && parent.localName === "Assertion");
  });
}

function checkAssertionShape(root: Element): void {
  if (!isNamed(root, ASSERTION, "Assertion")) throw invalidAnswer("what is signed is no assertion");
  for (const element of descendants(root)) {
    const nested =
      element !== root && (element.localName === "Assertion" || element.localName === "EncryptedAssertion");
    if (nested) throw invalidAnswer("an assertion holds another one");
  }
  checkIdsAndPlaces(root, (element) => element.parentNode === root);
}

function findAssertion(response: Element): Element {
  const [assertion] = children(response).filter(
    ({ localName }) => localName === "Assertion" || localName === "EncryptedAssertion",
  );
  if (assertion === undefined) throw invalidAnswer("the answer holds no assertion");
  return assertion;
}

function decrypt(
  encrypted: Element,
  keys: ResponseKeys,
  integrity: "signed" | "unsigned",
): { document: StrictXml; assertion: Element } {
  if (keys.decrypt === undefined) throw invalidAnswer("the assertion is encrypted, and no privateKey is configured");
  const document = decryptAssertion(encrypted, keys.decrypt, integrity);
  checkAssertionShape(document.root);
  return { document, assertion: document.root };
}

/** What an identity provider that gave no assertion says of it, for operators. Read before any signature: it gives nothing. */
export function statusOf(bytes: Buffer): { readonly code: string; readonly message: string | undefined } {
  const { root } = parseStrictXml(bytes);
  if (!isNamed(root, PROTOCOL, "Response")) throw invalidAnswer("the answer is no SAML Response");
  const status = requiredChild(root, PROTOCOL, "Status");
  const codes = [...descendants(status)].filter((element) => isNamed(element, PROTOCOL, "StatusCode"));
  const [code, ...inner] = codes.map((element) => attribute(element, "Value") ?? "");
  const message = children(status).find((element) => isNamed(element, PROTOCOL, "StatusMessage"))?.textContent ?? "";
  const words = [...inner.map((value) => value.split(":").at(-1) ?? ""), message.trim()].filter((word) => word !== "");
  return { code: code ?? "", message: words.length === 0 ? undefined : words.join(": ").slice(0, 300) };
}
