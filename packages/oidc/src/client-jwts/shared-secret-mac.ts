// Whether a MAC was made with a client's secret: RFC 7518 §3.2, OIDC Core §10.1.
import { createHmac } from "node:crypto";
import { equalInConstantTime } from "@dex/runtime";
import type { CompactJws } from "./compact-jws.ts";

/** What clients may make a MAC with, RFC 7518 §3.1. */
export const CLIENT_MAC_ALGORITHMS = ["HS256", "HS384", "HS512"] as const;
export type ClientMacAlgorithm = (typeof CLIENT_MAC_ALGORITHMS)[number];

const DIGESTS = { HS256: "sha256", HS384: "sha384", HS512: "sha512" } as const;

/** The key is the text of the secret in UTF-8, not the bytes that the text may stand for (OIDC Core §10.1). */
export function isMadeWith({ signedText, signature }: CompactJws, alg: ClientMacAlgorithm, secret: string): boolean {
  const mac = createHmac(DIGESTS[alg], secret).update(signedText).digest();
  return equalInConstantTime(mac, signature);
}
