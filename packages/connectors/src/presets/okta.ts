import { baseUrl, domainName, makePresetKind, pathSegment, withoutSlash } from "./preset.ts";

/** Okta. The secret goes into the body, as dex v2 did for Okta's hosts. */
export const oktaKind = makePresetKind({
  type: "okta",
  title: "Okta",
  members: {
    /** Such as `acme.okta.com`. */
    domain: domainName,
    /** Id of a custom authorization server, such as `default`; without one, the organization's own. */
    authorizationServer: pathSegment.optional(),
    baseURL: baseUrl,
  },
  secretAudience: ["domain", "authorizationServer", "baseURL"],
  issuer({ domain, authorizationServer, baseURL = `https://${domain}` }) {
    const site = withoutSlash(baseURL);
    return authorizationServer === undefined ? site : `${site}/oauth2/${authorizationServer}`;
  },
  defaults: ({ insecureEnableGroups }) => ({
    basicAuthUnsupported: true,
    // Okta gives the claim for the scope of this name.
    scopes: ["profile", "email", "offline_access", ...(insecureEnableGroups ? ["groups"] : [])],
  }),
});
