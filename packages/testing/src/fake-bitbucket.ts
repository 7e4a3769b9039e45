import {
  type FakeApiAnswer,
  type FakeApiCall,
  type FakeOAuth2Options,
  type FakeOAuth2Server,
  startFakeOAuth2Server,
} from "./fake-oauth2-server.ts";

export interface FakeBitbucketPerson {
  readonly uuid: string;
  readonly username: string;
  readonly display_name?: string;
  readonly emails: readonly { email: string; is_primary: boolean; is_confirmed: boolean }[];
  /** Permission by workspace; undefined for one that is not told. */
  readonly workspaces?: Readonly<Record<string, string | undefined>>;
}

const PAGE = 2;
const ACCESS_TOKEN_SECONDS = 7200;

/** Bitbucket Cloud as far as signing in goes. */
export function startFakeBitbucket(
  options: FakeOAuth2Options<FakeBitbucketPerson>,
  redirectUri: "sent" | "registered" = "sent",
): Promise<FakeOAuth2Server<FakeBitbucketPerson>> {
  return startFakeOAuth2Server(options, {
    authorizationPath: "/site/oauth2/authorize",
    tokenPath: "/site/oauth2/access_token",
    clientAuthentication: "client_secret_basic",
    redirectUri,
    scopes: ["account email"],
    authorizationParameters: [],
    tokenFormat: "json",
    errorsAsSuccess: false,
    accessTokenSeconds: ACCESS_TOKEN_SECONDS,
    refreshTokens: { rotate: false },
    hintOf: () => undefined,
    isHinted: () => false,
    apiHeaders: { accept: "application/json" },
    api: [
      {
        path: /^\/2\.0\/user$/,
        scope: "account",
        answer: ({ person: { uuid, username, display_name } }) => ({
          status: 200,
          body: { type: "user", uuid, username, display_name },
        }),
      },
      {
        path: /^\/2\.0\/user\/emails$/,
        scope: "email",
        parameters: ["page"],
        answer: (call) => page(call, "/2.0/user/emails", call.person.emails),
      },
      {
        path: /^\/2\.0\/user\/workspaces$/,
        scope: "account",
        parameters: ["page"],
        answer(call) {
          const values = Object.keys(call.person.workspaces ?? {}).map((slug) => ({ workspace: { slug } }));
          return page(call, "/2.0/user/workspaces", values);
        },
      },
      {
        path: /^\/2\.0\/user\/workspaces\/([^/]+)\/permission$/,
        scope: "account",
        answer({ person, match: [, slug = ""] }) {
          const permission = person.workspaces?.[slug];
          return permission === undefined
            ? { status: 403, body: { type: "error" } }
            : { status: 200, body: { permission } };
        },
      },
    ],
  });
}

function page(call: FakeApiCall<unknown>, path: string, all: readonly unknown[]): FakeApiAnswer {
  const number = Number(call.parameters.page ?? "1");
  const values = all.slice((number - 1) * PAGE, number * PAGE);
  const next = number * PAGE < all.length ? { next: `${call.url}${path}?page=${number + 1}` } : {};
  return { status: 200, body: { values, page: number, ...next } };
}
