import { type FakeOAuth2Options, type FakeOAuth2Server, startFakeOAuth2Server } from "./fake-oauth2-server.ts";

export interface FakeUaaPerson {
  readonly user_id: string;
  readonly user_name: string;
  readonly name?: string;
  readonly email?: string;
  readonly email_verified?: boolean;
}

/** Cloud Foundry's UAA as far as signing in goes, below the path /uaa. It sends an ID token that nobody asked for. */
export function startFakeUaa(options: FakeOAuth2Options<FakeUaaPerson>): Promise<FakeOAuth2Server<FakeUaaPerson>> {
  return startFakeOAuth2Server(options, {
    authorizationPath: "/uaa/oauth/authorize",
    tokenPath: "/uaa/oauth/token",
    clientAuthentication: "client_secret_post",
    redirectUri: "sent",
    scopes: ["openid"],
    authorizationParameters: ["prompt", "login_hint"],
    tokenFormat: "json",
    errorsAsSuccess: false,
    accessTokenSeconds: 43_200,
    refreshTokens: { rotate: false },
    hintOf: (parameters) => parameters.login_hint,
    isHinted: ({ user_name }, hint) => user_name === hint,
    apiHeaders: { accept: "application/json" },
    api: [{ path: /^\/uaa\/userinfo$/, scope: "openid", answer: ({ person }) => ({ status: 200, body: person }) }],
  });
}
