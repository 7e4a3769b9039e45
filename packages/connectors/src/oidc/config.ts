// The configuration of an `oidc` connector: the names of dex v1 and of dex v2, read into one value.
import { isLoopback, type JsonObject, Secret } from "@dex/runtime";
import * as z from "zod";
import { configText, describeIssues } from "../connector-kind.ts";
import { oauth2Members, readTls, tlsMembers } from "../oauth2/config-members.ts";
import type { GroupRules } from "./groups.ts";
import { compileLinearRegex, explainRegex } from "./linear-regex.ts";
import type { ClientAuthenticationChoice, DiscoveryOverrides, OidcSettings } from "./settings.ts";

/** An issuer that an operator may configure. */
export const issuerUrl = z
  .string()
  .max(2048)
  .refine(isIssuer, "expected an https URL without query, fragment or user information (http on loopback only)");
/** An endpoint may have a query: some servers tell policies apart by it. */
const overrideUrl = z
  .string()
  .max(2048)
  .refine((text) => text === "" || isOverride(text), "expected an https URL (http on loopback only)")
  .optional();
/** The browser goes there with nothing secret, so plain http is the operator's choice. */
const endSessionUrl = z
  .string()
  .max(2048)
  .refine((text) => text === "" || /^https?:$/.test(URL.parse(text)?.protocol ?? ""), "expected an http(s) URL")
  .optional();
const claimName = configText(255);

/** ACC-14: what a person or an administrator may change, or what is given to somebody else later, identifies nobody. */
const CHANGEABLE_CLAIMS: ReadonlySet<string> = new Set([
  "email",
  "upn",
  "unique_name",
  "preferred_username",
  "nickname",
  "name",
]);

/** Group names are joined, not searched, by these. */
const groupPart = z
  .string()
  .max(100)
  .regex(/^\P{Cc}*$/u, "expected text without control characters");

const claimModifications = z.strictObject({
  newGroupFromClaims: z
    .array(
      z.strictObject({
        claims: z.array(claimName).min(1).max(20),
        delimiter: groupPart.optional(),
        clearDelimiter: z.boolean().optional(),
        prefix: groupPart.optional(),
      }),
    )
    .max(50)
    .optional(),
  filterGroupClaims: z
    .strictObject({
      groupsFilter: z
        .string()
        .superRefine((pattern, context) => {
          const problem = explainRegex(pattern);
          if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
        })
        .optional(),
    })
    .optional(),
  modifyGroupNames: z.strictObject({ prefix: groupPart.optional(), suffix: groupPart.optional() }).optional(),
});

/** Members of every kind of connector that is built on this one: all but those that say which upstream it is. */
export const oidcMembers = {
  ...oauth2Members,
  ...tlsMembers,
  basicAuthUnsupported: z.boolean().optional(),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, "expected a scope token (RFC 6749 §3.3)"))
    .max(32)
    .optional(),
  trustedEmailProvider: z.boolean().optional(),
  insecureSkipEmailVerified: z.boolean().optional(),
  insecureEnableGroups: z.boolean().optional(),
  insecurePrivateEndpoints: z.boolean().optional(),
  /** dex v1: the claim that holds the address, in place of `email`. */
  emailClaim: claimName.optional(),
  getUserInfo: z.boolean().optional(),
  userIDKey: claimName.refine((name) => !CHANGEABLE_CLAIMS.has(name), "expected a claim that never changes").optional(),
  userNameKey: claimName.optional(),
  overrideClaimMapping: z.boolean().optional(),
  claimMapping: z
    .strictObject({
      preferred_username: claimName.optional(),
      email: claimName.optional(),
      groups: claimName.optional(),
    })
    .optional(),
  claimModifications: claimModifications.optional(),
  allowedGroups: z.array(configText(255)).max(1000).optional(),
  // OIDC Core §3.1.2.1, without `none`: we ask because we need an answer.
  promptType: z
    .string()
    .regex(/^(?:(?:login|consent|select_account)(?: (?!$)|$))*$/, "expected login, consent, select_account or nothing")
    .max(64)
    .nullish(),
  /** Accepted, and S256 is used whatever it says: a server that knows PKCE knows S256 (RFC 7636 §4.2). */
  pkceChallenge: z.enum(["", "S256", "plain"]).optional(),
  acrValues: z.array(configText(255)).max(16).optional(),
  /** Clients beside our own whose tokens are taken as subject tokens (RFC 8693). */
  subjectTokenAudiences: z.array(configText(512)).max(50).optional(),
};

export const oidcConfigSchema = z
  .object({
    ...oidcMembers,
    /** dex v1 */
    issuerURL: issuerUrl.optional(),
    /** dex v2 */
    issuer: issuerUrl.optional(),
    /** What the upstream calls itself, where that is not `issuer`. */
    issuerAlias: z.union([z.literal(""), issuerUrl]).optional(),
    providerDiscoveryOverrides: z
      .strictObject({
        tokenURL: overrideUrl,
        authURL: overrideUrl,
        jwksURL: overrideUrl,
        userInfoURL: overrideUrl,
        /** Of dex v2; we never send anybody there. */
        deviceAuthURL: overrideUrl,
        endSessionURL: endSessionUrl,
      })
      .optional(),
    // Kept people out in an older dex v2. Ignoring it, as an unknown key is ignored, would let everybody in.
    hostedDomains: z
      .array(z.unknown())
      .length(0, "is not a member of this type: use a connector of type google")
      .optional(),
  })
  .superRefine((config, context) => {
    const refuse = (member: string, message: string) => context.addIssue({ code: "custom", path: [member], message });
    if (config.issuer === undefined && config.issuerURL === undefined) refuse("issuer", "expected the issuer's URL");
    if (config.issuer !== undefined && config.issuerURL !== undefined && config.issuer !== config.issuerURL) {
      refuse("issuerURL", "issuer and issuerURL are the same setting and must not differ");
    }
    const problem = explainRestrictions(config);
    if (problem !== undefined) refuse("allowedGroups", problem);
  });

export type OidcConfig = z.infer<typeof oidcConfigSchema>;

/** A restriction that would restrict nobody is a mistake; dex v2 let everybody in. */
export function explainRestrictions(config: {
  readonly allowedGroups?: readonly string[] | undefined;
  readonly insecureEnableGroups?: boolean | undefined;
}): string | undefined {
  return config.allowedGroups?.length && !config.insecureEnableGroups
    ? "needs insecureEnableGroups: without groups it would keep nobody out"
    : undefined;
}

export type ParsedOidcSettings =
  | { readonly kind: "settings"; readonly settings: OidcSettings }
  | { readonly kind: "refused"; readonly reason: string };

export function parseOidcSettings(config: JsonObject): ParsedOidcSettings {
  const parsed = oidcConfigSchema.safeParse(config);
  if (!parsed.success) return { kind: "refused", reason: describeIssues(parsed.error) };
  return { kind: "settings", settings: toOidcSettings(parsed.data) };
}

/** From parsed members to settings. Throws an Error, whose message names the member, for what it cannot use. */
export function toOidcSettings(given: OidcConfig): OidcSettings {
  const issuer = given.issuer ?? given.issuerURL;
  if (issuer === undefined) throw new Error("issuer: expected the issuer's URL");
  const override = given.overrideClaimMapping ?? false;
  const mapping = given.claimMapping ?? {};
  const scopes = given.scopes ?? ["profile", "email"];
  return {
    issuer,
    issuerAlias: given.issuerAlias || undefined,
    discoveryOverrides: toOverrides(given.providerDiscoveryOverrides ?? {}),
    clientId: given.clientID,
    clientSecret: given.clientSecret ? new Secret(given.clientSecret) : undefined,
    clientAuthentication: chooseAuthentication(given.basicAuthUnsupported, issuer),
    redirectUri: given.redirectURI,
    tls: readTls(given),
    answersBy: "query",
    // OIDC Core §3.1.2.1: openid must be among them.
    scope: [...new Set(["openid", ...scopes])].join(" "),
    trustedEmailProvider: given.trustedEmailProvider ?? false,
    assumeEmailVerified: given.insecureSkipEmailVerified ?? false,
    groupsEnabled: given.insecureEnableGroups ?? false,
    groupRules: toGroupRules(given),
    privateEndpointsAllowed: given.insecurePrivateEndpoints ?? false,
    userInfo: given.getUserInfo ?? false,
    remoteIdClaim: given.userIDKey ?? "sub",
    nameClaim: { name: given.userNameKey ?? "name", mapped: undefined, override: false },
    emailClaim: { name: given.emailClaim ?? "email", mapped: mapping.email, override },
    preferredUsernameClaim: { name: "preferred_username", mapped: mapping.preferred_username, override },
    groupsClaim: { name: "groups", mapped: mapping.groups, override },
    prompt: given.promptType || undefined,
    // dex v2's default, without which several upstreams give no refresh token. "" says: none.
    offlinePrompt: given.promptType === undefined || given.promptType === null ? "consent" : undefined,
    acrValues: given.acrValues?.length ? given.acrValues.join(" ") : undefined,
    subjectTokenAudiences: given.subjectTokenAudiences ?? [],
  };
}

function toGroupRules(given: OidcConfig): GroupRules {
  const { newGroupFromClaims = [], filterGroupClaims, modifyGroupNames } = given.claimModifications ?? {};
  const pattern = filterGroupClaims?.groupsFilter;
  return {
    filter: pattern ? compileLinearRegex(pattern) : undefined,
    allowed: given.allowedGroups?.length ? given.allowedGroups : undefined,
    prefix: modifyGroupNames?.prefix ?? "",
    suffix: modifyGroupNames?.suffix ?? "",
    newGroups: newGroupFromClaims.map(({ claims, delimiter = "", clearDelimiter = false, prefix = "" }) => ({
      claims,
      delimiter,
      clearDelimiter,
      prefix,
    })),
  };
}

function toOverrides(given: NonNullable<OidcConfig["providerDiscoveryOverrides"]>): DiscoveryOverrides {
  return {
    ...(given.authURL ? { authorization_endpoint: given.authURL } : {}),
    ...(given.tokenURL ? { token_endpoint: given.tokenURL } : {}),
    ...(given.jwksURL ? { jwks_uri: given.jwksURL } : {}),
    ...(given.userInfoURL ? { userinfo_endpoint: given.userInfoURL } : {}),
    ...(given.endSessionURL ? { end_session_endpoint: given.endSessionURL } : {}),
  };
}

/** Okta announces Basic and, for some of its clients, refuses it: dex v2 knew its hosts. */
function chooseAuthentication(basicUnsupported: boolean | undefined, issuer: string): ClientAuthenticationChoice {
  if (basicUnsupported !== undefined) return basicUnsupported ? "client_secret_post" : "announced";
  const { hostname } = new URL(issuer);
  return /(?:^|\.)(?:okta|oktapreview)\.com$/.test(hostname) ? "client_secret_post" : "announced";
}

function isIssuer(text: string): boolean {
  return isOverride(text) && !text.includes("?");
}

function isOverride(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || /[#\s]/.test(text) || url.username !== "" || url.password !== "") return false;
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url));
}
