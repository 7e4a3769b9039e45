// Single logout that we begin: SAML profiles §4.4, by the HTTP-Redirect binding (SAML bindings §3.4). What comes back is
// read by nobody, so that nothing here parses.
import { createSign, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { deflateRaw } from "node:zlib";
import { addSeconds } from "@dex/runtime";
import { DOMImplementation, XMLSerializer } from "@xmldom/xmldom";
import type { SamlSettings } from "./config.ts";
import { ASSERTION, PROTOCOL } from "./names.ts";
import { audienceOf } from "./request.ts";

const RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
/** For the browser's way there, and clocks that differ. */
const VALID_SECONDS = 300;
const deflate = promisify(deflateRaw);

export interface LogoutRequest {
  readonly id: string;
  readonly sloUrl: string;
  /** Where sign-ins are answered: our entity id, where none is configured. */
  readonly callbackUrl: string;
  readonly remoteId: string;
  readonly relayState: string;
  readonly now: Date;
}

/** Where the browser goes to be signed out. Signed when there is a key: many identity providers demand it. */
export async function makeLogoutUrl(settings: SamlSettings, request: LogoutRequest): Promise<string> {
  const message = await deflate(Buffer.from(logoutRequestOf(settings, request)));
  const parameters = new URLSearchParams({
    SAMLRequest: message.toString("base64"),
    RelayState: request.relayState,
  });
  const { privateKey } = settings;
  if (privateKey !== undefined) {
    parameters.set("SigAlg", RSA_SHA256);
    parameters.set("Signature", signatureOf(parameters.toString(), privateKey));
  }
  const url = new URL(request.sloUrl);
  for (const [name, value] of parameters) url.searchParams.set(name, value);
  return url.href;
}

/** Without SessionIndex, which is not kept: every session of the person there is meant (SAML core §3.7.1). */
function logoutRequestOf(settings: SamlSettings, { id, sloUrl, callbackUrl, remoteId, now }: LogoutRequest): string {
  const document = new DOMImplementation().createDocument(PROTOCOL, "samlp:LogoutRequest");
  const root = document.documentElement;
  if (root === null) throw new Error("a document without its element");
  const attributes = {
    ID: id,
    Version: "2.0",
    IssueInstant: now.toISOString(),
    Destination: sloUrl,
    NotOnOrAfter: addSeconds(now, VALID_SECONDS).toISOString(),
  };
  for (const [name, value] of Object.entries(attributes)) root.setAttribute(name, value);
  const add = (name: string, text: string) => {
    const element = document.createElementNS(ASSERTION, `saml:${name}`);
    element.textContent = text;
    root.appendChild(element);
    return element;
  };
  add("Issuer", audienceOf(settings, callbackUrl));
  add("NameID", remoteId).setAttribute("Format", settings.nameIdFormat);
  return new XMLSerializer().serializeToString(document);
}

/** Over the query as it is sent (SAML bindings §3.4.4.1). */
function signatureOf(query: string, key: KeyObject): string {
  return createSign("sha256").update(query).sign(key, "base64");
}
