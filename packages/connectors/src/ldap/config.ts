// The configuration of an `ldap` connector. dex v1 and dex v2 have different words for it; which ones were used shows by
// `userSearch`, which only v2 has.
import type { JsonObject } from "@dex/runtime";
import * as z from "zod";
import { describeIssues, knownMembers, type ParsedConfig } from "../connector-kind.ts";
import { ldapV1Schema, toV1Settings } from "./config-v1.ts";
import { ldapV2Schema, toV2Settings } from "./config-v2.ts";
import type { LdapSettings } from "./settings.ts";

export const ldapConfigSchema = z.union([ldapV2Schema, ldapV1Schema]);

/** Members that say whom the service account's password is sent to, as whom, and how well that is checked. */
export const LDAP_SECRET_AUDIENCE: readonly string[] = [
  ...["host", "insecureNoSSL", "startTLS", "insecureSkipVerify", "rootCA", "rootCAData", "bindDN"],
  ...["serverHost", "serverPort", "useTLS", "useSSL", "caFile", "searchBindDN"],
];

export function parseLdapConfig(config: JsonObject): ParsedConfig {
  const { schema, foreign } = wordsOf(config);
  if (foreign !== undefined) return refused(`${foreign}: is of dex v1, userSearch of dex v2: expected one of them`);
  const parsed = schema.safeParse(config);
  return parsed.success
    ? { kind: "config", config: knownMembers(config, schema) }
    : refused(describeIssues(parsed.error));
}

export type ParsedLdapSettings =
  | { readonly kind: "settings"; readonly settings: LdapSettings }
  | { readonly kind: "refused"; readonly reason: string };

/** Reads the files that the configuration names. */
export function openLdapSettings(config: JsonObject): ParsedLdapSettings {
  const checked = parseLdapConfig(config);
  if (checked.kind === "refused") return checked;
  try {
    const settings =
      "userSearch" in config ? toV2Settings(ldapV2Schema.parse(config)) : toV1Settings(ldapV1Schema.parse(config));
    return { kind: "settings", settings };
  } catch (error) {
    if (error instanceof Error) return refused(error.message);
    throw error;
  }
}

function wordsOf(config: JsonObject) {
  if (!("userSearch" in config)) return { schema: ldapV1Schema, foreign: undefined };
  const v1Only = Object.keys(ldapV1Schema.shape).filter((name) => !Object.hasOwn(ldapV2Schema.shape, name));
  return { schema: ldapV2Schema, foreign: v1Only.find((name) => config[name] !== undefined && name !== "timeout") };
}

function refused(reason: string): { kind: "refused"; reason: string } {
  return { kind: "refused", reason };
}
