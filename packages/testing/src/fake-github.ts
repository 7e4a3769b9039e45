import {
  type FakeOAuth2Options,
  type FakeOAuth2Server,
  pageByLink,
  startFakeOAuth2Server,
} from "./fake-oauth2-server.ts";

export interface FakeGithubTeam {
  readonly org: string;
  readonly name: string;
  readonly slug: string;
}

export interface FakeGithubPerson {
  readonly id: number;
  readonly login: string;
  readonly name?: string | null;
  /** What the profile shows; null for who hides it. */
  readonly email?: string | null;
  readonly emails?: readonly { email: string; verified: boolean; primary: boolean }[];
  /** Organisations the person is in. */
  readonly orgs?: readonly string[];
  /** Organisations whose list of members answers with a redirect to the public one. */
  readonly redirected?: readonly string[];
  /** The list of teams names its next page, but not its last one. */
  readonly nextLinkAlone?: boolean;
  readonly teams?: readonly FakeGithubTeam[];
}

/** Teams and addresses on a page: small, so that every list has several. */
const PAGE = 2;
const ACCESS_TOKEN_SECONDS = 8 * 3600;

export interface FakeGithubOptions extends FakeOAuth2Options<FakeGithubPerson> {
  readonly pageSize?: number;
  /** An OAuth app's tokens do not end, and there is nothing to renew them with; a GitHub app's do, and there is. */
  readonly app?: "OAuth app" | "GitHub app";
}

/** GitHub as far as signing in goes. Its API is below /api, so that a client which mixes up the two hosts is found. */
export function startFakeGithub({
  pageSize = PAGE,
  app = "OAuth app",
  ...options
}: FakeGithubOptions): Promise<FakeOAuth2Server<FakeGithubPerson>> {
  const isMember = ({ orgs = [] }: FakeGithubPerson, org: string) => orgs.some((one) => one === org);
  return startFakeOAuth2Server(options, {
    authorizationPath: "/login/oauth/authorize",
    tokenPath: "/login/oauth/access_token",
    clientAuthentication: "client_secret_post",
    redirectUri: "sent",
    scopes: ["user:email", "user:email read:org"],
    authorizationParameters: ["login", "prompt"],
    tokenFormat: "form unless asked",
    errorsAsSuccess: true,
    wrongCode: "bad_verification_code",
    ...(app === "OAuth app" ? {} : { accessTokenSeconds: ACCESS_TOKEN_SECONDS, refreshTokens: { rotate: true } }),
    hintOf: ({ login }) => login,
    isHinted: ({ login }, hint) => login === hint,
    apiHeaders: { "x-github-api-version": "2022-11-28", accept: "application/vnd.github+json" },
    api: [
      {
        path: /^\/api\/user$/,
        answer: ({ person: { id, login, name = null, email = null } }) => ({
          status: 200,
          body: { id, login, name, email, type: "User" },
        }),
      },
      {
        path: /^\/api\/user\/emails$/,
        scope: "user:email",
        parameters: ["per_page", "page"],
        answer: (call) => pageByLink(call, "/api/user/emails", call.person.emails ?? [], pageSize),
      },
      {
        path: /^\/api\/user\/teams$/,
        scope: "read:org",
        parameters: ["per_page", "page"],
        answer(call) {
          const teams = (call.person.teams ?? []).map(({ org, ...team }) => ({
            ...team,
            organization: { login: org },
          }));
          const page = pageByLink(call, "/api/user/teams", teams, pageSize);
          const link = page.headers?.link;
          if (!call.person.nextLinkAlone || link === undefined) return page;
          return { ...page, headers: { link: link.replace(/, .*$/, "") } };
        },
      },
      {
        path: /^\/api\/user\/orgs$/,
        scope: "read:org",
        parameters: ["per_page", "page"],
        answer(call) {
          const orgs = (call.person.orgs ?? []).map((login) => ({ login }));
          return pageByLink(call, "/api/user/orgs", orgs, pageSize);
        },
      },
      {
        path: /^\/api\/orgs\/([^/]+)\/members\/([^/]+)$/,
        scope: "read:org",
        answer({ person, match: [, org = "", login], url }) {
          if (person.redirected?.includes(org)) {
            return { status: 302, headers: { location: `${url}/api/orgs/${org}/public_members/${login}` } };
          }
          return { status: login === person.login && isMember(person, org) ? 204 : 404 };
        },
      },
      {
        path: /^\/api\/orgs\/([^/]+)\/public_members\/([^/]+)$/,
        answer: ({ person, match: [, org = "", login] }) => ({
          status: login === person.login && isMember(person, org) ? 204 : 404,
        }),
      },
    ],
  });
}
