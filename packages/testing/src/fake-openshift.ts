import type { FakeOAuth2Options } from "./fake-oauth2-dialect.ts";
import { type FakeOAuth2Server, startFakeOAuth2Server } from "./fake-oauth2-server.ts";

export interface FakeOpenshiftPerson {
  /** The administrator of a new cluster has none. */
  readonly uid?: string;
  readonly name: string;
  readonly fullName?: string;
  readonly groups?: readonly string[] | null;
}

export interface FakeOpenshiftOptions extends FakeOAuth2Options<FakeOpenshiftPerson> {
  /** Replaces members of the metadata. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export const FAKE_OPENSHIFT_TOKEN_SECONDS = 86_400;

/** A cluster's API server and its authorization server, on one port. Tokens live for a day, and there are none to refresh. */
export function startFakeOpenshift(options: FakeOpenshiftOptions): Promise<FakeOAuth2Server<FakeOpenshiftPerson>> {
  return startFakeOAuth2Server(options, {
    authorizationPath: "/oauth/authorize",
    tokenPath: "/oauth/token",
    clientAuthentication: "either",
    redirectUri: "sent",
    scopes: ["user:info"],
    authorizationParameters: [],
    tokenFormat: "json",
    errorsAsSuccess: false,
    accessTokenSeconds: FAKE_OPENSHIFT_TOKEN_SECONDS,
    unauthorized: {
      status: 401,
      body: { kind: "Status", apiVersion: "v1", status: "Failure", message: "Unauthorized", code: 401 },
    },
    documents: (url) => ({
      "/.well-known/oauth-authorization-server": {
        // As clusters have it: not the API server's address.
        issuer: "https://oauth-openshift.apps.example",
        authorization_endpoint: `${url}/oauth/authorize`,
        token_endpoint: `${url}/oauth/token`,
        scopes_supported: ["user:check-access", "user:full", "user:info"],
        response_types_supported: ["code", "token"],
        grant_types_supported: ["authorization_code", "implicit"],
        code_challenge_methods_supported: ["plain", "S256"],
        ...options.metadata,
      },
    }),
    hintOf: () => undefined,
    isHinted: () => false,
    apiHeaders: { accept: "application/json" },
    api: [
      {
        path: /^\/apis\/user\.openshift\.io\/v1\/users\/~$/,
        scope: "user:info",
        answer({ person: { uid, name, fullName, groups = [] } }) {
          const metadata = { name, ...(uid === undefined ? {} : { uid }) };
          const body = { kind: "User", apiVersion: "user.openshift.io/v1", metadata, fullName, identities: [], groups };
          return { status: 200, body };
        },
      },
    ],
  });
}
