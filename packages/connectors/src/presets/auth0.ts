import { configText } from "../connector-kind.ts";
import { notPermitted } from "../login-refused.ts";
import { baseUrl, domainName, makePresetKind, withoutSlash } from "./preset.ts";

/** Auth0. Groups come in a claim that an Action adds, under a name of the operator's: `claimMapping.groups`. */
export const auth0Kind = makePresetKind({
  type: "auth0",
  title: "Auth0",
  members: {
    /** The tenant's, such as `acme.eu.auth0.com`. */
    domain: domainName,
    /** Id of an organization (`org_...`): only its members may sign in. */
    organization: configText(100).optional(),
    baseURL: baseUrl,
  },
  secretAudience: ["domain", "baseURL"],
  // Auth0's issuer ends in a slash.
  issuer: ({ domain, baseURL }) => `${withoutSlash(baseURL ?? `https://${domain}`)}/`,
  defaults: () => ({ scopes: ["profile", "email", "offline_access"] }),
  hooks: ({ organization }) =>
    organization === undefined
      ? {}
      : {
          authorizationParameters: () => ({ organization }),
          claims(arrived) {
            const { idToken, userInfo } = arrived;
            // What the browser asked for is its own affair; the claim is Auth0's.
            if ((idToken?.org_id ?? userInfo?.org_id) !== organization) throw notPermitted("not of the organization");
            return arrived;
          },
        },
});
