// Members that a connector of every kind may have: who may use it for what, and whose addresses it is for. The kinds never
// see them.
import type { JsonObject } from "@dex/runtime";
import * as z from "zod";
import { describeIssues, type ParsedConfig } from "./connector-kind.ts";

/** As dex v2 names them. Those that we do not offer restrict nothing here. */
const GRANT_TYPES = [
  "authorization_code",
  "refresh_token",
  "implicit",
  "password",
  "urn:ietf:params:oauth:grant-type:device_code",
  "urn:openid:params:grant-type:ciba",
  "urn:ietf:params:oauth:grant-type:token-exchange",
] as const;
export type ConnectorGrantType = (typeof GRANT_TYPES)[number];

const DOMAIN = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

export const commonMembersSchema = z.object({
  grantTypes: z.array(z.enum(GRANT_TYPES)).max(GRANT_TYPES.length).optional(),
  emailDomains: z.array(z.string().regex(DOMAIN, "expected a domain name")).max(100).optional(),
});

export interface CommonMembers {
  /** What the connector may be used for; undefined allows everything. */
  readonly grantTypes: readonly ConnectorGrantType[] | undefined;
  /** Whoever has an address of one of these is sent here (home realm discovery). Lower case. */
  readonly emailDomains: readonly string[];
}

/** `own` is what the kind knows. */
export function splitCommonMembers(config: JsonObject): { readonly common: JsonObject; readonly own: JsonObject } {
  const { grantTypes, emailDomains, ...own } = config;
  return {
    common: {
      ...(grantTypes === undefined ? {} : { grantTypes }),
      ...(emailDomains === undefined ? {} : { emailDomains }),
    },
    own,
  };
}

/** Checks them as they are to be stored: an empty list says nothing and is left out, so that what is stored restricts. */
export function parseCommonMembers(common: JsonObject): ParsedConfig {
  const parsed = commonMembersSchema.safeParse(common);
  if (!parsed.success) return { kind: "refused", reason: describeIssues(parsed.error) };
  const { grantTypes = [], emailDomains = [] } = parsed.data;
  return {
    kind: "config",
    config: {
      ...(grantTypes.length === 0 ? {} : { grantTypes }),
      ...(emailDomains.length === 0 ? {} : { emailDomains }),
    },
  };
}

/** Of a stored configuration, whatever build stored it. What this one does not understand allows nothing. */
export function readCommonMembers(config: JsonObject): CommonMembers {
  const parsed = commonMembersSchema.safeParse(splitCommonMembers(config).common);
  if (!parsed.success) return { grantTypes: [], emailDomains: [] };
  const { grantTypes, emailDomains = [] } = parsed.data;
  return {
    grantTypes: grantTypes === undefined || grantTypes.length === 0 ? undefined : grantTypes,
    emailDomains: emailDomains.map((domain) => domain.toLowerCase()),
  };
}
