// The configuration of a `microsoft` connector: the words of dex v2.
import * as z from "zod";
import { configText, maybeEmpty } from "../connector-kind.ts";
import { endpointUrl, oauth2Members } from "../oauth2/oauth2.ts";

/** Not one organisation: accounts of any, of none, or of both. The last is the tenant that personal accounts are in. */
const MANY_TENANTS: ReadonlySet<string> = new Set([
  ...["common", "organizations", "consumers"],
  "9188040d-6c67-4c5b-b112-36a304b66dad",
]);

export const microsoftConfigSchema = z
  .object({
    ...oauth2Members,
    /** A file that holds an assertion in place of clientSecret (RFC 7523 §2.2); read for every request. */
    clientAssertion: maybeEmpty(configText(4096)),
    /** A domain or an id. It stands in a path. */
    tenant: maybeEmpty(
      z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/, "expected a tenant's id or domain"),
    ),
    onlySecurityGroups: z.boolean().optional(),
    /** Who is in none of these may not sign in. Named as `groupNameFormat` says. */
    groups: z.array(configText(255)).max(1000).optional(),
    groupNameFormat: maybeEmpty(z.enum(["id", "name"])),
    useGroupsAsWhitelist: z.boolean().optional(),
    /** On by default: without it more than 1000 groups are one request, which Graph refuses. */
    batchGroupLookups: z.boolean().optional(),
    emailToLowercase: z.boolean().optional(),
    promptType: z
      .string()
      .regex(/^(?!none$)[a-z_]{0,32}$/, "expected login, consent or select_account")
      .optional(),
    domainHint: maybeEmpty(configText(255)),
    scopes: z
      .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/, "expected a scope token (RFC 6749 §3.3)"))
      .max(32)
      .optional(),
    preferredUsernameField: z.string().max(64).optional(),
    /** On by default, where there is one tenant: its administrator decides who has which address. */
    trustedEmailProvider: z.boolean().optional(),
    apiURL: maybeEmpty(endpointUrl),
    graphURL: maybeEmpty(endpointUrl),
  })
  .superRefine((config, context) => {
    // dex v2 ignored the groups then, and let everybody in.
    if (config.groups?.length && hasManyTenants(config)) {
      const message = "needs the tenant of one organisation: groups are its own, and others would not be kept out";
      context.addIssue({ code: "custom", path: ["groups"], message });
    }
  });

export type MicrosoftConfig = z.infer<typeof microsoftConfigSchema>;

/** Whether people of more than one organisation, or of none, may come. */
export function hasManyTenants({ tenant = "common" }: Pick<MicrosoftConfig, "tenant">): boolean {
  return MANY_TENANTS.has(tenant.toLowerCase());
}
