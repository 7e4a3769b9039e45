// The configuration of a `gitlab` connector, in the words of dex v2.
import * as z from "zod";
import { configText } from "../connector-kind.ts";
import { endpointUrl, oauth2Members, tlsMembers } from "../oauth2/config-members.ts";

export const gitlabConfigSchema = z
  .object({
    ...oauth2Members,
    ...tlsMembers,
    baseURL: endpointUrl.optional(),
    /** Full paths, or `path:role` beside `getGroupsPermission`. Who is in none of these may not sign in. */
    groups: z.array(configText(512)).max(1000).optional(),
    useLoginAsID: z.boolean().optional(),
    insecureUseLoginAsID: z.boolean().optional(),
    getGroupsPermission: z.boolean().optional(),
    /** Groups that the person is in through another group as well. */
    inheritedGroups: z.boolean().optional(),
    /** Base64 of PEM. */
    rootCAData: z.string().max(262_144).optional(),
    /** On by default: GitLab says itself whether the address was confirmed. */
    trustedEmailProvider: z.boolean().optional(),
    /** Applications beside our own whose access tokens are taken as subject tokens. */
    tokenApplications: z.array(configText(512)).max(100).optional(),
  })
  .superRefine((config, context) => {
    const refuse = (member: string, message: string) => context.addIssue({ code: "custom", path: [member], message });
    if (config.useLoginAsID && !config.insecureUseLoginAsID) {
      // ACC-14
      refuse("useLoginAsID", "a login given up is free for somebody else; insecureUseLoginAsID accepts that");
    }
  });

export type GitlabConfig = z.infer<typeof gitlabConfigSchema>;

/** What people are asked to allow: no more than the configuration and the client's request need. */
export function gitlabScopes(config: GitlabConfig, groupsAsked: boolean): readonly string[] {
  if (!needsGroups(config, groupsAsked)) return ["read_user"];
  return ["read_user", "openid", ...(config.inheritedGroups ? ["read_api"] : [])];
}

export function needsGroups({ groups = [] }: GitlabConfig, groupsAsked: boolean): boolean {
  return groups.length > 0 || groupsAsked;
}
