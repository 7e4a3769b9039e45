import * as z from "zod";
import { endpointUrl, makeOAuth2Kind, oauth2Members } from "../src/oauth2/oauth2.ts";
import { requiredText, upstreamEmail, upstreamText } from "../src/upstream-text.ts";

const userSchema = z.object({
  id: z.int().positive(),
  login: requiredText(),
  name: upstreamText(),
  mail: upstreamEmail(),
});

export const exampleKind = makeOAuth2Kind({
  type: "example",
  title: "Example",
  capabilities: { refresh: "yes", groups: "no", preferredUsername: "yes" },
  schema: z.object({ ...oauth2Members, baseURL: endpointUrl }),
  secretAudience: ["baseURL"], // who else gets the client secret
  toProvider: ({ baseURL }) => ({
    authorizationEndpoint: `${baseURL}/oauth/authorize`,
    tokenEndpoint: `${baseURL}/oauth/token`,
    apiUrl: baseURL,
    scopes: ["read:user"],
    clientAuthentication: "client_secret_basic",
    refresh: "token", // or "access token"; left out where nobody can be read again
    async readPerson(api) {
      const { body: user } = await api.get(`${baseURL}/api/user`, userSchema);
      return {
        remoteId: String(user.id), // never a name or an address: those change hands
        email: user.mail,
        emailVerified: false, // this API does not say
        displayName: user.name ?? user.login,
        preferredUsername: user.login,
        groups: undefined,
      };
    },
  }),
});
