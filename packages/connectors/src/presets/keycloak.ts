import { issuerUrl } from "../oidc/config.ts";
import { makePresetKind, pathSegment, withoutSlash } from "./preset.ts";

/** Keycloak. Groups need a mapper of type "Group Membership" for the claim `groups` there. */
export const keycloakKind = makePresetKind({
  type: "keycloak",
  title: "Keycloak",
  members: {
    /** Where the server is, with `/auth` where it is older than 17. */
    baseURL: issuerUrl,
    realm: pathSegment,
  },
  secretAudience: ["baseURL", "realm"],
  issuer: ({ baseURL, realm }) => `${withoutSlash(baseURL)}/realms/${encodeURIComponent(realm)}`,
});
