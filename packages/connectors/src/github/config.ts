// The configuration of a `github` connector: the words of dex v1, which are clientID and clientSecret, and of dex v2.
import * as z from "zod";
import { configText } from "../connector-kind.ts";
import { endpointUrl, oauth2Members } from "../oauth2/oauth2.ts";

/** GitHub's logins and organisation names. They stand in paths. */
const githubName = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98})$/, "expected a GitHub name");

export const githubConfigSchema = z
  .object({
    ...oauth2Members,
    /** One organisation, in the older words of dex v2: its teams come without the organisation's name. */
    org: githubName.optional(),
    orgs: z
      .array(z.strictObject({ name: githubName, teams: z.array(configText(255)).max(100).optional() }))
      .max(100)
      .optional(),
    /** Host of a GitHub Enterprise server. */
    hostName: z
      .string()
      .regex(/^[A-Za-z0-9.-]{1,253}(:\d{1,5})?$/, "expected a host without scheme and path")
      .optional(),
    rootCA: z.string().min(1).max(262_144).optional(),
    teamNameField: z.enum(["name", "slug", "both", ""]).optional(),
    loadAllGroups: z.boolean().optional(),
    useLoginAsID: z.boolean().optional(),
    insecureUseLoginAsID: z.boolean().optional(),
    preferredEmailDomain: z
      .string()
      .regex(/^(?:[A-Za-z0-9-]+|\*)(?:\.(?:[A-Za-z0-9-]+|\*))*$/, "expected a domain, with * for a whole label")
      .refine((domain) => !domain.endsWith("*"), "must not end in *")
      .optional(),
    /** On by default: GitHub says itself which addresses are verified. */
    trustedEmailProvider: z.boolean().optional(),
    /** Other addresses than GitHub's own, for tests and for servers behind a proxy. */
    baseURL: endpointUrl.optional(),
    apiURL: endpointUrl.optional(),
  })
  .superRefine((config, context) => {
    const refuse = (member: string, message: string) => context.addIssue({ code: "custom", path: [member], message });
    if (config.org !== undefined && config.orgs !== undefined) refuse("org", "must not be given beside orgs");
    if (config.rootCA !== undefined && config.hostName === undefined) refuse("rootCA", "needs hostName");
    if (config.useLoginAsID && !config.insecureUseLoginAsID) {
      // ACC-14
      refuse("useLoginAsID", "a login given up is free for somebody else; insecureUseLoginAsID accepts that");
    }
  });

export type GithubConfig = z.infer<typeof githubConfigSchema>;

export interface GithubServer {
  readonly site: string;
  readonly api: string;
  /** Enterprise servers vouch for every address, verified or not: their administrator gave it. */
  readonly enterprise: boolean;
}

/** Where the server is. */
export function githubServer({ hostName, baseURL, apiURL }: GithubConfig): GithubServer {
  const site = hostName === undefined ? "https://github.com" : `https://${hostName}`;
  const api = hostName === undefined ? "https://api.github.com" : `https://${hostName}/api/v3`;
  const trim = (url: string) => url.replace(/\/+$/, "");
  return { site: trim(baseURL ?? site), api: trim(apiURL ?? api), enterprise: hostName !== undefined };
}
