// OpenID providers that are known by a few words: everything else is an `oidc` connector's.
import * as z from "zod";
import type { Capabilities, ConnectorKind } from "../connector-kind.ts";
import { issuerUrl } from "../oidc/config.ts";
import { explainRestrictions, makeOidcKind, type OidcHooks, oidcMembers, toOidcSettings } from "../oidc/oidc.ts";

/** A host, as providers show it to their customers. */
export const domainName = z
  .string()
  .regex(/^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+$/, {
    error: "expected a host without scheme and path",
  });

/** One segment of a path. */
export const pathSegment = z.string().regex(/^[A-Za-z0-9_-][A-Za-z0-9._ -]{0,99}$/, "expected a name without slashes");

const shared = z.object(oidcMembers);
type SharedMembers = z.infer<typeof shared>;

export interface Preset<Own extends z.ZodRawShape> {
  readonly type: string;
  readonly title: string;
  readonly capabilities?: Partial<Omit<Capabilities, "login">>;
  /** Members that say which upstream it is, and others of its own. */
  readonly members: Own;
  /** Those of them that say where the secret is sent. */
  readonly secretAudience: readonly string[];
  issuer(own: z.infer<z.ZodObject<Own>>): string;
  /** What is configured in place of members that were not given. */
  defaults?(given: SharedMembers): Partial<SharedMembers>;
  hooks?(config: SharedMembers & z.infer<z.ZodObject<Own>>): OidcHooks;
  /** The claim that identifies a person, where a hook makes one. */
  readonly remoteIdClaim?: string;
}

export function makePresetKind<Own extends z.ZodRawShape>(preset: Preset<Own>): ConnectorKind {
  const own = z.object(preset.members);
  const schema = z.object({ ...oidcMembers, ...preset.members }).superRefine((config, context) => {
    // Members that are wrong by themselves were reported already.
    const problem = explainRestrictions(shared.safeParse(config).data ?? {});
    if (problem !== undefined) context.addIssue({ code: "custom", path: ["allowedGroups"], message: problem });
  });
  const read = (config: unknown) => ({ ...shared.parse(config), ...own.parse(config) });
  return makeOidcKind({
    type: preset.type,
    title: preset.title,
    capabilities: {
      refresh: "yes",
      groups: "if `insecureEnableGroups` is set",
      preferredUsername: "yes",
      tokenIdentity: "yes",
      upstreamLogout: "if the upstream announces `end_session_endpoint`",
      ...preset.capabilities,
    },
    schema,
    secretFields: ["clientSecret"],
    secretAudience: ["clientID", "rootCAs", "insecureSkipVerify", "insecurePrivateEndpoints", ...preset.secretAudience],
    toSettings(config) {
      const given = read(config);
      const settings = toOidcSettings({
        ...preset.defaults?.(given),
        ...given,
        issuer: preset.issuer(own.parse(config)),
      });
      return { ...settings, remoteIdClaim: preset.remoteIdClaim ?? settings.remoteIdClaim };
    },
    ...(preset.hooks === undefined ? {} : { hooks: (config) => preset.hooks?.(read(config)) ?? {} }),
  });
}

/** Another address than the provider's own, for tests and for custom domains. */
export const baseUrl = issuerUrl.optional();

export function withoutSlash(url: string): string {
  return url.replace(/\/+$/, "");
}
