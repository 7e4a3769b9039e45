// Any provider of OAuth 2.0 with something like a userinfo endpoint.
import * as z from "zod";
import { makeOAuth2Kind, readTls, type UpstreamPerson } from "../oauth2/oauth2.ts";
import { readJwtPayload, readOauthClaims, readOauthGroups } from "./claims.ts";
import { oauthConfigSchema } from "./config.ts";

const claimsSchema = z.record(z.string(), z.json());

export const oauthKind = makeOAuth2Kind({
  type: "oauth",
  title: "OAuth 2.0",
  capabilities: { refresh: "yes", groups: "yes", preferredUsername: "yes" },
  schema: oauthConfigSchema,
  secretAudience: ["authorizationURL", "tokenURL", "userInfoURL"],
  toProvider(config, { trace }) {
    return {
      ...readTls(config),
      authorizationEndpoint: config.authorizationURL,
      tokenEndpoint: config.tokenURL,
      apiUrl: config.userInfoURL,
      scopes: config.scopes ?? [],
      clientAuthentication: "auto",
      refresh: "token",
      async readPerson(api, asked, { access_token: token }): Promise<UpstreamPerson> {
        const { body: claims } = await api.get(config.userInfoURL, claimsSchema);
        const person = readOauthClaims(claims, config);
        if (!asked.groups) return { ...person, groups: undefined };
        const inToken = config.groupsFromAccessToken && typeof token === "string" ? readJwtPayload(token) : undefined;
        if (inToken !== undefined) trace?.({ kind: "claims", source: "access token, unverified", claims: inToken });
        return { ...person, groups: readOauthGroups([claims, ...(inToken === undefined ? [] : [inToken])], config) };
      },
    };
  },
});
