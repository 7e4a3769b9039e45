// Groups at Microsoft Graph: which the person is in, directly or through others, and what they are called.
import * as z from "zod";
import type { MappingTrace } from "../connector-kind.ts";
import { invalidAnswer, notPermitted } from "../login-refused.ts";
import type { UpstreamApi } from "../oauth2/upstream-api.ts";
import { requiredText, upstreamText } from "../upstream-text.ts";
import type { MicrosoftConfig } from "./config.ts";

/** What getByIds takes at once. */
const MAX_IDS = 1000;
const MAX_PAGES = 50;

const memberGroups = z.object({
  value: z.array(requiredText()).max(20_000),
  "@odata.nextLink": z.string().min(1).max(8192).optional(),
});
const groupNames = z.object({ value: z.array(z.object({ displayName: upstreamText(256) })).max(20_000) });

/** All groups, named as configured. Throws LoginRefused for who is in none of those that are let in. */
export async function readGroups(
  api: UpstreamApi,
  graphUrl: string,
  config: MicrosoftConfig,
  trace: ((event: MappingTrace) => void) | undefined,
): Promise<readonly string[]> {
  const ids = await readIds(api, graphUrl, config.onlySecurityGroups ?? false);
  const all = config.groupNameFormat === "id" ? ids : await readNames(api, graphUrl, ids, config);
  const groups = decideGroups(all, config);
  if (groups === undefined) throw notPermitted("in none of the configured groups");
  if (groups !== all) trace?.({ kind: "rule", rule: "useGroupsAsWhitelist", before: all, after: groups });
  return groups;
}

/** Pure. The groups of the claim; undefined for who may not sign in. Exact and case-sensitive, duplicates stay. */
export function decideGroups(
  all: readonly string[],
  { groups: required = [], useGroupsAsWhitelist = false }: Pick<MicrosoftConfig, "groups" | "useGroupsAsWhitelist">,
): readonly string[] | undefined {
  const kept = all.filter((group) => required.includes(group));
  if (required.length > 0 && kept.length === 0) return undefined;
  return useGroupsAsWhitelist ? kept : all;
}

async function readIds(api: UpstreamApi, graphUrl: string, securityEnabledOnly: boolean): Promise<readonly string[]> {
  const seen = new Set<string>();
  const ids: string[] = [];
  for (let url: string | undefined = `${graphUrl}/v1.0/me/getMemberGroups`; url !== undefined; ) {
    if (seen.has(url) || seen.size >= MAX_PAGES) throw invalidAnswer("the list of groups does not end");
    seen.add(url);
    const { body }: { readonly body: z.infer<typeof memberGroups> } = await api.post(
      url,
      { securityEnabledOnly },
      memberGroups,
    );
    ids.push(...body.value);
    url = body["@odata.nextLink"];
  }
  return ids;
}

async function readNames(
  api: UpstreamApi,
  graphUrl: string,
  ids: readonly string[],
  { batchGroupLookups = true }: MicrosoftConfig,
): Promise<readonly string[]> {
  const size = batchGroupLookups ? MAX_IDS : Math.max(1, ids.length);
  const names: string[] = [];
  for (let from = 0; from < ids.length; from += size) {
    const asked = { ids: ids.slice(from, from + size), types: ["group"] };
    const { body } = await api.post(`${graphUrl}/v1.0/directoryObjects/getByIds`, asked, groupNames);
    names.push(...body.value.map(({ displayName }) => displayName).filter((name) => name !== undefined));
  }
  return names;
}
