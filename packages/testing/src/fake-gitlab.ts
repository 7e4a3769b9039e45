import { type FakeApiAnswer, type FakeApiCall, type FakeOAuth2Options, must } from "./fake-oauth2-dialect.ts";
import { type FakeOAuth2Server, startFakeOAuth2Server } from "./fake-oauth2-server.ts";

export interface FakeGitlabGroup {
  readonly id: number;
  readonly full_path?: string;
  readonly path: string;
  /** The person's access level, or the status of who may not know it. */
  readonly level?: number | "403" | "404";
}

export interface FakeGitlabPerson {
  readonly id: number;
  readonly username: string;
  readonly name?: string | null;
  readonly email?: string | null;
  /** Undefined: confirmed. */
  readonly confirmed_at?: string | null;
  /** As the claims have them: paths of groups, and of those in which the person has a role. */
  readonly direct?: readonly string[];
  readonly roles?: Readonly<Partial<Record<"owner" | "maintainer" | "developer", readonly string[]>>>;
  /** As the groups API has them, with those that come through other groups. */
  readonly groups?: readonly FakeGitlabGroup[];
}

export interface FakeGitlab extends FakeOAuth2Server<FakeGitlabPerson> {
  /** Whom an access token was issued to, where that was another application than the one that signs people in. */
  readonly issuedTo: Map<string, string>;
}

const PER_PAGE = 100;
export const FAKE_GITLAB_TOKEN_SECONDS = 7200;

/** GitLab as far as signing in goes. Access tokens live for two hours, refresh tokens for one use. */
export async function startFakeGitlab(options: FakeOAuth2Options<FakeGitlabPerson>): Promise<FakeGitlab> {
  const issuedTo = new Map<string, string>();
  const server = await startFakeOAuth2Server(options, {
    authorizationPath: "/oauth/authorize",
    tokenPath: "/oauth/token",
    clientAuthentication: "either",
    redirectUri: "sent",
    scopes: ["read_user", "read_user openid", "read_user openid read_api"],
    authorizationParameters: [],
    tokenFormat: "json",
    errorsAsSuccess: false,
    accessTokenSeconds: FAKE_GITLAB_TOKEN_SECONDS,
    refreshTokens: { rotate: true },
    unauthorized: { status: 401, body: { error: "invalid_token", error_description: "Token was revoked." } },
    hintOf: () => undefined,
    isHinted: () => false,
    apiHeaders: { accept: "application/json" },
    api: [
      {
        path: /^\/api\/v4\/user$/,
        scope: "read_user",
        answer({ person: { id, username, name, email, confirmed_at = "2020-01-02T03:04:05.000Z" } }) {
          return { status: 200, body: { id, username, name, email, confirmed_at, state: "active" } };
        },
      },
      { path: /^\/oauth\/userinfo$/, scope: "openid", answer: ({ person }) => userInfo(person) },
      {
        path: /^\/oauth\/token\/info$/,
        answer({ person, scopes, accessToken }) {
          const uid = issuedTo.get(accessToken) ?? options.clientId;
          const body = { resource_owner_id: person.id, scope: scopes, expires_in: 7000, application: { uid } };
          return { status: 200, body };
        },
      },
      {
        path: /^\/api\/v4\/groups$/,
        scope: "read_api",
        parameters: ["all_available", "page", "per_page"],
        answer: groupsPage,
      },
      {
        path: /^\/api\/v4\/groups\/(\d+)\/members\/all\/(\d+)$/,
        scope: "read_api",
        answer({ person, match: [, group = "", user] }) {
          must(user === String(person.id), "membership of somebody else");
          const level = person.groups?.find(({ id }) => String(id) === group)?.level ?? "404";
          return typeof level === "number"
            ? { status: 200, body: { id: person.id, access_level: level } }
            : { status: Number(level), body: { message: `${level} Not allowed` } };
        },
      },
    ],
  });
  return Object.assign(server, { issuedTo });
}

function userInfo({ id, username, direct = [], roles = {} }: FakeGitlabPerson): FakeApiAnswer {
  const claims = Object.entries(roles).map(([role, paths]) => [`https://gitlab.org/claims/groups/${role}`, paths]);
  const body = { sub: String(id), nickname: username, groups: direct, ...Object.fromEntries(claims) };
  return { status: 200, body };
}

function groupsPage({ person, parameters }: FakeApiCall<FakeGitlabPerson>): FakeApiAnswer {
  must(parameters.all_available === "false", "groups: all_available is not false");
  must(parameters.per_page === String(PER_PAGE), "groups: another per_page");
  const page = Number(parameters.page);
  must(Number.isInteger(page) && page >= 1, "groups: page is no number");
  const { groups = [] } = person;
  const shown = groups.slice((page - 1) * PER_PAGE, page * PER_PAGE);
  const next = page * PER_PAGE < groups.length ? String(page + 1) : "";
  return {
    status: 200,
    body: shown.map(({ level: _, ...group }) => ({ ...group, visibility: "private" })),
    headers: { "x-page": String(page), "x-per-page": String(PER_PAGE), "x-next-page": next },
  };
}
