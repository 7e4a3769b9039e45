// The configuration of an `openshift` connector, in the words of dex v2.
import * as z from "zod";
import { configText } from "../connector-kind.ts";
import { endpointUrl, oauth2Members } from "../oauth2/config-members.ts";

export const openshiftConfigSchema = z.object({
  ...oauth2Members,
  /** The cluster's API server. */
  issuer: endpointUrl,
  /** Who is in none of these may not sign in. */
  groups: z.array(configText(255)).max(1000).optional(),
  /** Takes any certificate. */
  insecureCA: z.boolean().optional(),
  /** An authority that is trusted beside the system's: a path, PEM or base64 of PEM. */
  rootCA: z.string().min(1).max(262_144).optional(),
  /** The authorization server, which the cluster names, may have private addresses although its host is another one. */
  insecurePrivateEndpoints: z.boolean().optional(),
});

export type OpenshiftConfig = z.infer<typeof openshiftConfigSchema>;
