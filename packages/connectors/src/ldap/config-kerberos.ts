// The `kerberos` member of an LDAP configuration, in the words of dex v2.
import * as z from "zod";
import { configText } from "../connector-kind.ts";
import type { KerberosSettings } from "./settings.ts";

/** What libkrb5 and dex v2 take when nothing is said. */
const DEFAULT_CLOCK_SKEW_SECONDS = 300;

/** Strict: a member that keeps somebody out must not be lost by a slip of the pen. */
export const kerberosSchema = z
  .strictObject({
    enabled: z.boolean().optional(),
    keytabPath: z.string().max(4096).optional(),
    spn: configText(255).optional(),
    keytabPrincipal: configText(255).optional(),
    maxClockSkew: z.int().min(0).max(86_400).optional(),
    expectedRealm: configText(255).optional(),
    usernameFromPrincipal: z.enum(["localpart", "sAMAccountName", "userPrincipalName"]).optional(),
    fallbackToPassword: z.boolean().optional(),
  })
  .superRefine(({ enabled, maxClockSkew = 0 }, context) => {
    // The system's library reads it from its own configuration. A stricter wish must not be lost; a wider one may be.
    if (enabled && maxClockSkew > 0 && maxClockSkew < DEFAULT_CLOCK_SKEW_SECONDS) {
      context.addIssue({ code: "custom", path: ["maxClockSkew"], message: "set clockskew in krb5.conf instead" });
    }
  });

export function toKerberosSettings(config: z.infer<typeof kerberosSchema> | undefined): {
  readonly settings: KerberosSettings | undefined;
  readonly warnings: readonly string[];
} {
  if (!config?.enabled) return { settings: undefined, warnings: [] };
  const { keytabPath, spn, keytabPrincipal, maxClockSkew = 0, usernameFromPrincipal, fallbackToPassword } = config;
  if (!keytabPath) return { settings: undefined, warnings: ["kerberos is off: keytabPath is not set"] };
  return {
    settings: {
      keytabPath,
      servicePrincipal: spn ?? keytabPrincipal,
      expectedRealm: config.expectedRealm,
      usernameOf: usernameFromPrincipal === "userPrincipalName" ? withRealm : localPart,
      fallbackToPassword: fallbackToPassword ?? false,
    },
    warnings: maxClockSkew > DEFAULT_CLOCK_SKEW_SECONDS ? ["kerberos.maxClockSkew: clockskew of krb5.conf counts"] : [],
  };
}

type Principal = Parameters<KerberosSettings["usernameOf"]>[0];

/** An enterprise name holds an address of its own, which is not the realm. */
function localPart({ name }: Principal): string {
  return name.split("@")[0] ?? "";
}

function withRealm(principal: Principal): string {
  const local = localPart(principal);
  return principal.realm === "" ? local : `${local}@${principal.realm}`;
}
