// The configuration of a `google` connector: the words of dex v2.
import * as z from "zod";
import { configText, maybeEmpty } from "../connector-kind.ts";
import { endpointUrl, oauth2Members } from "../oauth2/oauth2.ts";
import { issuerUrl } from "../oidc/config.ts";

const domain = z.string().regex(/^[A-Za-z0-9.-]{1,253}$/, "expected a domain");
const address = z
  .string()
  .max(254)
  .regex(/^[^\s@]+@[A-Za-z0-9.-]+$/, "expected an address");

export const googleConfigSchema = z
  .object({
    ...oauth2Members,
    scopes: z
      .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, "expected a scope token (RFC 6749 §3.3)"))
      .max(32)
      .optional(),
    /** Who belongs to none of these organisations may not sign in. */
    hostedDomains: z.array(domain).max(100).optional(),
    /** Who is in none of these groups may not sign in; as the groups' addresses. */
    groups: z.array(configText(255)).max(1000).optional(),
    /** The key of a service account that may read the directory, in Google's JSON. */
    serviceAccountFilePath: maybeEmpty(configText(4096)),
    /** In whose name the directory of a domain is read; `*` for domains that are not named. */
    domainToAdminEmail: z.record(z.union([domain, z.literal("*")]), address).optional(),
    /** The older word for the one of `*`. */
    adminEmail: maybeEmpty(address),
    fetchTransitiveGroupMembership: z.boolean().optional(),
    /** Sent where the client asks for offline access: `consent` when absent, nothing when empty. */
    promptType: z
      .string()
      .regex(/^(?:(?:consent|select_account)(?: (?!$)|$))*$/, "expected consent, select_account or nothing")
      .max(64)
      .nullish(),
    /** What becomes preferred_username: Google has no such thing. */
    preferredUsernameField: z.enum(["", "email", "emailLocalPart"]).optional(),
    /** On by default: Google says itself which addresses are verified. */
    trustedEmailProvider: z.boolean().optional(),
    /** Clients beside our own whose tokens are taken as subject tokens (RFC 8693). */
    subjectTokenAudiences: z.array(configText(512)).max(50).optional(),
    /** Other addresses than Google's, for tests. */
    issuer: issuerUrl.optional(),
    directoryURL: endpointUrl.optional(),
  })
  .superRefine((config, context) => {
    const refuse = (member: string, message: string) => context.addIssue({ code: "custom", path: [member], message });
    const admins = Object.keys(toAdmins(config)).length;
    if (config.serviceAccountFilePath !== undefined && admins === 0) {
      refuse("domainToAdminEmail", "expected in whose name the service account reads the directory");
    }
    if (config.serviceAccountFilePath === undefined && admins > 0) {
      // dex v2 took the key that the machine has. A directory that is not read must not go unnoticed.
      refuse("serviceAccountFilePath", "expected the key of a service account; the machine's own is not used");
    }
    // dex v2 let everybody in then.
    if (config.groups?.length && config.serviceAccountFilePath === undefined) {
      refuse("groups", "needs serviceAccountFilePath: without a directory they would keep nobody out");
    }
  });

export type GoogleConfig = z.infer<typeof googleConfigSchema>;

/** Address of the administrator by domain in lower case, `*` among them. */
export function toAdmins({
  domainToAdminEmail = {},
  adminEmail,
}: {
  readonly domainToAdminEmail?: Readonly<Record<string, string>> | undefined;
  readonly adminEmail?: string | undefined;
}): Readonly<Record<string, string>> {
  const admins = Object.entries(domainToAdminEmail).map(([name, email]) => [name.toLowerCase(), email]);
  return Object.fromEntries([...admins, ...(adminEmail ? [["*", adminEmail]] : [])]);
}

/** Pure. In whose name the directory of a person is read. Of an address with several @ the last one counts (ACC-14). */
export function findAdmin(admins: Readonly<Record<string, string>>, email: string): string | undefined {
  const at = email.lastIndexOf("@");
  const name = at < 0 ? "*" : email.slice(at + 1).toLowerCase();
  return Object.hasOwn(admins, name) ? admins[name] : admins["*"];
}
