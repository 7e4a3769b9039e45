// Gitea, gitea.com or an instance of one's own: the person, the addresses, and the teams that may let somebody in.
import * as z from "zod";
import type { MappingTrace } from "../connector-kind.ts";
import { notPermitted } from "../login-refused.ts";
import { makeOAuth2Kind, readTls, type UpstreamPerson } from "../oauth2/oauth2.ts";
import type { UpstreamApi } from "../oauth2/upstream-api.ts";
import { requiredText, upstreamEmail, upstreamText } from "../upstream-text.ts";
import { type GiteaConfig, giteaConfigSchema } from "./config.ts";

/** As many as a server gives that its administrator has not changed. */
const PER_PAGE = 50;
const userSchema = z.object({
  id: z.int().positive(),
  login: requiredText(),
  full_name: upstreamText(),
  email: upstreamEmail(),
});
const emailsSchema = z
  .array(z.object({ email: requiredText(254), verified: z.boolean(), primary: z.boolean() }))
  .max(200);
const teamsSchema = z
  .array(z.object({ name: requiredText(), organization: z.object({ username: requiredText() }) }))
  .max(PER_PAGE);
type Team = z.infer<typeof teamsSchema>[number];

export const giteaKind = makeOAuth2Kind({
  type: "gitea",
  title: "Gitea",
  capabilities: { refresh: "yes", groups: "if `orgs` or `loadAllGroups` is set", preferredUsername: "yes" },
  schema: giteaConfigSchema,
  secretAudience: ["baseURL"],
  toProvider(config, { trace }) {
    const site = (config.baseURL ?? "https://gitea.com").replace(/\/+$/, "");
    return {
      authorizationEndpoint: `${site}/login/oauth/authorize`,
      tokenEndpoint: `${site}/login/oauth/access_token`,
      apiUrl: site,
      // Without the parameter Gitea gives what the API needs, in versions that know scopes and in those that do not.
      scopes: [],
      clientAuthentication: "client_secret_basic",
      refresh: "token",
      ...readTls(config),
      readPerson: (api) => readPerson(api, `${site}/api/v1`, config, trace),
    };
  },
});

async function readPerson(
  api: UpstreamApi,
  apiUrl: string,
  config: GiteaConfig,
  trace: ((event: MappingTrace) => void) | undefined,
): Promise<UpstreamPerson> {
  const { body: user } = await api.get(`${apiUrl}/user`, userSchema);
  // The profile does not say whether its address was verified; the list does.
  const { body: addresses } = await api.get(`${apiUrl}/user/emails`, emailsSchema);
  const address = addresses.find(({ primary }) => primary);
  const { orgs = [], loadAllGroups = false, trustedEmailProvider = true } = config;
  const teams = orgs.length > 0 || loadAllGroups ? await readTeams(api, apiUrl) : undefined;
  const all = teams === undefined ? undefined : toGroups(teams);
  const groups = all === undefined || orgs.length === 0 ? all : permittedGroups(all, orgs);
  if (groups !== all) trace?.({ kind: "rule", rule: "orgs", before: all, after: groups });
  return {
    remoteId: config.insecureUseLoginAsID ? user.login : String(user.id),
    email: address?.email ?? user.email,
    emailVerified: trustedEmailProvider && address?.verified === true,
    displayName: user.full_name ?? address?.email ?? user.email,
    preferredUsername: user.login,
    groups,
  };
}

async function readTeams(api: UpstreamApi, apiUrl: string): Promise<readonly Team[]> {
  const page = (number: number) => `${apiUrl}/user/teams?page=${number}&limit=${PER_PAGE}`;
  let number = 1;
  const pages = await api.pages(page(number), teamsSchema, ({ body }) => {
    number += 1;
    // An administrator may have made pages smaller than we ask for: only an empty one is the last.
    return body.length === 0 ? undefined : page(number);
  });
  return pages.flat();
}

/** Pure. `org` and `org:team` for each team, once each. */
export function toGroups(teams: readonly Team[]): readonly string[] {
  const both = teams.flatMap(({ name, organization: { username } }) => [username, `${username}:${name}`]);
  return [...new Set(both)];
}

/**
 * Pure. The groups that let the person in. Throws LoginRefused when there are none. In dex v2 the teams of an organisation kept
 * nobody out, since its bare name was enough.
 */
export function permittedGroups(all: readonly string[], orgs: NonNullable<GiteaConfig["orgs"]>): readonly string[] {
  const has = new Set(all);
  const kept = orgs.flatMap(({ name, teams = [] }) => {
    const mine = teams.map((team) => `${name}:${team}`).filter((group) => has.has(group));
    return has.has(name) && (teams.length === 0 || mine.length > 0) ? [name, ...mine] : [];
  });
  if (kept.length === 0) throw notPermitted("in none of the configured organisations and teams");
  return [...new Set(kept)];
}
