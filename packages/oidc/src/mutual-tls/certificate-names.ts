// What a certificate calls its subject, RFC 5280 §4.1.2.6 and §4.2.1.6, read from its bytes: no printed form is taken apart again.
import type { X509Certificate } from "node:crypto";
import { DER_TAGS, type DerValue, readDer, readOid, within } from "./der.ts";
import { comparableNameOf } from "./distinguished-name.ts";

export interface CertificateNames {
  /** As comparableName gives it; undefined when it cannot be compared. */
  readonly subject: string | undefined;
  readonly dns: readonly string[];
  readonly uri: readonly string[];
  readonly email: readonly string[];
  /** Addresses of 4 or 16 bytes, in hexadecimal. */
  readonly ip: readonly string[];
}

/** Context tags of GeneralName. */
const GENERAL_NAMES = { email: 0x81, dns: 0x82, uri: 0x86, ip: 0x87 } as const;
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";

export function namesOf({ raw }: X509Certificate): CertificateNames {
  const [certificate] = readDer(raw) ?? [];
  const [signed] = within(certificate, DER_TAGS.sequence);
  const fields = within(signed, DER_TAGS.sequence);
  // RFC 5280 §4.1: version, serial number, algorithm, issuer, validity, subject. The first may be missing.
  const subject = fields[fields[0]?.tag === VERSION ? 5 : 4];
  const alternatives = alternativesIn(fields.find(({ tag }) => tag === EXTENSIONS));
  const texts = (wanted: number) =>
    alternatives.filter(({ tag }) => tag === wanted).map(({ content }) => content.toString("latin1"));
  return {
    subject: comparableNameOf(subject),
    dns: texts(GENERAL_NAMES.dns),
    uri: texts(GENERAL_NAMES.uri),
    email: texts(GENERAL_NAMES.email),
    ip: alternatives.filter(({ tag }) => tag === GENERAL_NAMES.ip).map(({ content }) => content.toString("hex")),
  };
}

function alternativesIn(extensions: DerValue | undefined): readonly DerValue[] {
  const [list] = within(extensions, EXTENSIONS);
  for (const extension of within(list, DER_TAGS.sequence)) {
    const parts = within(extension, DER_TAGS.sequence);
    const [type, value] = [parts[0], parts.at(-1)];
    if (type?.tag !== DER_TAGS.oid || readOid(type.content) !== SUBJECT_ALTERNATIVE_NAME) continue;
    const [names] = value?.tag === DER_TAGS.octetString ? (readDer(value.content) ?? []) : [];
    return within(names, DER_TAGS.sequence);
  }
  return [];
}
