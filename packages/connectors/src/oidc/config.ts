// The configuration of an `oidc` connector: the names of dex v1 and of dex v2, read into one value.
import { isLoopback, type JsonObject, Secret } from "@dex/runtime";
import * as z from "zod";
import { configText, describeIssues } from "../connector-kind.ts";

const issuerUrl = z
  .string()
  .max(2048)
  .refine(isIssuer, "expected an https URL without query, fragment or user information (http on loopback only)");
const claimName = configText(255);
/** OIDC Core §3.1.2.1, without `none`: we ask because we need an answer. */
const PROMPTS = ["", "login", "consent", "select_account"] as const;

/** ACC-14: what a person or an administrator may change, or what is given to somebody else later, identifies nobody. */
const CHANGEABLE_CLAIMS: ReadonlySet<string> = new Set([
  "email",
  "upn",
  "unique_name",
  "preferred_username",
  "nickname",
  "name",
]);

export const oidcConfigSchema = z.object({
  name: configText(100).optional(),
  /** dex v1 */
  issuerURL: issuerUrl.optional(),
  /** dex v2 */
  issuer: issuerUrl.optional(),
  clientID: configText(512),
  /** Without one we are a public client upstream; PKCE is used either way. */
  clientSecret: z.string().max(1024).optional(),
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
  promptType: z.enum(PROMPTS).optional(),
  acrValues: z.array(configText(255)).max(16).optional(),
  // dex v2 keys that keep people out. Ignoring one, as an unknown key is ignored, would let everybody in.
  allowedGroups: unsupportedRestriction(),
  hostedDomains: unsupportedRestriction(),
});

function unsupportedRestriction() {
  return z.array(z.unknown()).length(0, "is not supported here, so it would keep nobody out").optional();
}

/** How a claim is found: `name`, unless it is absent or `override` is set and `mapped` is configured. */
export interface ClaimSource {
  readonly name: string;
  readonly mapped: string | undefined;
  readonly override: boolean;
}

export interface OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: Secret<string> | undefined;
  /** RFC 7591 §2; undefined: the first one of basic and post that the upstream announces. */
  readonly clientAuthentication: "client_secret_post" | undefined;
  readonly scope: string;
  /** ACC-12: the operator declares that this upstream decides who owns the addresses it names. */
  readonly trustedEmailProvider: boolean;
  readonly assumeEmailVerified: boolean;
  readonly groupsEnabled: boolean;
  readonly privateEndpointsAllowed: boolean;
  readonly userInfo: boolean;
  readonly remoteIdClaim: string;
  readonly nameClaim: ClaimSource;
  readonly emailClaim: ClaimSource;
  readonly preferredUsernameClaim: ClaimSource;
  readonly groupsClaim: ClaimSource;
  readonly prompt: "login" | "consent" | "select_account" | undefined;
  readonly acrValues: string | undefined;
}

export type ParsedOidcSettings =
  | { readonly kind: "settings"; readonly settings: OidcSettings }
  | { readonly kind: "refused"; readonly reason: string };

export function parseOidcSettings(config: JsonObject): ParsedOidcSettings {
  const parsed = oidcConfigSchema.safeParse(config);
  if (!parsed.success) return { kind: "refused", reason: describeIssues(parsed.error) };
  const given = parsed.data;
  const issuer = given.issuer ?? given.issuerURL;
  if (issuer === undefined) return { kind: "refused", reason: "issuer: expected the issuer's URL" };
  if (given.issuerURL !== undefined && given.issuerURL !== issuer) {
    return { kind: "refused", reason: "issuer and issuerURL are the same setting and must not differ" };
  }
  const override = given.overrideClaimMapping ?? false;
  const mapping = given.claimMapping ?? {};
  const scopes = given.scopes ?? ["profile", "email"];
  return {
    kind: "settings",
    settings: {
      issuer,
      clientId: given.clientID,
      clientSecret: given.clientSecret ? new Secret(given.clientSecret) : undefined,
      clientAuthentication: given.basicAuthUnsupported ? "client_secret_post" : undefined,
      // OIDC Core §3.1.2.1: openid must be among them.
      scope: [...new Set(["openid", ...scopes])].join(" "),
      trustedEmailProvider: given.trustedEmailProvider ?? false,
      assumeEmailVerified: given.insecureSkipEmailVerified ?? false,
      groupsEnabled: given.insecureEnableGroups ?? false,
      privateEndpointsAllowed: given.insecurePrivateEndpoints ?? false,
      userInfo: given.getUserInfo ?? false,
      remoteIdClaim: given.userIDKey ?? "sub",
      nameClaim: { name: given.userNameKey ?? "name", mapped: undefined, override: false },
      emailClaim: { name: given.emailClaim ?? "email", mapped: mapping.email, override },
      preferredUsernameClaim: { name: "preferred_username", mapped: mapping.preferred_username, override },
      groupsClaim: { name: "groups", mapped: mapping.groups, override },
      prompt: given.promptType || undefined,
      acrValues: given.acrValues?.length ? given.acrValues.join(" ") : undefined,
    },
  };
}

function isIssuer(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || /[?#\s]/.test(text) || url.username !== "" || url.password !== "") return false;
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url));
}
