// What the APIs take and show of clients and connectors. The OpenAPI document is made of these.
import { connectorConfigSchema, MAX_CONNECTORS } from "@dex/connectors";
import { clientChangesShape, clientDetailsShape, clientProofShape, newClientShape } from "@dex/oidc";
import { z } from "zod";

/** A client as renderClient shows it. */
export const clientShape = z.strictObject({
  id: z.string(),
  clientName: z.string().optional(),
  logoURI: z.string().optional(),
  clientURI: z.string().optional(),
  redirectURIs: z.array(z.string()),
  public: z.boolean(),
  isAdmin: z.boolean(),
  trusted: z.boolean(),
  requirePKCE: z.boolean(),
  grantTypes: z.array(z.string()),
  scopes: z.array(z.string()).optional(),
  trustedPeers: z.array(z.string()),
  allowedConnectors: z
    .array(z.string())
    .describe("Connectors that people may sign in to it through; left out where all are.")
    .optional(),
  idTokenSignedResponseAlg: z.string(),
  dynamic: z.boolean().describe("It registered itself (RFC 7591); left out where it did not.").optional(),
  details: z.strictObject(clientDetailsShape.shape).optional(),
  createdAt: z.iso.datetime().describe("RFC 3339"),
});
export const createdClientShape = clientShape.extend({
  secret: z.string().describe("Shown this once.").optional(),
});
/** Secrets are shown as `[secret]`; what is not known to this build is left out. */
export const connectorShape = z.looseObject({ id: z.string(), type: z.string() });

export const clientBody = z.strictObject({ client: z.unknown() });
export const describedClientChangesBody = z.strictObject({ client: clientChangesShape });
export const describedClientBody = z.strictObject({ client: newClientShape });
export const connectorsBody = z.strictObject({ connectors: z.unknown() });
export const describedConnectorsBody = z.strictObject({
  connectors: z.array(connectorConfigSchema()).max(MAX_CONNECTORS),
});
/** The id stands in the address. */
export const connectorBody = z.strictObject({ connector: z.looseObject({ type: z.unknown() }) });
export const describedConnectorBody = z.strictObject({ connector: connectorConfigSchema() });

export const connectorAnswer = z.strictObject({ connector: connectorShape });
export const checkAnswer = z.strictObject({
  steps: z.array(z.strictObject({ name: z.string(), ok: z.boolean(), detail: z.string() })),
});
/** What of a new secret can be chosen. */
export const newClientSecretShape = z.strictObject({
  expiresAt: z.iso.datetime().describe("RFC 3339; without it the secret does not end by itself.").optional(),
});
export const clientSecretEndShape = z.strictObject({ expiresAt: z.iso.datetime().nullable() });
export const clientSecretBody = z.strictObject({ secret: z.unknown() });
export const describedClientSecretBody = z.strictObject({ secret: newClientSecretShape });
export const describedClientSecretEndBody = z.strictObject({ secret: clientSecretEndShape });
const clientSecretShape = z.strictObject({
  id: z.string(),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().optional(),
  expired: z.boolean(),
  lastUsedOn: z.iso.date().describe("The day in UTC; written within a minute or so of the first use.").optional(),
});
export const clientSecretsAnswer = z.strictObject({ secrets: z.array(clientSecretShape) });
export const addedClientSecretAnswer = z.strictObject({
  secret: clientSecretShape.extend({ secret: z.string().describe("Shown this once.") }),
});
/** A JWK: what is in it is looked at where it is decided on. */
export const clientKeyShape = clientDetailsShape.shape.jwks.unwrap().shape.keys.unwrap();
export const clientKeyBody = z.strictObject({ key: z.unknown() });
export const describedClientKeyBody = z.strictObject({ key: clientKeyShape });
const shownClientKey = z.strictObject({
  id: z
    .string()
    .describe("The thumbprint: of the key (RFC 7638), of its certificate (RFC 8705 section 3.1), or of the subject."),
  kind: z.enum(["key", "certificate", "subject", "published"]),
  kid: z.string().optional(),
  kty: z.string().optional(),
  crv: z.string().optional(),
  alg: z.string().optional(),
  use: z.string().optional(),
  bits: z.int().optional(),
  subject: z.string().optional(),
  expiresAt: z.iso.datetime().optional(),
  expired: z.boolean().optional(),
  lastUsedOn: z.iso.date().describe("The day in UTC; written within a minute or so of the first use.").optional(),
});
export const clientKeysAnswer = z.strictObject({
  tokenEndpointAuthMethod: z.string().optional(),
  jwksURI: z.string().describe("Where the client publishes its keys; those that it used are listed.").optional(),
  keys: z.array(shownClientKey),
});
export const addedClientKeyAnswer = z.strictObject({ key: shownClientKey });
export const clientAuthenticationBody = z.strictObject({ authentication: z.unknown() });
export const describedClientAuthenticationBody = z.strictObject({ authentication: clientProofShape });
export const clientAuthenticationAnswer = z.strictObject({
  authentication: z.strictObject({
    tokenEndpointAuthMethod: z.string(),
    endedSecrets: z.int().describe("How many secrets prove nothing any more."),
    secret: z.string().describe("One that was made in their place; shown this once.").optional(),
  }),
});
export const clientsAnswer = z.strictObject({ clients: z.array(clientShape) });
export const createdClientAnswer = z.strictObject({ client: createdClientShape });
export const connectorsAnswer = z.strictObject({ connectors: z.array(connectorShape) });
/** dex v1 leaves an empty list out. */
export const connectorsAnswerOfV1 = connectorsAnswer.partial();
