// LinkedIn, by its OpenID Connect or, for applications of before August 2023, by its older scopes. A person has another id in
// each of the two.
// Not a kind of `oidc`: LinkedIn's ID tokens come without the nonce that was sent, and for the applications of web servers its
// token endpoint takes a code_verifier for a wrong secret. So the ID token is not looked at: who it is, is asked of userinfo
// with the token just received (OAU-1), and what ties the answer to the browser is `state` alone.
import * as z from "zod";
import { invalidAnswer } from "../login-refused.ts";
import { endpointUrl, makeOAuth2Kind, oauth2Members, type UpstreamPerson } from "../oauth2/oauth2.ts";
import type { UpstreamApi } from "../oauth2/upstream-api.ts";
import { requiredText, upstreamEmail, upstreamText } from "../upstream-text.ts";

const linkedinConfigSchema = z.object({
  ...oauth2Members,
  /** `legacy` for the scopes that LinkedIn gives to no new application. */
  mode: z.enum(["oidc", "legacy"]).optional(),
  /** On by default: LinkedIn says which addresses are verified, and in its older API showed no other. */
  trustedEmailProvider: z.boolean().optional(),
  /** Other hosts than LinkedIn's own, for tests. */
  baseURL: endpointUrl.optional(),
  apiURL: endpointUrl.optional(),
});

const userInfo = z.object({
  sub: requiredText(),
  name: upstreamText(),
  given_name: upstreamText(),
  family_name: upstreamText(),
  email: upstreamEmail(),
  // A boolean in one of its documents, text in another.
  email_verified: z.union([z.boolean(), z.enum(["true", "false"]).transform((text) => text === "true")]).nullish(),
});
const profile = z.object({
  id: requiredText(),
  localizedFirstName: upstreamText(),
  localizedLastName: upstreamText(),
});
const addresses = z.object({
  elements: z.array(z.object({ "handle~": z.object({ emailAddress: requiredText(254) }) })).max(20),
});
/** Compared byte for byte by LinkedIn. */
const ADDRESSES = "/v2/emailAddress?q=members&projection=(elements*(handle~))";

export const linkedinKind = makeOAuth2Kind({
  type: "linkedin",
  title: "LinkedIn",
  capabilities: { refresh: "yes", groups: "no", preferredUsername: "no" },
  schema: linkedinConfigSchema,
  // Ids of one mode mean other people, or nobody, in the other; a secret stays where it was.
  secretAudience: ["baseURL", "apiURL"],
  toProvider({ mode = "oidc", trustedEmailProvider: trusted = true, baseURL, apiURL }) {
    const site = trimmed(baseURL ?? "https://www.linkedin.com");
    const api = trimmed(apiURL ?? "https://api.linkedin.com");
    return {
      authorizationEndpoint: `${site}/oauth/v2/authorization`,
      tokenEndpoint: `${site}/oauth/v2/accessToken`,
      apiUrl: api,
      scopes: mode === "oidc" ? ["openid", "profile", "email"] : ["r_liteprofile", "r_emailaddress"],
      clientAuthentication: "client_secret_post",
      pkce: "none",
      // Few applications get a refresh token; an access token lives for 60 days.
      refresh: "token",
      readPerson: (upstream) =>
        mode === "oidc" ? readUserInfo(upstream, api, trusted) : readProfile(upstream, api, trusted),
    };
  },
});

async function readUserInfo(api: UpstreamApi, apiUrl: string, trusted: boolean): Promise<UpstreamPerson> {
  const { body: user } = await api.get(`${apiUrl}/v2/userinfo`, userInfo);
  return {
    remoteId: user.sub,
    email: user.email,
    emailVerified: trusted && user.email !== undefined && user.email_verified === true,
    displayName: user.name ?? fullName(user.given_name, user.family_name) ?? user.email,
    preferredUsername: undefined,
    groups: undefined,
  };
}

async function readProfile(api: UpstreamApi, apiUrl: string, trusted: boolean): Promise<UpstreamPerson> {
  const { body: user } = await api.get(`${apiUrl}/v2/me`, profile);
  const { body } = await api.get(`${apiUrl}${ADDRESSES}`, addresses);
  const email = body.elements.at(-1)?.["handle~"].emailAddress;
  if (email === undefined) throw invalidAnswer("no address was found");
  return {
    remoteId: user.id,
    email,
    emailVerified: trusted,
    displayName: fullName(user.localizedFirstName, user.localizedLastName) ?? email,
    preferredUsername: undefined,
    groups: undefined,
  };
}

function fullName(first = "", last = ""): string | undefined {
  return `${first} ${last}`.trim().slice(0, 255) || undefined;
}

function trimmed(url: string): string {
  return url.replace(/\/+$/, "");
}
