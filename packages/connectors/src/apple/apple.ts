// Sign in with Apple: OpenID Connect, except that the answer is posted, the client secret is a JWT, and the name comes once.
import * as z from "zod";
import { configText } from "../connector-kind.ts";
import { oauth2Members } from "../oauth2/config-members.ts";
import { issuerUrl } from "../oidc/config.ts";
import { makeOidcKind, toOidcSettings } from "../oidc/oidc.ts";
import { makeAppleClientSecret, readAppleKey } from "./client-secret.ts";
import { readFirstName } from "./first-answer.ts";

const ISSUER = "https://appleid.apple.com";

const { clientSecret: _ownSecret, ...members } = oauth2Members;

const appleConfigSchema = z.object({
  ...members,
  teamID: configText(64),
  keyID: configText(64),
  /** PEM text of the key that Apple handed out as a .p8 file. */
  privateKey: z.string().max(4096).optional(),
  /** Apple checks addresses itself; a relay address is the person's too. On by default. */
  trustedEmailProvider: z.boolean().optional(),
  /** Bundle ids of our own apps, whose ID tokens are taken as subject tokens. */
  subjectTokenAudiences: z.array(configText(512)).max(50).optional(),
  /** Another address than Apple's own, for tests. */
  baseURL: issuerUrl.optional(),
});

export const appleKind = makeOidcKind({
  type: "apple",
  title: "Apple",
  capabilities: {
    refresh: "yes",
    groups: "no",
    preferredUsername: "no",
    tokenIdentity: "yes",
    upstreamLogout: "no",
  },
  schema: appleConfigSchema,
  secretFields: ["privateKey"],
  requiredSecrets: ["privateKey"],
  secretAudience: ["clientID", "teamID", "keyID", "baseURL"],
  toSettings(config) {
    const { clientID, teamID, keyID, privateKey = "", baseURL: issuer = ISSUER, trustedEmailProvider = true } = config;
    const key = readAppleKey("privateKey", privateKey);
    const client = { clientId: clientID, teamId: teamID, keyId: keyID, key, audience: issuer };
    const { name, redirectURI, subjectTokenAudiences } = config;
    return {
      ...toOidcSettings({
        ...{ issuer, clientID, trustedEmailProvider, name, redirectURI, subjectTokenAudiences },
        scopes: ["name", "email"],
        // Apple knows no prompt, and gives a refresh token to everybody.
        promptType: "",
      }),
      clientAuthentication: { secret: (now) => makeAppleClientSecret(client, now) },
      // Apple demands it where a name or an address is asked for.
      answersBy: "form",
    };
  },
  hooks: () => ({
    nameOnlyAtLogin: true,
    claims({ idToken, userInfo }, { answer }) {
      const name = readFirstName(answer);
      return { idToken: idToken && name !== undefined ? { ...idToken, name } : idToken, userInfo };
    },
  }),
});
