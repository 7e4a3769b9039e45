// Facebook Login, by the Graph API. It names an address, and never says whether anybody verified it.
import { createHmac } from "node:crypto";
import * as z from "zod";
import { endpointUrl, makeOAuth2Kind, oauth2Members, type UpstreamPerson } from "../oauth2/oauth2.ts";
import { upstreamEmail, upstreamText } from "../upstream-text.ts";

const facebookConfigSchema = z.object({
  ...oauth2Members,
  /** Such as `v23.0`. Without one, Facebook takes the oldest that our app may use. */
  graphVersion: z
    .string()
    .regex(/^v\d{1,3}\.\d$/, "expected a version such as v23.0")
    .optional(),
  /** Other addresses than Facebook's own, for tests. */
  baseURL: endpointUrl.optional(),
  apiURL: endpointUrl.optional(),
});

const userSchema = z.object({
  // Of our app alone: another app sees another one.
  id: z.string().regex(/^\d{1,32}$/),
  name: upstreamText(),
  email: upstreamEmail(),
});

export const facebookKind = makeOAuth2Kind({
  type: "facebook",
  title: "Facebook",
  capabilities: { refresh: "yes", groups: "no", preferredUsername: "no" },
  schema: facebookConfigSchema,
  secretAudience: ["baseURL", "apiURL"],
  toProvider({ clientSecret = "", graphVersion, ...config }) {
    const below = (url: string) =>
      [url.replace(/\/+$/, ""), graphVersion].filter((part) => part !== undefined).join("/");
    const site = below(config.baseURL ?? "https://www.facebook.com");
    const api = below(config.apiURL ?? "https://graph.facebook.com");
    return {
      authorizationEndpoint: `${site}/dialog/oauth`,
      tokenEndpoint: `${api}/oauth/access_token`,
      apiUrl: api,
      scopes: ["public_profile", "email"],
      clientAuthentication: "client_secret_post",
      // Facebook has no refresh tokens; an access token lives for two months.
      refresh: "access token",
      wishParameters: ({ reauthenticate }) => ({ ...(reauthenticate ? { auth_type: "reauthenticate" } : {}) }),
      async readPerson(upstream, _asked, { access_token: token }): Promise<UpstreamPerson> {
        // A token that was stolen elsewhere is worth nothing to who has not the secret.
        const proof = createHmac("sha256", clientSecret).update(String(token)).digest("hex");
        const url = `${api}/me?fields=id,name,email&appsecret_proof=${proof}`;
        const { body: user } = await upstream.get(url, userSchema);
        return {
          remoteId: user.id,
          email: user.email,
          emailVerified: false,
          displayName: user.name,
          preferredUsername: undefined,
          groups: undefined,
        };
      },
    };
  },
});
