// Cloud Foundry's User Account and Authentication server, as dex v1 knew it. Kept as small as an OAuth2 connector can
// be: it is the example in the README.
import * as z from "zod";
import { endpointUrl, makeOAuth2Kind, oauth2Members, type UpstreamPerson } from "../oauth2/oauth2.ts";
import { requiredText, upstreamEmail, upstreamText } from "../upstream-text.ts";

const uaaConfigSchema = z.object({
  ...oauth2Members,
  serverURL: endpointUrl,
  /** Declares that this server decides who owns the addresses it calls verified. dex v1 never trusted them. */
  trustedEmailProvider: z.boolean().optional(),
});

const userInfo = z.object({
  user_id: requiredText(),
  user_name: upstreamText(),
  name: upstreamText(),
  email: upstreamEmail(),
  email_verified: z.boolean().nullish().catch(undefined),
});

export const uaaKind = makeOAuth2Kind({
  type: "uaa",
  title: "UAA",
  capabilities: { refresh: "yes", groups: "no", preferredUsername: "yes" },
  schema: uaaConfigSchema,
  secretAudience: ["serverURL"],
  toProvider({ serverURL, trustedEmailProvider = false }) {
    const server = serverURL.replace(/\/+$/, "");
    return {
      authorizationEndpoint: `${server}/oauth/authorize`,
      tokenEndpoint: `${server}/oauth/token`,
      apiUrl: server,
      scopes: ["openid"],
      clientAuthentication: "client_secret_post",
      refresh: "token",
      wishParameters: ({ reauthenticate, loginHint }) => ({
        ...(reauthenticate ? { prompt: "login" } : {}),
        ...(loginHint === undefined ? {} : { login_hint: loginHint.slice(0, 255) }),
      }),
      async readPerson(api): Promise<UpstreamPerson> {
        const { body: user } = await api.get(`${server}/userinfo`, userInfo);
        return {
          remoteId: user.user_id,
          email: user.email,
          emailVerified: trustedEmailProvider && user.email !== undefined && user.email_verified === true,
          displayName: user.name ?? user.user_name,
          preferredUsername: user.user_name,
          groups: undefined,
        };
      },
    };
  },
});
