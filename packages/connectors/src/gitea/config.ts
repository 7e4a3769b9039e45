// The configuration of a `gitea` connector, in the words of dex v2.
import * as z from "zod";
import { configText } from "../connector-kind.ts";
import { endpointUrl, oauth2Members, tlsMembers } from "../oauth2/config-members.ts";

export const giteaConfigSchema = z
  .object({
    ...oauth2Members,
    ...tlsMembers,
    baseURL: endpointUrl.optional(),
    /** Who is in none of these, or in none of the teams that one is narrowed to, may not sign in. */
    orgs: z
      .array(z.strictObject({ name: configText(255), teams: z.array(configText(255)).max(100).optional() }))
      .max(100)
      .optional(),
    loadAllGroups: z.boolean().optional(),
    useLoginAsID: z.boolean().optional(),
    insecureUseLoginAsID: z.boolean().optional(),
    /** On by default: Gitea says itself which addresses are verified. */
    trustedEmailProvider: z.boolean().optional(),
  })
  .superRefine((config, context) => {
    if (config.useLoginAsID && !config.insecureUseLoginAsID) {
      // ACC-14
      const message = "a login given up is free for somebody else; insecureUseLoginAsID accepts that";
      context.addIssue({ code: "custom", path: ["useLoginAsID"], message });
    }
  });

export type GiteaConfig = z.infer<typeof giteaConfigSchema>;
