import { type FakeOAuth2Options, must } from "./fake-oauth2-dialect.ts";
import { type FakeOAuth2Server, startFakeOAuth2Server } from "./fake-oauth2-server.ts";

export interface FakeGiteaPerson {
  readonly id: number;
  readonly login: string;
  readonly full_name?: string;
  readonly email?: string;
  readonly emails?: readonly { email: string; verified: boolean; primary: boolean }[];
  readonly teams?: readonly { org: string; name: string }[];
}

/** An administrator's, smaller than what clients ask for: every list has several pages. */
const PAGE = 2;
const LARGEST_LIMIT = 50;
export const FAKE_GITEA_TOKEN_SECONDS = 3600;

/** Gitea as far as signing in goes. It takes no `scope`; access tokens live for an hour, refresh tokens for one use. */
export function startFakeGitea(
  options: FakeOAuth2Options<FakeGiteaPerson>,
): Promise<FakeOAuth2Server<FakeGiteaPerson>> {
  return startFakeOAuth2Server(options, {
    authorizationPath: "/login/oauth/authorize",
    tokenPath: "/login/oauth/access_token",
    clientAuthentication: "either",
    redirectUri: "sent",
    scopes: [""],
    authorizationParameters: [],
    tokenFormat: "json",
    errorsAsSuccess: false,
    accessTokenSeconds: FAKE_GITEA_TOKEN_SECONDS,
    refreshTokens: { rotate: true },
    unauthorized: { status: 401, body: { message: "user does not exist", url: "/api/swagger" } },
    hintOf: () => undefined,
    isHinted: () => false,
    apiHeaders: { accept: "application/json" },
    api: [
      {
        path: /^\/api\/v1\/user$/,
        answer({ person: { id, login, full_name = "", email = "" } }) {
          return { status: 200, body: { id, login, full_name, email, is_admin: false, username: login } };
        },
      },
      {
        path: /^\/api\/v1\/user\/emails$/,
        answer: ({ person: { emails = [] } }) => ({ status: 200, body: emails }),
      },
      {
        path: /^\/api\/v1\/user\/teams$/,
        parameters: ["page", "limit"],
        answer({ person: { teams = [] }, parameters }) {
          const [page, limit] = [Number(parameters.page), Number(parameters.limit)];
          must(Number.isInteger(page) && page >= 1, "teams: page is no number");
          must(Number.isInteger(limit) && limit >= 1 && limit <= LARGEST_LIMIT, "teams: limit is no number");
          const shown = teams.slice((page - 1) * PAGE, page * PAGE);
          const body = shown.map(({ org, name }, index) => ({ id: index + 1, name, organization: { username: org } }));
          return { status: 200, body, headers: { "x-total-count": String(teams.length) } };
        },
      },
    ],
  });
}
