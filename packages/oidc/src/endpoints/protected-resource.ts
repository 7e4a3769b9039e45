// dex as a protected resource: the two addresses at which it takes access tokens itself, and what it says of each, RFC 9728.
import type { JsonObject } from "@dex/runtime";
import type { CertificateUse } from "../clients/supported.ts";
import type { Resource } from "../resources/resource.ts";
import { SUPPORTED_SCOPES } from "../scope.ts";
import { DPOP_SIGNING_ALGORITHMS } from "../sender-constraint/dpop-proof.ts";
import { endpointUrl } from "./discovery.ts";

/** Where the API for administrators, and for everybody's own account, begins. */
export const API_PATH = "/api/v1";
const WELL_KNOWN = "/.well-known/oauth-protected-resource";

/** RFC 9728 §2 of one of our own resources. */
export interface OwnResource {
  /** What `resource` and `aud` call it. */
  readonly identifier: string;
  /** The document, serialised by whoever sends it. */
  readonly metadata: JsonObject;
}

export interface OwnResources {
  readonly userinfo: OwnResource;
  readonly api: OwnResource;
}

/** Where the metadata of a resource is, RFC 9728 §3.1: the well-known part stands between host and path. */
export function resourceMetadataUrl(identifier: string): string {
  const { origin, pathname } = new URL(identifier);
  return `${origin}${WELL_KNOWN}${pathname === "/" ? "" : pathname}`;
}

/** What takes access tokens here, and how. Registration does not: its tokens come from no authorization server. */
export function describeOwnResources(parts: {
  readonly issuer: string;
  readonly issuerName: string;
  readonly certificates: CertificateUse;
}): OwnResources {
  const { issuer, issuerName, certificates } = parts;
  const describe = (path: `/${string}`, more: JsonObject): OwnResource => {
    const identifier = endpointUrl(issuer, path);
    return {
      identifier,
      metadata: {
        resource: identifier,
        authorization_servers: [issuer],
        ...more,
        dpop_signing_alg_values_supported: DPOP_SIGNING_ALGORITHMS,
        ...(certificates === "none" ? {} : { tls_client_certificate_bound_access_tokens: true }),
      },
    };
  };
  return {
    userinfo: describe("/userinfo", {
      resource_name: `${issuerName}: who signed in`,
      // A refresh token is nothing that a resource sees.
      scopes_supported: SUPPORTED_SCOPES.filter((scope) => scope !== "offline_access"),
      bearer_methods_supported: ["header", "body"],
    }),
    // No scopes: who may do what there is decided by what the person and the client are.
    api: describe(API_PATH, {
      resource_name: apiName(issuerName),
      resource_documentation: endpointUrl(issuer, `${API_PATH}/openapi.json`),
      bearer_methods_supported: ["header"],
    }),
  };
}

/**
 * Our API as a resource that every client of an administrator's can ask tokens for on behalf of a person, who is asked: one that
 * nobody looked at would only have to find an administrator who allows too much. An administrator who registers a resource of
 * the same identifier says otherwise.
 */
export function makeApiResource(parts: { readonly issuer: string; readonly issuerName: string }): Resource {
  return {
    identifier: endpointUrl(parts.issuer, API_PATH),
    name: apiName(parts.issuerName),
    scopes: [],
    accessTokenSeconds: undefined,
    tokenFormat: "opaque",
    signingAlgorithm: "RS256",
    allowedClients: undefined,
    dynamicClients: "named",
    introspectedBy: [],
    authorizationDetailsTypes: [],
  };
}

function apiName(issuerName: string): string {
  return `${issuerName}: accounts and administration`;
}
