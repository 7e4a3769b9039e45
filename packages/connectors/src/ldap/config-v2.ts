// An LDAP configuration in the words of dex v2.
import { Secret } from "@dex/runtime";
import * as z from "zod";
import { configText } from "../connector-kind.ts";
import { decodePem, readConfiguredFile } from "../root-ca.ts";
import { kerberosSchema, toKerberosSettings } from "./config-kerberos.ts";
import { attributeName, dn, filter, hostAndPort, matchedAttribute, poolSize, splitHost } from "./config-members.ts";
import { escapeFilterValue } from "./escape.ts";
import { DN_ATTRIBUTE, type GroupMatcher, type GroupSearch, type LdapSettings } from "./settings.ts";

const path = configText(4096);
const scope = z.enum(["sub", "one"]);
const matcher = z.strictObject({
  userAttr: attributeName,
  groupAttr: matchedAttribute,
  recursionGroupAttr: matchedAttribute.optional(),
});

export const ldapV2Schema = z
  .object({
    name: configText(100).optional(),
    host: hostAndPort,
    insecureNoSSL: z.boolean().optional(),
    startTLS: z.boolean().optional(),
    insecureSkipVerify: z.boolean().optional(),
    rootCA: path.optional(),
    rootCAData: z.string().max(262_144).optional(),
    clientCert: path.optional(),
    clientKey: path.optional(),
    bindDN: dn.optional(),
    bindPW: z.string().max(1024).optional(),
    usernamePrompt: configText(64).optional(),
    maxIdleConn: poolSize.optional(),
    /** On by default, as in dex v1 and v2: the directory is the operator's own. */
    trustedEmailProvider: z.boolean().optional(),
    userSearch: z.strictObject({
      baseDN: dn,
      filter: filter.optional(),
      username: z.union([attributeName, z.array(attributeName).min(1).max(10)]),
      /** Ours: who an entry must be to sign in and to be refreshed, such as one that is not disabled. */
      usableFilter: filter.optional(),
      scope: scope.optional(),
      idAttr: attributeName.optional(),
      emailAttr: attributeName.optional(),
      nameAttr: attributeName.optional(),
      preferredUsernameAttr: attributeName.optional(),
      emailSuffix: z
        .string()
        .regex(/^[A-Za-z0-9.-]{1,253}$/, "expected a domain without @")
        .optional(),
    }),
    groupSearch: z
      .strictObject({
        baseDN: dn.optional(),
        filter: filter.optional(),
        scope: scope.optional(),
        userMatchers: z.array(matcher).max(10).optional(),
        userAttr: attributeName.optional(),
        groupAttr: matchedAttribute.optional(),
        recursionGroupAttr: matchedAttribute.optional(),
        nameAttr: attributeName.optional(),
      })
      .optional(),
    kerberos: kerberosSchema.optional(),
  })
  .superRefine((config, context) => {
    const refuse = (member: string, message: string) => context.addIssue({ code: "custom", path: [member], message });
    if (config.clientCert !== undefined && config.clientKey === undefined)
      refuse("clientKey", "expected beside clientCert");
    if (config.clientKey !== undefined && config.clientCert === undefined)
      refuse("clientCert", "expected beside clientKey");
    if (config.startTLS && config.insecureNoSSL) refuse("startTLS", "excludes insecureNoSSL");
    const groups = config.groupSearch;
    if (groups?.baseDN !== undefined && matchersOf(groups).length === 0) {
      refuse("groupSearch", "userMatchers: expected userAttr and groupAttr");
    }
  });

type V2 = z.infer<typeof ldapV2Schema>;
type V2Groups = NonNullable<V2["groupSearch"]>;

const DEFAULT_POOL_SIZE = 10;

/** Reads the certificates it names. Throws an Error, whose message names the member, when that fails. */
export function toV2Settings(config: V2): LdapSettings {
  const split = splitHost(config.host);
  if (split === undefined) throw new Error("host: expected host or host:port");
  const security = config.insecureNoSSL ? "none" : config.startTLS ? "starttls" : "ldaps";
  const { userSearch: user, clientCert, clientKey } = config;
  const kerberos = toKerberosSettings(config.kerberos);
  const names = [user.username].flat();
  const anyName = (login: string) => {
    const each = names.map((name) => `(${name}=${escapeFilterValue(login)})`).join("");
    return names.length === 1 ? each : `(|${each})`;
  };
  return {
    server: {
      host: split.host,
      // StartTLS begins on the plain port; dex v2 took 636 for it, where it cannot work.
      port: split.port ?? (security === "ldaps" ? 636 : 389),
      security,
      verifyCertificate: !config.insecureSkipVerify,
      rootCa:
        config.rootCAData !== undefined
          ? decodePem("rootCAData", config.rootCAData)
          : config.rootCA && readConfiguredFile("rootCA", config.rootCA),
      clientCertificate:
        clientCert === undefined || clientKey === undefined
          ? undefined
          : { cert: readConfiguredFile("clientCert", clientCert), key: readConfiguredFile("clientKey", clientKey) },
    },
    service: serviceOf("bindPW", config.bindDN, config.bindPW),
    find: {
      kind: "search",
      baseDn: user.baseDN,
      scope: user.scope ?? "sub",
      filterFor: (login) => (user.filter === undefined ? anyName(login) : `(&${user.filter}${anyName(login)})`),
    },
    attributes: {
      id: user.idAttr ?? "uid",
      email: user.emailSuffix === undefined ? (user.emailAttr ?? "mail") : undefined,
      emailSuffix: user.emailSuffix,
      name: user.nameAttr,
      preferredUsername: user.preferredUsernameAttr,
    },
    usableFilter: user.usableFilter,
    kerberos: kerberos.settings,
    groups: config.groupSearch && toGroupSearch(config.groupSearch),
    loginLabel: config.usernamePrompt ?? "user name",
    poolSize: config.maxIdleConn || DEFAULT_POOL_SIZE,
    trustedEmailProvider: config.trustedEmailProvider ?? true,
    warnings: [
      ...(security === "none" ? ["insecureNoSSL: passwords travel in clear text"] : []),
      ...(config.insecureSkipVerify ? ["insecureSkipVerify: anybody can pretend to be the directory"] : []),
      ...(config.groupSearch?.userAttr === undefined ? [] : ["groupSearch.userAttr is deprecated: use userMatchers"]),
      ...kerberos.warnings,
    ],
  };
}

/** A DN without a password would be an anonymous bind that looks like one of the service (RFC 4513 §5.1.2). */
export function serviceOf(
  member: string,
  name: string | undefined,
  password: string | undefined,
): LdapSettings["service"] {
  if (name === undefined) return undefined;
  if (!password) throw new Error(`${member}: expected the password of the service account`);
  return { dn: name, password: new Secret(password) };
}

function matchersOf(groups: V2Groups): readonly z.infer<typeof matcher>[] {
  if (groups.userMatchers !== undefined && groups.userMatchers.length > 0) return groups.userMatchers;
  const { userAttr, groupAttr, recursionGroupAttr } = groups;
  if (userAttr === undefined || groupAttr === undefined) return [];
  return [{ userAttr, groupAttr, ...(recursionGroupAttr === undefined ? {} : { recursionGroupAttr }) }];
}

function toGroupSearch(groups: V2Groups): GroupSearch | undefined {
  if (groups.baseDN === undefined) return undefined;
  const within = (attribute: string) => (value: string) => {
    const equal = `(${attribute}=${escapeFilterValue(value)})`;
    return groups.filter === undefined ? equal : `(&${groups.filter}${equal})`;
  };
  const matchers = matchersOf(groups).map(
    ({ userAttr, groupAttr, recursionGroupAttr }): GroupMatcher => ({
      userAttribute: userAttr,
      filterFor: within(groupAttr),
      parentsFilterFor: recursionGroupAttr === undefined ? undefined : within(recursionGroupAttr),
    }),
  );
  return {
    baseDn: groups.baseDN,
    scope: groups.scope ?? "sub",
    matchers,
    nameAttribute: groups.nameAttr ?? DN_ATTRIBUTE,
  };
}
