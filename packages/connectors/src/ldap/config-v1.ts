// An LDAP configuration in the words of dex v1, so that an imported one works.
import * as z from "zod";
import { configText } from "../connector-kind.ts";
import { readConfiguredFile } from "../root-ca.ts";
import { attributeName, dn, filter, hostAndPort, poolSize, splitHost } from "./config-members.ts";
import { serviceOf } from "./config-v2.ts";
import { escapeDnValue, escapeFilterValue } from "./escape.ts";
import { DN_ATTRIBUTE, type FindUser, type GroupSearch, type LdapSettings } from "./settings.ts";

const path = configText(4096);

export const ldapV1Schema = z
  .object({
    name: configText(100).optional(),
    host: hostAndPort.optional(),
    serverHost: configText(253).optional(),
    serverPort: z.int().min(1).max(65_535).optional(),
    /** Never did anything. Ours are fixed. */
    timeout: z.unknown().optional(),
    useTLS: z.boolean().optional(),
    useSSL: z.boolean().optional(),
    caFile: path.optional(),
    certFile: path.optional(),
    keyFile: path.optional(),
    maxIdleConn: poolSize.optional(),
    nameAttribute: attributeName.optional(),
    emailAttribute: attributeName.optional(),
    /** Not in dex v1, whose ids were DNs: another attribute keeps a person who is moved in the directory. */
    idAttribute: attributeName.optional(),
    baseDN: dn.optional(),
    searchBeforeAuth: z.boolean().optional(),
    searchFilter: filter.optional(),
    searchGroupFilter: filter.optional(),
    searchScope: z
      .string()
      .transform((text) => text.toLowerCase())
      .pipe(z.enum(["base", "one", "sub"]))
      .optional(),
    searchBindDN: dn.optional(),
    searchBindPw: z.string().max(1024).optional(),
    bindTemplate: dn.optional(),
    usernamePrompt: configText(64).optional(),
    trustedEmailProvider: z.boolean().optional(),
  })
  .superRefine((config, context) => {
    const refuse = (member: string, message: string) => context.addIssue({ code: "custom", path: [member], message });
    if (config.host === undefined && config.serverHost === undefined) refuse("host", "expected host:port");
    if (config.host !== undefined && splitHost(config.host)?.port === undefined) refuse("host", "expected host:port");
    if (config.useTLS && config.useSSL) refuse("useTLS", "excludes useSSL");
    if (config.certFile !== undefined && config.keyFile === undefined) refuse("keyFile", "expected beside certFile");
    if (config.keyFile !== undefined && config.certFile === undefined) refuse("certFile", "expected beside keyFile");
    const search = config.searchBeforeAuth ?? false;
    // Without the name in it, one password would open whatever entry the filter finds, whatever was typed.
    if (search && !config.searchFilter?.includes("%u")) refuse("searchFilter", "expected a filter with %u");
    if (search && config.baseDN === undefined) refuse("baseDN", "expected where to search");
    if (!search && config.searchGroupFilter !== undefined) refuse("searchGroupFilter", "needs searchBeforeAuth");
    if (config.bindTemplate !== undefined && !config.bindTemplate.includes("%u")) refuse("bindTemplate", "expected %u");
    if (!search && config.bindTemplate === undefined && config.baseDN === undefined) refuse("baseDN", "expected a DN");
    if (config.searchGroupFilter?.includes("%u") === false) refuse("searchGroupFilter", "expected a filter with %u");
  });

type V1 = z.infer<typeof ldapV1Schema>;

const DEFAULT_POOL_SIZE = 5;
const LDAP_PORT = 389;

/** Reads the certificates it names. Throws an Error, whose message names the member, when that fails. */
export function toV1Settings(config: V1): LdapSettings {
  const split = config.host === undefined ? undefined : splitHost(config.host);
  const security = config.useSSL ? "ldaps" : config.useTLS ? "starttls" : "none";
  const { certFile, keyFile, searchBeforeAuth = false } = config;
  return {
    server: {
      host: split?.host ?? config.serverHost ?? "",
      port: split?.port ?? config.serverPort ?? LDAP_PORT,
      security,
      verifyCertificate: true,
      rootCa:
        security === "none" || config.caFile === undefined ? undefined : readConfiguredFile("caFile", config.caFile),
      clientCertificate:
        security === "none" || certFile === undefined || keyFile === undefined
          ? undefined
          : { cert: readConfiguredFile("certFile", certFile), key: readConfiguredFile("keyFile", keyFile) },
    },
    service: searchBeforeAuth ? serviceOf("searchBindPw", config.searchBindDN, config.searchBindPw) : undefined,
    find: toFindUser(config),
    attributes: {
      id: config.idAttribute ?? DN_ATTRIBUTE,
      email: config.emailAttribute ?? "mail",
      emailSuffix: undefined,
      name: config.nameAttribute ?? "cn",
      preferredUsername: undefined,
    },
    usableFilter: undefined,
    kerberos: undefined,
    groups: toGroupSearch(config),
    loginLabel: config.usernamePrompt ?? "user name",
    poolSize: config.maxIdleConn || DEFAULT_POOL_SIZE,
    trustedEmailProvider: config.trustedEmailProvider ?? true,
    warnings: [
      ...(security === "none" ? ["neither useTLS nor useSSL is set: passwords travel in clear text"] : []),
      ...(searchBeforeAuth && config.bindTemplate !== undefined
        ? ["bindTemplate is not used with searchBeforeAuth"]
        : []),
    ],
  };
}

function toFindUser(config: V1): FindUser {
  const { baseDN = "", searchFilter = "", bindTemplate = "uid=%u,%b" } = config;
  if (config.searchBeforeAuth) {
    return {
      kind: "search",
      baseDn: baseDN,
      scope: config.searchScope ?? "sub",
      filterFor: (login) => expand(searchFilter, escapeFilterValue(login), escapeFilterValue(baseDN)),
    };
  }
  // The base is a DN already; the name becomes a value in one. dex v1 escaped it as if it stood in a filter.
  return { kind: "bind", dnFor: (login) => expand(bindTemplate, escapeDnValue(login), baseDN) };
}

function toGroupSearch({ baseDN = "", searchGroupFilter, searchScope = "sub" }: V1): GroupSearch | undefined {
  if (searchGroupFilter === undefined) return undefined;
  const filterFor = (userDn: string) => expand(searchGroupFilter, escapeFilterValue(userDn), escapeFilterValue(baseDN));
  const matchers = [{ userAttribute: DN_ATTRIBUTE, filterFor, parentsFilterFor: undefined }];
  return { baseDn: baseDN, scope: searchScope, matchers, nameAttribute: DN_ATTRIBUTE };
}

/** In one pass, so that a `%b` that somebody typed stays what was typed. */
function expand(template: string, name: string, base: string): string {
  return template.replace(/%[ub]/g, (found) => (found === "%u" ? name : base));
}
