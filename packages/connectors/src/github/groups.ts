// Organisations and teams at GitHub: who may sign in, and which groups they have. Groups are `Org` and `Org:Team`.
import * as z from "zod";
import type { AskedOfUpstream } from "../connector.ts";
import { invalidAnswer, notPermitted } from "../login-refused.ts";
import { nextLink, type UpstreamApi } from "../oauth2/upstream-api.ts";
import { requiredText } from "../upstream-text.ts";
import type { GithubConfig } from "./config.ts";

const teamsSchema = z
  .array(z.object({ name: requiredText(), slug: requiredText(), organization: z.object({ login: requiredText() }) }))
  .max(200);
const orgsSchema = z.array(z.object({ login: requiredText() })).max(200);
type Team = z.infer<typeof teamsSchema>[number];

/** Whether the scope that shows memberships is needed: to know who may sign in, or because the client asks for groups. */
export function needsOrganisations(config: GithubConfig, asked: AskedOfUpstream): boolean {
  const { org, orgs = [], loadAllGroups = false } = config;
  return org !== undefined || orgs.length > 0 || (loadAllGroups && asked.groups);
}

/**
 * The person's groups; undefined where neither the configuration nor the client asks for any. Throws LoginRefused for who
 * is in none of the configured organisations, or in one but in none of the teams that it is narrowed to.
 */
export async function readGroups(
  { api, apiUrl, login }: { readonly api: UpstreamApi; readonly apiUrl: string; readonly login: string },
  config: GithubConfig,
  asked: AskedOfUpstream,
): Promise<readonly string[] | undefined> {
  if (!needsOrganisations(config, asked)) return undefined;
  const names = (team: Team) => teamNames(team, config.teamNameField);
  const teams = async () => (await api.pages(`${apiUrl}/user/teams?per_page=100`, teamsSchema, nextLink)).flat();
  const isMember = (org: string) => isMemberOf(api, apiUrl, org, login);
  if (config.org !== undefined) {
    const { org } = config;
    // dex v2 let everybody in here: an organisation that keeps nobody out is a trap.
    if (!(await isMember(org))) throw notPermitted("not in the configured organisation");
    return (await teams()).filter(({ organization }) => sameName(organization.login, org)).flatMap(names);
  }
  const { orgs = [] } = config;
  if (orgs.length === 0) return allGroups(api, apiUrl, await teams(), names);
  const mine = [];
  for (const one of orgs) if (await isMember(one.name)) mine.push(one);
  const all = mine.length > 0 ? await teams() : [];
  const allowed = mine.map(({ name, teams: only }) => {
    const found = all.filter(({ organization }) => sameName(organization.login, name)).flatMap(names);
    const kept = only === undefined || only.length === 0 ? found : found.filter((team) => only.includes(team));
    return {
      entered: kept.length > 0 || only === undefined || only.length === 0,
      groups: kept.map((team) => `${name}:${team}`),
    };
  });
  if (!allowed.some(({ entered }) => entered)) throw notPermitted("in none of the configured organisations and teams");
  return allowed.flatMap(({ groups }) => groups);
}

async function allGroups(api: UpstreamApi, apiUrl: string, teams: readonly Team[], names: (team: Team) => string[]) {
  const pages = await api.pages(`${apiUrl}/user/orgs?per_page=100`, orgsSchema, nextLink);
  return pages.flat().flatMap(({ login: org }) => [
    org,
    ...teams
      .filter(({ organization }) => sameName(organization.login, org))
      .flatMap(names)
      .map((team) => `${org}:${team}`),
  ]);
}

function teamNames({ name, slug }: Team, field: GithubConfig["teamNameField"]): string[] {
  if (field === "both") return [name, slug];
  return [field === "slug" ? slug : name];
}

async function isMemberOf(api: UpstreamApi, apiUrl: string, org: string, login: string): Promise<boolean> {
  const path = `${encodeURIComponent(org)}/members/${encodeURIComponent(login)}`;
  const status = await api.status(`${apiUrl}/orgs/${path}`);
  // GitHub sends those who may not see members to the list of public ones. No redirect is followed; we know the place.
  const final =
    status === 302 ? await api.status(`${apiUrl}/orgs/${path.replace("/members/", "/public_members/")}`) : status;
  if (final === 204) return true;
  if (final === 404 || final === 302) return false;
  throw invalidAnswer(`membership: status ${final}`);
}

/** GitHub's names are of one kind whatever their case. */
function sameName(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}
