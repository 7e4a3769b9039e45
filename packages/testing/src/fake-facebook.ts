import { createHmac } from "node:crypto";
import { type FakeOAuth2Options, type FakeOAuth2Server, startFakeOAuth2Server } from "./fake-oauth2-server.ts";

export interface FakeFacebookPerson {
  readonly id: string;
  readonly name?: string;
  readonly email?: string;
}

const TWO_MONTHS_SECONDS = 5_184_000;
const wrongToken = { message: "Error validating access token", type: "OAuthException", code: 190 };

/** Facebook's dialog and Graph API, both of version v23.0, of an app that demands the proof of its secret. */
export function startFakeFacebook(
  options: FakeOAuth2Options<FakeFacebookPerson>,
): Promise<FakeOAuth2Server<FakeFacebookPerson>> {
  const proofOf = (token: string) => createHmac("sha256", options.clientSecret).update(token).digest("hex");
  return startFakeOAuth2Server(options, {
    authorizationPath: "/v23.0/dialog/oauth",
    tokenPath: "/v23.0/oauth/access_token",
    clientAuthentication: "client_secret_post",
    redirectUri: "sent",
    scopes: ["public_profile email"],
    authorizationParameters: ["auth_type"],
    tokenFormat: "json",
    errorsAsSuccess: false,
    accessTokenSeconds: TWO_MONTHS_SECONDS,
    unauthorized: { status: 400, body: { error: wrongToken } },
    hintOf: () => undefined,
    isHinted: () => false,
    apiHeaders: { accept: "application/json" },
    api: [
      {
        path: /^\/v23\.0\/me$/,
        scope: "public_profile",
        parameters: ["fields", "appsecret_proof"],
        answer({ person, scopes, accessToken, parameters }) {
          if (parameters.appsecret_proof !== proofOf(accessToken)) {
            return {
              status: 400,
              body: { error: { message: "Invalid appsecret_proof", type: "GraphMethodException", code: 100 } },
            };
          }
          const fields = (parameters.fields ?? "id")
            .split(",")
            .filter((name) => name !== "email" || scopes.includes(name));
          return {
            status: 200,
            body: Object.fromEntries(Object.entries(person).filter(([name]) => fields.includes(name))),
          };
        },
      },
    ],
  });
}
