// The documents about this provider that everybody may read, from memory.
import {
  describeOwnResources,
  type OwnResource,
  type OwnResources,
  type Resources,
  renderDiscovery,
  resourceMetadataUrl,
} from "@dex/oidc";
import { type JsonObject, sha256 } from "@dex/runtime";
import type { WorkerConfig } from "./config.ts";
import type { Published } from "./endpoints/published.ts";
import { responseTypesOfDeployment } from "./wire-authorization.ts";
import { administratedGrantsOf } from "./wire-direct-grants.ts";

const MAX_AGE_SECONDS = 300;

/** What the worker takes access tokens for itself. */
export function ownResourcesOf(config: WorkerConfig): OwnResources {
  const { issuerText: issuer, issuerName, mutualTls } = config;
  return describeOwnResources({ issuer, issuerName, certificates: mutualTls.certificates });
}

/** By path: RFC 9728 has each at an address of its own, outside the issuer's path. */
export function publishOwnResources(own: OwnResources): ReadonlyMap<string, () => Published> {
  return new Map(
    [own.userinfo, own.api].map(({ identifier, metadata }: OwnResource) => {
      const document = publish(metadata);
      return [new URL(resourceMetadataUrl(identifier)).pathname, () => document];
    }),
  );
}

/** The provider metadata. Serialised again when the registered resources changed, and at no request beside. */
export function publishDiscovery(config: WorkerConfig, resources: Resources): () => Published {
  // Which resources are registered is for their own clients to know, who have it of the resource. What can be asked for with
  // authorization_details no resource tells, so it stands here (RFC 9396 §10).
  const { userinfo, api } = ownResourcesOf(config);
  let of = resources.all();
  let document = render();

  function render(): Published {
    return publish(
      renderDiscovery({
        issuer: config.issuerText,
        algorithms: ["RS256", "ES256", "EdDSA"],
        responseTypes: responseTypesOfDeployment(config),
        registration: { clients: config.enableClientRegistration, people: config.enableRegistration },
        requirePushed: config.requirePushedAuthorizationRequests,
        clientIdDocuments: config.clientIdDocuments !== "off",
        mutualTls: config.mutualTls,
        administratedGrants: administratedGrantsOf(config),
        protectedResources: [userinfo.identifier, api.identifier],
        authorizationDetailsTypes: of.flatMap((one) => one.authorizationDetailsTypes.map(({ type }) => type)),
      }),
    );
  }

  return () => {
    if (of !== resources.all()) {
      of = resources.all();
      document = render();
    }
    return document;
  };
}

function publish(content: JsonObject): Published {
  const body = Buffer.from(JSON.stringify(content));
  return {
    body,
    etag: `"${sha256(body).toString("base64url").slice(0, 22)}"`,
    maxAgeSeconds: MAX_AGE_SECONDS,
  };
}
