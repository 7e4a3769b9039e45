// Any OpenID provider with discovery, and how a kind of connector is built on that.
import type * as z from "zod";
import type { Connector, StoredConnector } from "../connector.ts";
import {
  type Capabilities,
  type ConnectorKind,
  type ConnectorParts,
  describeIssues,
  knownMembers,
} from "../connector-kind.ts";
import { displayNameOf } from "../display-name.ts";
import { makeCheck } from "./check.ts";
import { oidcConfigSchema, toOidcSettings } from "./config.ts";
import type { OidcHooks } from "./hooks.ts";
import { makeOidcLogin } from "./login.ts";
import { makeReadLogoutToken } from "./logout-token.ts";
import { makeReadPerson } from "./person.ts";
import { makeRefresh } from "./refresh.ts";
import type { OidcSettings } from "./settings.ts";
import { makeSignOut } from "./sign-out.ts";
import { makeTokenIdentity } from "./subject-token.ts";
import { makeOidcUpstream } from "./upstream.ts";

export type { Claims } from "./claim-values.ts";
export { explainRestrictions, oidcMembers, toOidcSettings } from "./config.ts";
export type { ArrivedClaims, ClaimsContext, OidcHooks, UpstreamCall } from "./hooks.ts";
export type { OidcSettings } from "./settings.ts";

export interface OidcKindParts<Schema extends z.ZodObject> {
  readonly type: string;
  readonly title: string;
  /** All of these log in by callback. */
  readonly capabilities: Omit<Capabilities, "login">;
  readonly schema: Schema;
  readonly secretFields: readonly string[];
  readonly requiredSecrets?: readonly string[];
  /** All members that say where a secret is sent, and as whom: `clientID` too. */
  readonly secretAudience: readonly string[];
  /** From parsed members to settings; `toOidcSettings` helps. Throws an Error that names the member it cannot use. */
  toSettings(config: z.infer<Schema>, parts: Pick<ConnectorParts, "logger" | "clock">): OidcSettings;
  /** What this kind does beside reading claims, for one connector. Throws as `toSettings` does. */
  hooks?(config: z.infer<Schema>, parts: ConnectorParts): OidcHooks;
}

/** Makes the row of the registry of a kind whose upstream is an OpenID provider with discovery. */
export function makeOidcKind<Schema extends z.ZodObject>(kind: OidcKindParts<Schema>): ConnectorKind {
  return {
    type: kind.type,
    title: kind.title,
    capabilities: {
      login: "callback",
      ...(kind.capabilities.upstreamLogout === "no"
        ? {}
        : { backchannelLogout: "if the upstream sends logout tokens" }),
      ...kind.capabilities,
    },
    schema: kind.schema,
    secretFields: kind.secretFields,
    ...(kind.requiredSecrets === undefined ? {} : { requiredSecrets: kind.requiredSecrets }),
    secretAudience: kind.secretAudience,
    parse(config) {
      const parsed = kind.schema.safeParse(config);
      return parsed.success
        ? { kind: "config", config: knownMembers(config, kind.schema) }
        : { kind: "refused", reason: describeIssues(parsed.error) };
    },
    open(stored, parts) {
      const refused = (reason: string) => ({ kind: "refused" as const, id: stored.id, reason });
      const parsed = kind.schema.safeParse(stored.config);
      if (!parsed.success) return refused(describeIssues(parsed.error));
      const missing = kind.requiredSecrets?.find((name) => !stored.config[name]);
      if (missing !== undefined) return refused(`${missing}: expected a secret`);
      try {
        const settings = kind.toSettings(parsed.data, parts);
        const hooks = kind.hooks?.(parsed.data, parts) ?? {};
        return { kind: "connector", connector: makeOidcConnector(stored, kind, { settings, hooks, parts }) };
      } catch (error) {
        if (error instanceof Error) return refused(error.message);
        throw error;
      }
    },
  };
}

function makeOidcConnector(
  stored: StoredConnector,
  { capabilities }: { capabilities: Pick<Capabilities, "upstreamLogout"> },
  { settings, hooks, parts }: { settings: OidcSettings; hooks: OidcHooks; parts: ConnectorParts },
): Connector {
  const { id, type } = stored;
  const upstream = makeOidcUpstream(stored, settings, parts);
  const readPerson = makeReadPerson({ connectorId: id, settings, hooks, trace: parts.trace });
  const given = { settings, hooks, upstream, readPerson, parts };
  return {
    id,
    type,
    displayName: displayNameOf(stored),
    login: makeOidcLogin(given),
    refresh: makeRefresh(given),
    tokenIdentity: makeTokenIdentity(given),
    ...(capabilities.upstreamLogout === "no"
      ? {}
      : { signOut: makeSignOut(settings, upstream), readLogoutToken: makeReadLogoutToken(settings, upstream) }),
    check: makeCheck(given),
  };
}

/** Any OpenID provider with discovery. */
export const oidcKind = makeOidcKind({
  type: "oidc",
  title: "OpenID Connect",
  capabilities: {
    refresh: "yes",
    groups: "if `insecureEnableGroups` is set",
    preferredUsername: "yes",
    tokenIdentity: "yes",
    upstreamLogout: "if the upstream announces `end_session_endpoint`",
  },
  schema: oidcConfigSchema,
  secretFields: ["clientSecret"],
  secretAudience: [
    ...["issuer", "issuerURL", "clientID", "insecurePrivateEndpoints"],
    ...["providerDiscoveryOverrides", "rootCAs", "insecureSkipVerify"],
  ],
  toSettings: toOidcSettings,
});
