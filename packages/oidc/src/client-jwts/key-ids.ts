// What a client's public keys and certificates are called where their use is remembered and administrators name them.
import { type JsonObject, sha256 } from "@dex/runtime";
import type { ClientDetails } from "../clients/client-details.ts";
import { subjectMembersIn } from "../mutual-tls/certificate-subject.ts";
import { certificateIn } from "../mutual-tls/client-certificate.ts";
import { thumbprintOf } from "../sender-constraint/jwk-thumbprint.ts";

/** The thumbprint of the certificate that a key comes with (RFC 8705 §3.1), or else of the key (RFC 7638). */
export function idOfKey(key: JsonObject): string | undefined {
  const certificate = certificateIn(key);
  return certificate === undefined
    ? thumbprintOf(key)
    : sha256(Buffer.from(certificate, "base64")).toString("base64url");
}

/** Stands for the subject of whatever certificates an authority issues to the client (RFC 8705 §2.1.2). */
export function idOfSubject(details: ClientDetails): string | undefined {
  const [member] = subjectMembersIn(details);
  return member === undefined ? undefined : sha256(`${member}=${details[member]}`).toString("base64url");
}
