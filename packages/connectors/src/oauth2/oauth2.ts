// The base of connectors whose upstream speaks OAuth 2.0 without OpenID Connect: the authorization code flow with PKCE
// (RFC 6749 §4.1, RFC 7636), then the person's profile from the provider's own API. A provider is described by a value
// (`OAuth2Provider`); everything that can be got wrong is here.
// Not passport-oauth2: it makes its calls through a client without limits of time and size, and takes an error that comes
// with status 200 for success. Not openid-client's grant: it refuses form answers and missing token types, both common
// here, and checks ID tokens that nobody asked for.
import type * as z from "zod";
import type { Connector } from "../connector.ts";
import {
  type Capabilities,
  type ConnectorKind,
  type ConnectorParts,
  describeIssues,
  knownMembers,
} from "../connector-kind.ts";
import { displayNameOf } from "../display-name.ts";
import type { oauth2Members } from "./config-members.ts";
import { makeOAuth2Login } from "./login.ts";
import type { OAuth2Provider } from "./provider.ts";

export { endpointUrl, oauth2Members, readTls, tlsMembers } from "./config-members.ts";
export { discoverEndpoints } from "./endpoints.ts";
export type { OAuth2Endpoints, OAuth2Provider, UpstreamPerson } from "./provider.ts";

export interface OAuth2KindParts<Schema extends z.ZodObject<typeof oauth2Members>> {
  readonly type: string;
  readonly title: string;
  /** All of these log in by callback and have no place to sign out; few take tokens of others. */
  readonly capabilities: Pick<Capabilities, "refresh" | "groups" | "preferredUsername"> &
    Partial<Pick<Capabilities, "tokenIdentity">>;
  readonly schema: Schema;
  /** Members beside clientID that say where the secret is sent. Those of `oauth2Members` and `tlsMembers` need no mention. */
  readonly secretAudience: readonly string[];
  /** Members beside clientSecret that hold secrets. */
  readonly secretFields?: readonly string[];
  /** `optional` for a provider that also takes an assertion. */
  readonly clientSecret?: "required" | "optional";
  /** From parsed members to a provider. Throws an Error, whose message names the member, for what it cannot use. */
  toProvider(config: z.infer<Schema>, parts: ConnectorParts): OAuth2Provider;
}

/** Members of `tlsMembers`: whoever can change them can put themselves in between. */
const TRUST = ["rootCAs", "insecureSkipVerify"];

/** Makes the row of the registry of one OAuth2 provider. */
export function makeOAuth2Kind<Schema extends z.ZodObject<typeof oauth2Members>>(
  kind: OAuth2KindParts<Schema>,
): ConnectorKind {
  const { secretFields = [], clientSecret: secretIs = "required" } = kind;
  const trust = TRUST.filter((name) => Object.hasOwn(kind.schema.shape, name));
  return {
    type: kind.type,
    title: kind.title,
    capabilities: { login: "callback", tokenIdentity: "no", upstreamLogout: "no", ...kind.capabilities },
    schema: kind.schema,
    secretFields: ["clientSecret", ...secretFields],
    requiredSecrets: secretIs === "required" ? ["clientSecret"] : [],
    secretAudience: ["clientID", ...kind.secretAudience, ...trust],
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
      const { clientID: clientId, clientSecret, redirectURI } = parsed.data;
      let provider: OAuth2Provider;
      try {
        provider = kind.toProvider(parsed.data, parts);
      } catch (error) {
        if (error instanceof Error) return refused(error.message);
        throw error;
      }
      // Only an assertion takes its place.
      if (!clientSecret && typeof provider.clientAuthentication === "string") {
        return refused("clientSecret: expected the secret of our registration there");
      }
      const { id, type } = stored;
      const registration = { clientId, clientSecret: clientSecret ?? "", redirectURI };
      const login = makeOAuth2Login({ connectorId: id, provider, registration }, parts);
      const connector: Connector = { id, type, displayName: displayNameOf(stored), ...login };
      return { kind: "connector", connector };
    },
  };
}
