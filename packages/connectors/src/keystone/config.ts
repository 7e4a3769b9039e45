// The configuration of a `keystone` connector, in the words of dex v2.
import * as z from "zod";
import { configText } from "../connector-kind.ts";
import { endpointUrl, tlsMembers } from "../oauth2/config-members.ts";

export const keystoneConfigSchema = z.object({
  name: configText(100).optional(),
  keystoneHost: endpointUrl,
  /** An id, which is a UUID or the word `default`, or else a name. */
  domain: configText(255),
  /** An administrator of the same domain: reads people again for refreshes, and finds them before a password is tried. */
  keystoneUsername: configText(255).optional(),
  keystonePassword: z.string().max(1024).optional(),
  usernamePrompt: configText(64).optional(),
  /** On by default, as in dex v2: in Keystone only administrators give people addresses. */
  trustedEmailProvider: z.boolean().optional(),
  ...tlsMembers,
});
export type KeystoneConfig = z.infer<typeof keystoneConfigSchema>;

export type KeystoneDomain = { readonly id: string } | { readonly name: string };

const UUID = /^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

/** Pure. How Keystone is told the domain: dex v2's rule. */
export function toDomain(domain: string): KeystoneDomain {
  return domain === "default" || UUID.test(domain) ? { id: domain } : { name: domain };
}
