// The one table of connector types, and what is done with their configurations before and after they are stored.
import { isDeepStrictEqual } from "node:util";
import type { Json, JsonObject } from "@dex/runtime";
import * as z from "zod";
import { appleKind } from "./apple/apple.ts";
import { authproxyKind } from "./authproxy/authproxy.ts";
import { bitbucketCloudKind, bitbucketKind } from "./bitbucket/bitbucket.ts";
import { commonMembersSchema, parseCommonMembers, splitCommonMembers } from "./common-members.ts";
import type { StoredConnector } from "./connector.ts";
import type { Capabilities, ConnectorKind, ConnectorParts, OpenedConnector } from "./connector-kind.ts";
import { crowdKind } from "./crowd/crowd.ts";
import { discordKind } from "./discord/discord.ts";
import { facebookKind } from "./facebook/facebook.ts";
import { giteaKind } from "./gitea/gitea.ts";
import { githubKind } from "./github/github.ts";
import { gitlabKind } from "./gitlab/gitlab.ts";
import { googleKind } from "./google/google.ts";
import { keystoneKind } from "./keystone/keystone.ts";
import { ldapKind } from "./ldap/ldap.ts";
import { linkedinKind } from "./linkedin/linkedin.ts";
import { localKind } from "./local/local.ts";
import { microsoftKind } from "./microsoft/microsoft.ts";
import { mockCallbackKind, mockPasswordKind } from "./mock/mock.ts";
import { oauthKind } from "./oauth/oauth.ts";
import { oidcKind } from "./oidc/oidc.ts";
import { openshiftKind } from "./openshift/openshift.ts";
import { auth0Kind } from "./presets/auth0.ts";
import { keycloakKind } from "./presets/keycloak.ts";
import { oktaKind } from "./presets/okta.ts";
import { slackKind } from "./presets/slack.ts";
import { zitadelKind } from "./presets/zitadel.ts";
import { samlKind } from "./saml/saml.ts";
import { uaaKind } from "./uaa/uaa.ts";

const KINDS: ReadonlyMap<string, ConnectorKind> = new Map(
  [
    localKind,
    oidcKind,
    githubKind,
    bitbucketKind,
    bitbucketCloudKind,
    uaaKind,
    oauthKind,
    discordKind,
    facebookKind,
    mockCallbackKind,
    mockPasswordKind,
    ldapKind,
    gitlabKind,
    giteaKind,
    openshiftKind,
    crowdKind,
    keystoneKind,
    authproxyKind,
    googleKind,
    linkedinKind,
    microsoftKind,
    samlKind,
    oktaKind,
    auth0Kind,
    keycloakKind,
    zitadelKind,
    slackKind,
    appleKind,
  ].map((kind) => [kind.type, kind]),
);

export const MAX_CONNECTORS = 100;
const ID = /^[a-z0-9][a-z0-9._-]{0,63}$/;
/** Shown in place of a secret; taken as "keep the stored one" when it comes back. */
const REDACTED = "[secret]";

export type ParsedConnectors =
  | { readonly kind: "connectors"; readonly connectors: readonly StoredConnector[] }
  | { readonly kind: "refused"; readonly reason: string };

/**
 * Parses a list of connector configurations, each an object with `id` and `type` beside the members of its type. The
 * whole list is refused for one mistake, since it replaces all that is stored. The reason names the connector and the
 * member and never holds a value that could be a secret.
 */
export function parseConnectorConfigs(input: unknown): ParsedConnectors {
  if (!Array.isArray(input)) return refused("expected an array of connectors");
  if (input.length > MAX_CONNECTORS) {
    return refused(`expected at most ${MAX_CONNECTORS} connectors, found ${input.length}`);
  }
  const connectors: StoredConnector[] = [];
  const ids = new Set<string>();
  for (const [index, entry] of input.entries()) {
    const parsed = parseConnector(entry, `connector ${index + 1}`);
    if (parsed.kind === "refused") return parsed;
    const { connector } = parsed;
    if (ids.has(connector.id)) return refused(`connector id "${connector.id}" is used more than once`);
    ids.add(connector.id);
    connectors.push(connector);
  }
  const together = whyNotTogether(connectors);
  return together === undefined ? { kind: "connectors", connectors } : refused(together);
}

/** Why connectors, each good in itself, cannot stand side by side; undefined where they can. */
export function whyNotTogether(connectors: readonly StoredConnector[]): string | undefined {
  if (connectors.length > MAX_CONNECTORS) {
    return `expected at most ${MAX_CONNECTORS} connectors, found ${connectors.length}`;
  }
  const local = connectors.filter(({ type }) => type === localKind.type);
  return local.length > 1 ? `expected at most one connector of type "local", found ${local.length}` : undefined;
}

/** Every kind there is, in the order of the table in the README. */
export function connectorKinds(): readonly Pick<ConnectorKind, "type" | "title" | "capabilities">[] {
  return [...KINDS.values()].map(({ type, title, capabilities }) => ({ type, title, capabilities }));
}

/** What connectors of this type can do; undefined when this build does not know the type. */
export function capabilitiesOf(type: string): Capabilities | undefined {
  return KINDS.get(type)?.capabilities;
}

/** What one entry of a list of configurations may be, by type: for those who describe an API that takes them. */
export function connectorConfigSchema(): z.ZodType {
  const [first, ...others] = [...KINDS.values()].map(({ type, schema }) => {
    const named = z.looseObject({ id: z.string().regex(ID), type: z.literal(type), ...commonMembersSchema.shape });
    return schema === undefined ? named : z.intersection(named, schema);
  });
  return first === undefined ? z.never() : z.union([first, ...others]);
}

/** Members of a configuration of this type that hold secrets, or undefined when this build does not know the type. */
export function secretFieldsOf(type: string): readonly string[] | undefined {
  return KINDS.get(type)?.secretFields;
}

/**
 * Those members of a configuration that say whom its secrets are sent to, and as whom. Members that it does not have are left
 * out: seals hang on this, and a build that knows one more of them must still open those of before.
 */
export function secretAudienceOf({ type, config }: StoredConnector): JsonObject {
  const present = (KINDS.get(type)?.secretAudience ?? []).flatMap((name): [string, Json][] => {
    const value = config[name];
    return value === undefined || value === null ? [] : [[name, value]];
  });
  return Object.fromEntries(present.sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** The connector as it may be shown: its secrets, sealed or not, are replaced by `[secret]`. */
export function redactConnector(stored: StoredConnector): StoredConnector {
  const secretFields = secretFieldsOf(stored.type);
  // A type this build does not know may hold secrets under any name.
  if (secretFields === undefined) return { ...stored, config: {} };
  const shown = Object.entries(stored.config).map(([name, value]): [string, Json] =>
    secretFields.includes(name) ? [name, REDACTED] : [name, value],
  );
  return { ...stored, config: Object.fromEntries(shown) };
}

export type KeptSecrets =
  | { readonly kind: "connectors"; readonly connectors: readonly StoredConnector[] }
  | { readonly kind: "refused"; readonly reason: string };

/**
 * Fills secrets that `next` left out, or carries as `[secret]`, from the stored connector of the same id and type. Only
 * while the secret still goes to the same upstream as the same client: otherwise whoever may write configurations, but
 * not read secrets, could have a secret sent to a server of their own. A secret given as "" is dropped on purpose; one
 * that is sealed is carried over as it is.
 */
export function keepSecrets(next: readonly StoredConnector[], previous: readonly StoredConnector[]): KeptSecrets {
  const connectors: StoredConnector[] = [];
  for (const connector of next) {
    const kind = KINDS.get(connector.type);
    const before = previous.find(({ id, type }) => id === connector.id && type === connector.type);
    const sameAudience =
      before !== undefined &&
      kind?.secretAudience.every((name) => isDeepStrictEqual(before.config[name], connector.config[name]));
    const config: Record<string, Json> = { ...connector.config };
    for (const name of kind?.secretFields ?? []) {
      const given = config[name];
      if (given === "") delete config[name];
      else if (given === undefined || given === REDACTED) {
        const kept = sameAudience ? before?.config[name] : undefined;
        if (kept !== undefined) config[name] = kept;
        else if (given === REDACTED || before?.config[name] !== undefined) {
          return refused(`connector "${connector.id}": ${name} must be given, the stored one cannot be kept`);
        }
      }
    }
    const missing = kind?.requiredSecrets?.find((name) => config[name] === undefined);
    if (missing !== undefined) return refused(`connector "${connector.id}": ${missing}: expected a secret`);
    connectors.push({ ...connector, config });
  }
  return { kind: "connectors", connectors };
}

/**
 * Opens one stored connector. Nothing is asked of the upstream here. What an older or newer build stored and this one
 * does not understand is refused with a reason, so that one broken connector hides none of the others.
 */
export function openConnector(stored: StoredConnector, parts: ConnectorParts): OpenedConnector {
  const kind = KINDS.get(stored.type);
  if (kind === undefined) return { kind: "refused", id: stored.id, reason: `type "${stored.type}" is unknown` };
  const { common, own } = splitCommonMembers(stored.config);
  const checked = parseCommonMembers(common);
  if (checked.kind === "refused") return { kind: "refused", id: stored.id, reason: checked.reason };
  return kind.open({ ...stored, config: own }, parts);
}

function parseConnector(
  entry: unknown,
  position: string,
): { kind: "connector"; connector: StoredConnector } | { kind: "refused"; reason: string } {
  if (!isJsonObject(entry)) return refused(`${position}: expected an object`);
  const { id, type, ...config } = entry;
  if (typeof id !== "string" || !ID.test(id)) {
    return refused(`${position}: id: expected 1 to 64 of a-z, 0-9, ".", "_", "-", beginning with a letter or digit`);
  }
  if (typeof type !== "string") {
    return refused(`connector "${id}": type: expected one of ${[...KINDS.keys()].join(", ")}`);
  }
  const kind = KINDS.get(type);
  if (kind === undefined) {
    const known = [...KINDS.keys()].join(", ");
    return refused(
      `connector "${id}": type: ${JSON.stringify(type.slice(0, 64))} is unknown, expected one of ${known}`,
    );
  }
  // Nobody hands us a seal: one taken from a stolen database would be opened and sent wherever its new owner says.
  const notText = kind.secretFields.find((name) => config[name] !== undefined && typeof config[name] !== "string");
  if (notText !== undefined) return refused(`connector "${id}": ${notText}: expected text`);
  const { common, own } = splitCommonMembers(config);
  const [ofAll, ofKind] = [parseCommonMembers(common), kind.parse(own)];
  if (ofAll.kind === "refused") return refused(`connector "${id}": ${ofAll.reason}`);
  if (ofKind.kind === "refused") return refused(`connector "${id}": ${ofKind.reason}`);
  return { kind: "connector", connector: { id, type, config: { ...ofKind.config, ...ofAll.config } } };
}

function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refused(reason: string): { kind: "refused"; reason: string } {
  return { kind: "refused", reason };
}
