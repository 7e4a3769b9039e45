import type { Claims } from "../oidc/oidc.ts";
import { baseUrl, domainName, makePresetKind, withoutSlash } from "./preset.ts";

const ROLES = "urn:zitadel:iam:org:project:roles";

/** Zitadel. A person's roles in the project are the groups. */
export const zitadelKind = makePresetKind({
  type: "zitadel",
  title: "Zitadel",
  members: {
    /** The instance's, such as `acme.zitadel.cloud`. */
    domain: domainName,
    baseURL: baseUrl,
  },
  secretAudience: ["domain", "baseURL"],
  issuer: ({ domain, baseURL }) => withoutSlash(baseURL ?? `https://${domain}`),
  defaults: ({ insecureEnableGroups }) => ({
    scopes: [
      "profile",
      "email",
      "offline_access",
      ...(insecureEnableGroups ? ["urn:zitadel:iam:org:projects:roles"] : []),
    ],
  }),
  hooks: () => ({
    claims: ({ idToken, userInfo }) => ({ idToken: withRoles(idToken), userInfo: withRoles(userInfo) }),
  }),
});

/** Roles are the names of an object's members; what is inside tells by which organization. A claim `groups` wins. */
function withRoles(claims: Claims | undefined): Claims | undefined {
  const roles = claims?.[ROLES];
  if (claims === undefined || claims.groups !== undefined || typeof roles !== "object" || roles === null) return claims;
  return { ...claims, groups: Array.isArray(roles) ? roles : Object.keys(roles) };
}
