import { type FakeOAuth2Options, type FakeOAuth2Server, startFakeOAuth2Server } from "./fake-oauth2-server.ts";

export interface FakeLinkedinPerson {
  readonly id: string;
  readonly firstName?: string;
  readonly lastName?: string;
  /** All of them, for the older API; the last is what OpenID Connect tells. */
  readonly emails?: readonly string[];
  readonly emailVerified?: unknown;
}

/** LinkedIn as far as signing in goes; its API is below /api. It takes a code_verifier for a wrong secret, as LinkedIn does. */
export function startFakeLinkedin(
  options: FakeOAuth2Options<FakeLinkedinPerson>,
): Promise<FakeOAuth2Server<FakeLinkedinPerson>> {
  return startFakeOAuth2Server(options, {
    authorizationPath: "/oauth/v2/authorization",
    tokenPath: "/oauth/v2/accessToken",
    clientAuthentication: "client_secret_post",
    pkce: "refused",
    redirectUri: "sent",
    scopes: ["openid profile email", "r_liteprofile r_emailaddress"],
    authorizationParameters: [],
    tokenFormat: "json",
    errorsAsSuccess: false,
    accessTokenSeconds: 60 * 86_400,
    unauthorized: { status: 401, body: { serviceErrorCode: 65600, message: "Invalid access token", status: 401 } },
    hintOf: () => undefined,
    isHinted: () => false,
    apiHeaders: { accept: "application/json" },
    api: [
      {
        path: /^\/api\/v2\/userinfo$/,
        scope: "openid",
        answer({ person, scopes }) {
          const { id, firstName = "", lastName = "", emails = [], emailVerified } = person;
          const email = scopes.includes("email") ? { email: emails.at(-1), email_verified: emailVerified } : {};
          const name = `${firstName} ${lastName}`.trim();
          const locale = { country: "US", language: "en" };
          return {
            status: 200,
            body: { sub: `oidc-${id}`, name, given_name: firstName, family_name: lastName, locale, ...email },
          };
        },
      },
      {
        path: /^\/api\/v2\/me$/,
        scope: "r_liteprofile",
        answer: ({ person: { id, firstName, lastName } }) => ({
          status: 200,
          body: { id, localizedFirstName: firstName, localizedLastName: lastName },
        }),
      },
      {
        path: /^\/api\/v2\/emailAddress$/,
        scope: "r_emailaddress",
        parameters: ["q", "projection"],
        answer({ person: { emails = [] }, query }) {
          if (query !== "q=members&projection=(elements*(handle~))") {
            return { status: 400, body: { message: "Invalid projection", status: 400 } };
          }
          const elements = emails.map((emailAddress, index) => ({
            handle: `urn:li:emailAddress:${index}`,
            "handle~": { emailAddress },
          }));
          return { status: 200, body: { elements } };
        },
      },
    ],
  });
}
