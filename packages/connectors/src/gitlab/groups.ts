// Groups at GitLab, and the person's role in each: which of them there are, and which let the person in.
import type { Logger } from "@dex/runtime";
import * as z from "zod";
import type { ConnectorParts } from "../connector-kind.ts";
import { notPermitted } from "../login-refused.ts";
import { type ApiAnswer, StatusRefused, type UpstreamApi } from "../oauth2/upstream-api.ts";
import { requiredText } from "../upstream-text.ts";
import { type GitlabConfig, needsGroups } from "./config.ts";
import { type RoleClaims, roleByLevel, roleFromClaims } from "./roles.ts";

const PER_PAGE = 100;
/** Roles are asked for one group at a time: not for more groups than this, and by few at once. */
const MAX_ROLE_LOOKUPS = 200;
const ROLE_LOOKUPS_AT_ONCE = 4;

const paths = z
  .array(requiredText(512))
  .max(10_000)
  .nullish()
  .transform((list) => list ?? []);
const userInfoSchema = z.object({
  groups: paths,
  "https://gitlab.org/claims/groups/owner": paths,
  "https://gitlab.org/claims/groups/maintainer": paths,
  "https://gitlab.org/claims/groups/developer": paths,
});
const pageSchema = z
  .array(z.object({ id: z.int().positive(), full_path: requiredText(512).optional(), path: requiredText(512) }))
  .max(PER_PAGE);
const memberSchema = z.object({ access_level: z.int() });

interface Group {
  readonly path: string;
  /** Of groups from the API alone. */
  readonly id: number | undefined;
}

export interface GroupsWanted {
  readonly site: string;
  readonly userId: number;
  readonly config: GitlabConfig;
  readonly groupsAsked: boolean;
  readonly parts: Pick<ConnectorParts, "logger" | "trace">;
}

/**
 * The person's groups, then `path:role` for each with a role where the configuration wants those. Undefined where nobody
 * needs them. Throws LoginRefused for who is in none of the configured groups.
 */
export async function readGroups(api: UpstreamApi, wanted: GroupsWanted): Promise<readonly string[] | undefined> {
  const { site, config, parts } = wanted;
  if (!needsGroups(config, wanted.groupsAsked)) return undefined;
  const { getGroupsPermission = false, inheritedGroups = false, groups: allowed = [] } = config;
  const claims = getGroupsPermission || !inheritedGroups ? await readClaims(api, site) : undefined;
  const groups: readonly Group[] = inheritedGroups
    ? await readInherited(api, site)
    : (claims?.groups ?? []).map((path) => ({ path, id: undefined }));
  const names = groups.map(({ path }) => path);
  const roles = claims !== undefined && getGroupsPermission ? await readRoles(api, { ...wanted, groups, claims }) : [];
  const all = [...names, ...roles];
  if (allowed.length === 0) return all;
  const known = new Set(allowed);
  const kept = all.filter((group) => known.has(group));
  parts.trace?.({ kind: "rule", rule: "groups", before: all, after: kept });
  if (kept.length === 0) throw notPermitted("in none of the configured groups");
  return kept;
}

async function readClaims(api: UpstreamApi, site: string): Promise<RoleClaims & { groups: readonly string[] }> {
  const { body } = await api.get(`${site}/oauth/userinfo`, userInfoSchema);
  return {
    groups: body.groups,
    owner: new Set(body["https://gitlab.org/claims/groups/owner"]),
    maintainer: new Set(body["https://gitlab.org/claims/groups/maintainer"]),
    developer: new Set(body["https://gitlab.org/claims/groups/developer"]),
  };
}

async function readInherited(api: UpstreamApi, site: string): Promise<readonly Group[]> {
  const page = (number: number) =>
    `${site}/api/v4/groups?all_available=false&page=${number}&per_page=${String(PER_PAGE)}`;
  let number = 1;
  const isLast = ({ body, headers }: ApiAnswer<readonly unknown[]>) =>
    // Where GitLab says which page is next, a full one at the end needs no empty one after it.
    body.length < PER_PAGE || headers.get("x-next-page") === "";
  const pages = await api.pages(page(number), pageSchema, (answer) => {
    number += 1;
    return isLast(answer) ? undefined : page(number);
  });
  return pages.flat().map(({ id, full_path, path }) => ({ id, path: full_path ?? path }));
}

/** `path:role` of each group in which the person has one. */
async function readRoles(
  api: UpstreamApi,
  given: GroupsWanted & { readonly groups: readonly Group[]; readonly claims: RoleClaims },
): Promise<readonly string[]> {
  const { groups, claims, parts } = given;
  const known = new Map<string, string>();
  for (const { path } of groups) {
    const role = roleFromClaims(path, claims);
    if (role !== undefined) known.set(path, role);
  }
  const unknown = groups.filter(({ path, id }) => id !== undefined && !known.has(path) && matters(path, given.config));
  if (unknown.length > MAX_ROLE_LOOKUPS) warnOfCap(parts.logger, unknown.length);
  const left = unknown.slice(0, MAX_ROLE_LOOKUPS);
  const lookUp = async () => {
    for (let group = left.shift(); group !== undefined; group = left.shift()) {
      const role = await readRole(api, given, group);
      if (role !== undefined) known.set(group.path, role);
    }
  };
  await Promise.all(Array.from({ length: ROLE_LOOKUPS_AT_ONCE }, lookUp));
  return groups.flatMap(({ path }) => {
    const role = known.get(path);
    return role === undefined ? [] : [`${path}:${role}`];
  });
}

/** Where only some groups are taken, a role that cannot be among them is not asked for. */
function matters(path: string, { groups: allowed = [] }: GitlabConfig): boolean {
  return allowed.length === 0 || allowed.some((group) => group.startsWith(`${path}:`));
}

async function readRole(api: UpstreamApi, { site, userId }: GroupsWanted, group: Group): Promise<string | undefined> {
  const url = `${site}/api/v4/groups/${group.id}/members/all/${userId}`;
  try {
    const { body } = await api.get(url, memberSchema);
    return roleByLevel(body.access_level);
  } catch (error) {
    // Who may not see the members of a group has no role there that counts.
    if (error instanceof StatusRefused && (error.status === 403 || error.status === 404)) return undefined;
    throw error;
  }
}

function warnOfCap(logger: Logger, groups: number): void {
  logger.warn("gitlab roles not read in all groups", { groups, read: MAX_ROLE_LOOKUPS });
}
