// What an LDAP connector needs to know, whichever version's words it was configured in.
import type { Secret } from "@dex/runtime";

export type SearchScope = "base" | "one" | "sub";

export interface LdapServer {
  readonly host: string;
  readonly port: number;
  readonly security: "ldaps" | "starttls" | "none";
  readonly verifyCertificate: boolean;
  /** PEM of the authorities that are trusted in place of the system's. */
  readonly rootCa: string | undefined;
  readonly clientCertificate: { readonly cert: string; readonly key: string } | undefined;
}

/** How the typed name becomes an entry. Both functions escape what they are given. */
export type FindUser =
  | { readonly kind: "search"; readonly baseDn: string; readonly scope: SearchScope; filterFor(login: string): string }
  /** dex v1: the name is part of the entry's DN, and the entry is read as the person. */
  | { readonly kind: "bind"; dnFor(login: string): string };

export interface UserAttributes {
  readonly id: string;
  /** Undefined where the address is made of name and `emailSuffix`. */
  readonly email: string | undefined;
  readonly emailSuffix: string | undefined;
  readonly name: string | undefined;
  readonly preferredUsername: string | undefined;
}

/** One way in which groups name their members. */
export interface GroupMatcher {
  /** Attribute of the person; `DN` stands for the entry's name. */
  readonly userAttribute: string;
  /** Given a value of it, the filter of the groups. Escapes it. */
  filterFor(value: string): string;
  /** Given the DN of a group, the filter of the groups it is in; undefined where groups hold no groups. */
  readonly parentsFilterFor: ((groupDn: string) => string) | undefined;
}

export interface GroupSearch {
  readonly baseDn: string;
  readonly scope: SearchScope;
  readonly matchers: readonly GroupMatcher[];
  /** `DN` stands for the group's name itself. */
  readonly nameAttribute: string;
}

/** Tickets in place of passwords, RFC 4559. */
export interface KerberosSettings {
  readonly keytabPath: string;
  /** The service whose tickets are taken, such as `HTTP/sso.example.com@EXAMPLE.COM`; undefined: all in the keytab. */
  readonly servicePrincipal: string | undefined;
  /** Undefined: the realms that the keytab is of. */
  readonly expectedRealm: string | undefined;
  /** What is looked for in the directory. */
  usernameOf(principal: { readonly name: string; readonly realm: string }): string;
  /** Who has no good ticket may type a password. */
  readonly fallbackToPassword: boolean;
}

export interface LdapSettings {
  readonly server: LdapServer;
  /** Undefined: searches are made anonymously. */
  readonly service: { readonly dn: string; readonly password: Secret<string> } | undefined;
  readonly find: FindUser;
  readonly attributes: UserAttributes;
  /** What an entry must match to be used, found or not. Undefined: every entry may be. */
  readonly usableFilter: string | undefined;
  readonly kerberos: KerberosSettings | undefined;
  readonly groups: GroupSearch | undefined;
  readonly loginLabel: string;
  readonly poolSize: number;
  readonly trustedEmailProvider: boolean;
  /** What an operator should know at every start. */
  readonly warnings: readonly string[];
}

/** The pseudo attribute for an entry's own name. */
export const DN_ATTRIBUTE = "DN";

export function isDnAttribute(name: string): boolean {
  return name.toUpperCase() === DN_ATTRIBUTE;
}
