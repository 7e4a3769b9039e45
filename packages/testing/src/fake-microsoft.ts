import { type FakeOAuth2Options, type FakeOAuth2Server, startFakeOAuth2Server } from "./fake-oauth2-server.ts";

export interface FakeMicrosoftPerson {
  readonly id: string;
  readonly displayName?: string | null;
  readonly userPrincipalName?: string | null;
  readonly mailNickname?: string | null;
  readonly onPremisesSamAccountName?: string | null;
  readonly groups?: readonly { readonly id: string; readonly displayName: string; readonly security?: boolean }[];
  /** The next page of every list of groups, in place of the real one. */
  readonly nextLink?: string;
}

export interface FakeMicrosoftOptions extends FakeOAuth2Options<FakeMicrosoftPerson> {
  /** The only one that has tokens. */
  readonly tenant: string;
  /** Groups on a page. */
  readonly pageSize?: number;
  /** What a client must present in place of a secret; the answer may change from call to call. */
  readonly assertion?: () => string;
}

const SELECT = "id,displayName,userPrincipalName,mailNickname,onPremisesSamAccountName";
/** What getByIds takes at once. */
const MAX_IDS = 1000;
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** Microsoft's identity platform, and Graph below /graph, as far as signing in goes. */
export function startFakeMicrosoft(options: FakeMicrosoftOptions): Promise<FakeOAuth2Server<FakeMicrosoftPerson>> {
  const { tenant, pageSize = 2, assertion } = options;
  const graphError = (status: number, code: string, message: string) => ({
    status,
    body: { error: { code, message, innerError: { "request-id": "0f1e" } } },
  });
  const all = (person: FakeMicrosoftPerson) => person.groups ?? [];
  return startFakeOAuth2Server(options, {
    authorizationPath: `/${tenant}/oauth2/v2.0/authorize`,
    tokenPath: `/${tenant}/oauth2/v2.0/token`,
    clientAuthentication:
      assertion === undefined
        ? "client_secret_post"
        : (form) =>
            form.client_assertion === assertion() &&
            form.client_assertion_type === ASSERTION_TYPE &&
            form.client_secret === undefined,
    redirectUri: "sent",
    scopes: ["", " directory.read.all"].flatMap((groups) =>
      ["", " offline_access"].map((offline) => `user.read${groups}${offline}`),
    ),
    authorizationParameters: ["prompt", "domain_hint", "login_hint"],
    tokenFormat: "json",
    errorsAsSuccess: false,
    accessTokenSeconds: 3600,
    refreshTokens: { rotate: true, scope: "offline_access" },
    unauthorized: graphError(401, "InvalidAuthenticationToken", "Access token validation failure."),
    hintOf: ({ login_hint }) => login_hint,
    isHinted: ({ userPrincipalName }, hint) => userPrincipalName === hint,
    apiHeaders: { accept: "application/json" },
    api: [
      {
        path: /^\/graph\/v1\.0\/me$/,
        parameters: ["$select"],
        scope: "user.read",
        answer({ person: { groups: _, nextLink: __, ...person }, parameters }) {
          if (parameters.$select !== SELECT) return graphError(400, "BadRequest", "Parsing OData Select failed.");
          return {
            status: 200,
            body: { "@odata.context": "https://graph.example/$metadata#users/$entity", ...person },
          };
        },
      },
      {
        path: /^\/graph\/v1\.0\/me\/getMemberGroups$/,
        method: "POST",
        parameters: ["$skiptoken"],
        scope: "directory.read.all",
        answer({ person, body, parameters, url }) {
          const only = onlySecurity(body);
          if (only === undefined) return graphError(400, "Request_BadRequest", "securityEnabledOnly is missing.");
          const ids = all(person).filter(({ security = true }) => security || !only);
          const from = Number(parameters.$skiptoken ?? "0");
          const to = from + pageSize;
          const next = `${url}/graph/v1.0/me/getMemberGroups?$skiptoken=${to}`;
          const more = to < ids.length ? { "@odata.nextLink": person.nextLink ?? next } : {};
          return { status: 200, body: { ...more, value: ids.slice(from, to).map(({ id }) => id) } };
        },
      },
      {
        path: /^\/graph\/v1\.0\/directoryObjects\/getByIds$/,
        method: "POST",
        scope: "directory.read.all",
        answer({ person, body }) {
          const ids = idsOf(body);
          if (ids === undefined) return graphError(400, "Request_BadRequest", "ids or types are missing.");
          if (ids.length > MAX_IDS) {
            return graphError(400, "Directory_ResultSizeLimitExceeded", "The size of the ids exceeds the limit.");
          }
          // In an order of its own.
          const found = all(person).filter(({ id }) => ids.includes(id));
          return { status: 200, body: { value: found.map(({ id, displayName }) => ({ id, displayName })) } };
        },
      },
    ],
  });
}

function onlySecurity(body: unknown): boolean | undefined {
  if (typeof body !== "object" || body === null || Object.keys(body).join() !== "securityEnabledOnly") return undefined;
  const { securityEnabledOnly: only } = body as { securityEnabledOnly: unknown };
  return typeof only === "boolean" ? only : undefined;
}

function idsOf(body: unknown): readonly unknown[] | undefined {
  if (typeof body !== "object" || body === null || Object.keys(body).sort().join() !== "ids,types") return undefined;
  const { ids, types } = body as { ids: unknown; types: unknown };
  return Array.isArray(ids) && JSON.stringify(types) === '["group"]' ? ids : undefined;
}
