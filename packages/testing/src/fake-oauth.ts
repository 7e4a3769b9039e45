import {
  type FakeClientAuthenticationRule,
  type FakeOAuth2Options,
  type FakeOAuth2Server,
  startFakeOAuth2Server,
} from "./fake-oauth2-server.ts";

/** What the userinfo endpoint says, whatever it is. */
export type FakeOauthPerson = Readonly<Record<string, unknown>>;

/** A provider of OAuth 2.0 that is none of the well-known ones. `scope` is what a client must ask for. */
export function startFakeOauth(
  options: FakeOAuth2Options<FakeOauthPerson> & {
    readonly clientAuthentication?: FakeClientAuthenticationRule;
    readonly scope?: string;
    readonly tokenFormat?: "json" | "form";
  },
): Promise<FakeOAuth2Server<FakeOauthPerson>> {
  const { clientAuthentication = "either", scope = "", tokenFormat = "json", ...rest } = options;
  return startFakeOAuth2Server(rest, {
    authorizationPath: "/authorize",
    tokenPath: "/token",
    clientAuthentication,
    redirectUri: "sent",
    scopes: [scope],
    authorizationParameters: [],
    tokenFormat,
    errorsAsSuccess: false,
    accessTokenSeconds: 3600,
    refreshTokens: { rotate: true },
    hintOf: () => undefined,
    isHinted: () => false,
    apiHeaders: { accept: "application/json" },
    api: [{ path: /^\/userinfo$/, parameters: ["fields"], answer: ({ person }) => ({ status: 200, body: person }) }],
  });
}
