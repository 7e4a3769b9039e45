// Which certificates are a client's, by the subject that it registered, RFC 8705 §2.1.2.
import type { X509Certificate } from "node:crypto";
import { isIPv4, isIPv6 } from "node:net";
import { namesOf } from "./certificate-names.ts";
import { comparableName } from "./distinguished-name.ts";

/** Of these members a client that registered tls_client_auth has exactly one. */
export const SUBJECT_MEMBERS = [
  "tls_client_auth_subject_dn",
  "tls_client_auth_san_dns",
  "tls_client_auth_san_uri",
  "tls_client_auth_san_ip",
  "tls_client_auth_san_email",
] as const;
export type SubjectMember = (typeof SUBJECT_MEMBERS)[number];
/** As far as client metadata say who the subject is. */
export type RegisteredSubject = { readonly [Name in SubjectMember]?: string | undefined };

/** The form in which each member's value is compared; undefined when it is no such value. */
const COMPARABLE: Readonly<Record<SubjectMember, (value: string) => string | undefined>> = {
  tls_client_auth_subject_dn: comparableName,
  tls_client_auth_san_dns: (value) => (/^[A-Za-z0-9_*-]+(?:\.[A-Za-z0-9_-]+)*$/.test(value) ? lower(value) : undefined),
  tls_client_auth_san_uri: (value) => (/^[\x21-\x7e]+$/.test(value) && URL.canParse(value) ? value : undefined),
  tls_client_auth_san_ip: addressBytes,
  tls_client_auth_san_email: comparableEmail,
};

/** Whether the value of such a member can be that of a certificate at all. */
export function isSubjectValue(member: SubjectMember, value: string): boolean {
  return COMPARABLE[member](value) !== undefined;
}

/** Those of the members that are there. */
export function subjectMembersIn(details: RegisteredSubject): readonly SubjectMember[] {
  return SUBJECT_MEMBERS.filter((member) => details[member] !== undefined);
}

/** Whether the certificate has the subject that was registered. A wildcard in it stands for nothing but itself. */
export function hasRegisteredSubject(x509: X509Certificate, details: RegisteredSubject): boolean {
  const [member, ...more] = subjectMembersIn(details);
  if (member === undefined || more.length > 0) return false;
  const wanted = COMPARABLE[member](details[member] ?? "");
  return wanted !== undefined && subjectsOf(x509, member).includes(wanted);
}

function subjectsOf(x509: X509Certificate, member: SubjectMember): readonly (string | undefined)[] {
  const names = namesOf(x509);
  switch (member) {
    case "tls_client_auth_subject_dn":
      return [names.subject];
    case "tls_client_auth_san_dns":
      return names.dns.map(lower);
    case "tls_client_auth_san_uri":
      return names.uri;
    case "tls_client_auth_san_ip":
      return names.ip;
    case "tls_client_auth_san_email":
      return names.email.map(comparableEmail);
  }
}

function lower(text: string): string {
  return text.toLowerCase();
}

/** RFC 5280 §4.2.1.6: the host in any case of letters, what is before it in its own. */
function comparableEmail(text: string): string | undefined {
  const [, local, host = ""] = /^([\x21-\x3f\x41-\x7e]+)@([A-Za-z0-9.-]+)$/.exec(text) ?? [];
  return local === undefined ? undefined : `${local}@${lower(host)}`;
}

/** In hexadecimal, whichever of its spellings an address has (RFC 4291 §2.2). */
function addressBytes(text: string): string | undefined {
  if (isIPv4(text)) return Buffer.from(text.split(".").map(Number)).toString("hex");
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const host = new URL(`http://[${text}]`).hostname.slice(1, -1); // as RFC 5952 has it, without dots
  const [before = "", after] = host.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const [head, tail] = [groups(before), groups(after ?? "")];
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => "0");
  return [...head, ...zeros, ...tail].map((group) => group.padStart(4, "0")).join("");
}
