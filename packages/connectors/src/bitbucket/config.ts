import * as z from "zod";
import { configText } from "../connector-kind.ts";
import { endpointUrl, oauth2Members } from "../oauth2/oauth2.ts";

/** The configuration of Bitbucket Cloud: the words of dex v1, which are the first two, and of dex v2. */
export const bitbucketConfigSchema = z.object({
  ...oauth2Members,
  /** Workspaces that may sign in, as slugs; `slug:permission` where `getWorkspacePermissions` is set. */
  teams: z.array(configText(255)).max(100).optional(),
  /** Of dex v2, where it does nothing either. */
  includeTeamGroups: z.boolean().optional(),
  getWorkspacePermissions: z.boolean().optional(),
  /** On by default: Bitbucket says itself which addresses are confirmed. */
  trustedEmailProvider: z.boolean().optional(),
  /** Other hosts than Bitbucket's own, for tests. */
  baseURL: endpointUrl.optional(),
  apiURL: endpointUrl.optional(),
});
