// The configuration of an `atlassian-crowd` connector, in the words of dex v2.
import * as z from "zod";
import { configText } from "../connector-kind.ts";
import { endpointUrl, tlsMembers } from "../oauth2/config-members.ts";

export const crowdConfigSchema = z.object({
  name: configText(100).optional(),
  baseURL: endpointUrl,
  /** The name and password of our application there. They go into Basic credentials, RFC 7617 §2: no colon in a name. */
  clientID: configText(512).regex(/^[^:]*$/, "must not contain a colon"),
  clientSecret: z.string().max(1024).optional(),
  /** Who is in none of these may not sign in, whether or not the client asked for groups. */
  groups: z.array(configText(255)).max(1000).optional(),
  /** `key`, `name` or `email`; dex v2 warned of any other and left the claim out. */
  preferredUsernameField: z.string().max(64).optional(),
  usernamePrompt: configText(64).optional(),
  /** On by default, as in dex v2: the directory is the operator's own. */
  trustedEmailProvider: z.boolean().optional(),
  ...tlsMembers,
});
export type CrowdConfig = z.infer<typeof crowdConfigSchema>;
