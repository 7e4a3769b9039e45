// The API of a worker, `<issuer>/api/v1`: users, clients, connectors and mail for admins, and everybody's own account.

import type { MailQueue } from "@dex/email";
import {
  type ApiRoute,
  type BackchannelDecisionParts,
  type ChangeableClients,
  type CheckConnector,
  type ManagedClients,
  type ManagedConnectors,
  type ManagedProofs,
  type ManagedResources,
  type ManagedSecrets,
  makeAccountRoutes,
  makeBackchannelRequestRoutes,
  makeClientChangeRoutes,
  makeClientKeyAdministration,
  makeClientKeyRoutes,
  makeClientSecretAdministration,
  makeClientSecretRoutes,
  makeConnectorRoutes,
  makeJsonApi,
  makeMailRoutes,
  makeManagementRoutes,
  makeOpenApiRoutes,
  makePageTokens,
  makeResourceRoutes,
  makeUserAdministration,
  makeUserRoutes,
  type OpenApiFacts,
  USER_API,
} from "@dex/management";
import { type Client, resourceMetadataUrl, type SealSecret } from "@dex/oidc";
import type { Clock, FetchDocument, Logger, Random, Sealer } from "@dex/runtime";
import type { AccountLinks, Actor, UserDirectory } from "@dex/users";
import type { Request, Router } from "express";
import type { ReadClientCertificate } from "../middleware/client-certificate.ts";
import { replyWith } from "../middleware/error-reply.ts";
import { type AccessParts, type ApiRequest, makeAccessCheck, PERMISSIONS, type Permission } from "./access.ts";

export interface ManagementApiParts extends Omit<AccessParts, "clients" | "users"> {
  readonly clients: ManagedClients & ChangeableClients & { find(clientId: string): Promise<Client | undefined> };
  readonly clientSecrets: ManagedSecrets;
  readonly clientKeys: { lastUses(clientId: string): Promise<ReadonlyMap<string, string>> };
  readonly clientProofs: ManagedProofs;
  readonly connectors: ManagedConnectors;
  readonly checkConnector: CheckConnector;
  readonly resources: ManagedResources;
  readonly users: UserDirectory;
  readonly readClientCertificate: ReadClientCertificate;
  readonly links: Pick<AccountLinks, "requestInvitation">;
  readonly mailQueue: MailQueue<Actor>;
  readonly backchannelDecisions: Pick<
    BackchannelDecisionParts,
    "requests" | "enabled" | "connectorsWithoutOfflineAccess"
  >;
  /** For page tokens alone. */
  readonly pageSealer: Sealer;
  readonly hashChosenSecret: (secret: string) => Promise<string>;
  readonly fetchDocument: FetchDocument;
  readonly httpKeys: "allowed" | "refused";
  readonly sealClientSecret?: SealSecret | undefined;
  readonly random: Random;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Every route of the API. */
export function makeApiRoutes(parts: ManagementApiParts): readonly ApiRoute<Permission>[] {
  const { users } = parts;
  const permission = "admin" as const;
  const routes: readonly ApiRoute<Permission>[] = [
    ...makeUserRoutes({
      users,
      administration: makeUserAdministration(parts),
      pageTokens: makePageTokens(parts.pageSealer),
      permission,
    }),
    ...makeAccountRoutes({ users, permission: "own account or admin" as const }),
    ...makeMailRoutes({ mailQueue: parts.mailQueue, permission }),
    ...makeBackchannelRequestRoutes({ ...parts, ...parts.backchannelDecisions, permission }),
    ...makeManagementRoutes({ ...parts, adminClients: "refused", permission, conventions: USER_API }),
    ...makeClientChangeRoutes({ ...parts, proofs: parts.clientProofs, adminClients: "refused", permission }),
    ...makeClientSecretRoutes({
      secrets: makeClientSecretAdministration({ ...parts, secrets: parts.clientSecrets, adminClients: "refused" }),
      permission,
    }),
    ...makeClientKeyRoutes({
      keys: makeClientKeyAdministration({ ...parts, keys: parts.clientKeys, adminClients: "refused" }),
      permission,
    }),
    ...makeConnectorRoutes({ ...parts, permission }),
    ...makeResourceRoutes({ resources: parts.resources, permission }),
  ];
  const described = makeOpenApiRoutes({
    routes,
    paths: { "/openapi.json": "describeApi", "/discovery": "discoverApi" },
    permission: "anybody",
    facts: factsOf(parts),
  });
  return [...routes, ...described];
}

/** The API as a router, to be mounted at `<issuer path>/api/v1`. */
export function makeManagementApi(parts: ManagementApiParts): Router {
  const checkAccess = makeAccessCheck(parts);
  return makeJsonApi({
    routes: makeApiRoutes(parts),
    permissions: PERMISSIONS,
    conventions: USER_API,
    // What the API does not answer itself, the application's error handler answers in JSON too.
    before: replyWith({ resourceMetadata: resourceMetadataUrl(parts.resource) }),
    async authorize(request, { permission, params, now }) {
      const address = request.ip;
      if (permission === "anybody") return { actor: { kind: "client", id: undefined, address }, clients: [] };
      const asked = { permission, accountId: params.userid };
      const { kind, id, clients, dpopNonce } = await checkAccess(toApiRequest(request, parts), asked, now);
      if (dpopNonce !== undefined) request.res?.setHeader("DPoP-Nonce", dpopNonce);
      return { actor: { kind, id, address }, clients };
    },
    clock: parts.clock,
    logger: parts.logger,
  });
}

function toApiRequest(
  request: Request,
  { resource, readClientCertificate }: Pick<ManagementApiParts, "resource" | "readClientCertificate">,
): ApiRequest {
  const { headersDistinct, method, path } = request;
  return {
    authorization: headersDistinct.authorization,
    evidence: { dpop: headersDistinct.dpop, clientCertificate: readClientCertificate(request) },
    method,
    url: `${resource}${path}`,
  };
}

function factsOf({ issuer }: ManagementApiParts): OpenApiFacts<Permission> {
  const base = issuer.replace(/\/$/, "");
  return {
    title: "dex API",
    description: "Users, clients, connectors and mail, for admins; and everybody's own account.",
    server: `${base}/api/v1`,
    securitySchemes: {
      idToken: {
        type: "openIdConnect",
        openIdConnectUrl: `${base}/.well-known/openid-configuration`,
        description: "An ID token of an admin user that an admin client got, as bearer token.",
      },
      clientCredentials: {
        type: "oauth2",
        description: "The access token of an admin client, where workers run with --api-use-client-credentials.",
        flows: { clientCredentials: { tokenUrl: `${base}/token`, scopes: {} } },
      },
    },
    security: (permission) => (permission === "anybody" ? [] : [{ idToken: [] }, { clientCredentials: [] }]),
    accessRefusals: (permission) =>
      permission === "anybody" ? [] : ["unauthorized", "forbidden", "insufficient_user_authentication"],
    conventions: USER_API,
  };
}
