// A resource as an administrator describes it.
import type { JsonObject } from "@dex/runtime";
import { z } from "zod";
import { isAudienceScope } from "../clients/audience.ts";
import { clientNameShape } from "../clients/client-metadata.ts";
import { MAX_TOKEN_LIFETIMES } from "../tokens/lifetimes.ts";
import { isResourceIdentifier, MAX_RESOURCE_LENGTH, type Resource } from "./resource.ts";

/** All of them are held in every worker's memory. */
export const MAX_RESOURCES = 1000;

/** These two say what the client gets beside its access token. */
const NOT_OF_RESOURCES: readonly string[] = ["openid", "offline_access"];
const scopeWord = z
  .string()
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, "must be a scope, RFC 6749 section 3.3")
  .refine((word) => !NOT_OF_RESOURCES.includes(word) && !isAudienceScope(word), "is not the scope of a resource");
const clientIds = z.array(z.string().regex(/^[\x21-\x7e]{1,255}$/, "must be the id of a client")).max(1000);
const memberName = z.string().regex(/^[A-Za-z0-9_.:-]{1,64}$/, "must be 1 to 64 letters, digits and _.:-");
const detailsType = z.strictObject({
  type: z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, "must be 1 to 128 printable characters"),
  name: clientNameShape.describe("What people are told that it is."),
  members: z.array(memberName).max(30).describe("Its members beside type and those of RFC 9396 section 2.2."),
});
const { accessTokenSeconds } = MAX_TOKEN_LIFETIMES;

/** A resource as the management API and dexctl take and show it. */
export const resourceShape = z.strictObject({
  identifier: z
    .string()
    .max(MAX_RESOURCE_LENGTH)
    .refine(isResourceIdentifier, "must be an absolute URI without a fragment")
    .describe("What clients send as resource, and its tokens have as aud (RFC 8707)."),
  name: clientNameShape.describe("What people are told that a client wants to use."),
  scopes: z.array(scopeWord).max(100).optional(),
  accessTokenLifetime: z
    .int()
    .min(1)
    .max(accessTokenSeconds)
    .describe("In seconds: no access token for it is good for longer.")
    .optional(),
  tokenFormat: z.enum(["jwt", "opaque"]).describe("jwt when left out (RFC 9068).").optional(),
  signingAlg: z
    .enum(["RS256", "ES256", "EdDSA"])
    .describe("RS256 when left out. ES256 for clients whose profile forbids RS256.")
    .optional(),
  allowedClients: clientIds
    .describe("Left out: every client, where people are asked. Where nobody is, a client must be named here.")
    .optional(),
  introspectedBy: clientIds
    .describe("Its own clients: they may introspect its tokens (RFC 7662), and exchange them (RFC 8693).")
    .optional(),
  authorizationDetailsTypes: z.array(detailsType).max(20).describe("RFC 9396.").optional(),
});
/** What can be changed: null takes a member away, others stay. */
export const resourceChangesShape = z.record(z.string().max(64), z.unknown());

export type ResourceDecision =
  | { readonly kind: "resource"; readonly resource: Resource }
  | { readonly kind: "refused"; readonly reason: string };

/** Checks a resource that somebody who may register some describes. The reason of a refusal names the member. */
export function parseResource(input: unknown): ResourceDecision {
  const parsed = resourceShape.safeParse(input);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { kind: "refused", reason: `${issue?.path.join(".") || "resource"}: ${issue?.message ?? "is not valid"}` };
  }
  const { data } = parsed;
  const types = data.authorizationDetailsTypes ?? [];
  if (new Set(types.map(({ type }) => type)).size < types.length) {
    return { kind: "refused", reason: "authorizationDetailsTypes: a type is named twice" };
  }
  return {
    kind: "resource",
    resource: {
      identifier: data.identifier,
      name: data.name,
      scopes: [...new Set(data.scopes)],
      accessTokenSeconds: data.accessTokenLifetime,
      tokenFormat: data.tokenFormat ?? "jwt",
      signingAlgorithm: data.signingAlg ?? "RS256",
      allowedClients: data.allowedClients,
      introspectedBy: data.introspectedBy ?? [],
      authorizationDetailsTypes: types,
    },
  };
}

/** The resource with these members instead; null takes one away. Which resource it is, stays. */
export function changeResource(resource: Resource, changes: Readonly<Record<string, unknown>>): ResourceDecision {
  const merged = { ...renderResource(resource), ...changes, identifier: resource.identifier };
  return parseResource(Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null)));
}

/** A type of authorization details belongs to one resource: nobody could tell otherwise what is asked of which. */
export function whyNotBeside(resource: Resource, others: readonly Resource[]): string | undefined {
  if (others.length >= MAX_RESOURCES) return `there are ${MAX_RESOURCES} resources, and no more can be`;
  const types = resource.authorizationDetailsTypes.map(({ type }) => type);
  const taken = others.some(({ authorizationDetailsTypes }) =>
    authorizationDetailsTypes.some(({ type }) => types.includes(type)),
  );
  return taken ? "authorizationDetailsTypes: another resource has a type of this name" : undefined;
}

/** As parseResource takes it, with its defaults. */
export function renderResource(resource: Resource): JsonObject {
  const { accessTokenSeconds: seconds, allowedClients } = resource;
  return {
    identifier: resource.identifier,
    name: resource.name,
    scopes: resource.scopes,
    ...(seconds === undefined ? {} : { accessTokenLifetime: seconds }),
    tokenFormat: resource.tokenFormat,
    signingAlg: resource.signingAlgorithm,
    ...(allowedClients === undefined ? {} : { allowedClients }),
    introspectedBy: resource.introspectedBy,
    authorizationDetailsTypes: resource.authorizationDetailsTypes.map((one) => ({ ...one })),
  };
}
