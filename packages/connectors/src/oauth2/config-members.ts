// Members that configurations of OAuth2 connectors have in common, and what becomes of them.
import { isLoopback } from "@dex/runtime";
import * as z from "zod";
import { configText } from "../connector-kind.ts";
import { readRootCas } from "../root-ca.ts";

/** Members that every OAuth2 connector has. A secret may be missing while the stored one is kept. */
export const oauth2Members = {
  name: configText(100).optional(),
  clientID: configText(512),
  clientSecret: z.string().max(1024).optional(),
  /** As dex v2 has it: our callback, or `<issuer>/callback`. Any other value makes the connector unavailable. */
  redirectURI: configText(2048).optional(),
};

/** Members of connectors whose upstream may have certificates of its own. `readTls` makes them part of a provider. */
export const tlsMembers = {
  /** Authorities that are trusted beside the system's, each a path, PEM or base64 of PEM. */
  rootCAs: z.array(z.string().max(262_144)).max(20).optional(),
  insecureSkipVerify: z.boolean().optional(),
};

/** How an upstream's certificate is checked. */
export interface UpstreamTls {
  /** PEM certificates of authorities that are trusted beside the system's. */
  readonly rootCa?: string | undefined;
  /** Takes any certificate. */
  readonly insecureSkipVerify?: boolean | undefined;
}

/** What `tlsMembers` say. Throws an Error that names the member, and the index in it. */
export function readTls(config: {
  readonly rootCAs?: readonly string[] | undefined;
  readonly insecureSkipVerify?: boolean | undefined;
}): UpstreamTls {
  const { rootCAs = [], insecureSkipVerify } = config;
  return { rootCa: readRootCas("rootCAs", rootCAs), insecureSkipVerify };
}

/** An address that an operator may configure: https, or http on loopback, without credentials, query or fragment. */
export const endpointUrl = z
  .string()
  .max(2048)
  .refine(isEndpointUrl, "expected an absolute https URL (http on loopback only)");

/** Whether a URL may be called with a secret. */
export function isEndpointUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || /[?#\s]/.test(text) || url.username !== "" || url.password !== "") return false;
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url));
}
