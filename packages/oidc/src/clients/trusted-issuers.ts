// Issuers outside whose tokens stand for a client, RFC 7523 §2.1: CI systems, clusters, SPIFFE. An administrator says which, and of
// whom they must be; who runs a workload there then needs no secret of ours.
import { z } from "zod";

const jwkValue = z.union([z.string().max(8192), z.number(), z.boolean(), z.array(z.string().max(8192)).max(20)]);
const publicKey = z
  .record(z.string().max(100), jwkValue)
  .refine((key) => !Object.hasOwn(key, "d") && !Object.hasOwn(key, "k"), "must be a public key");
const text = (most: number) =>
  z
    .string()
    .regex(new RegExp(`^[\\x21-\\x7e](?:[\\x20-\\x7e]{0,${most - 2}}[\\x21-\\x7e])?$`), "must be printable text");
const address = z
  .string()
  .max(1000)
  .refine((given) => /^https?:$/.test(URL.parse(given)?.protocol ?? ""), "must be an https URL");
// RFC 6749 §3.3
const scope = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, "must be a scope, RFC 6749 section 3.3");

/** How long a token of such an issuer may be good for from now on, where nobody says: what clusters and CI systems make of themselves. */
export const TRUSTED_LIFETIME_SECONDS = 3600;
const DAY_SECONDS = 86_400;

const trustedIssuerShape = z
  .strictObject({
    issuer: text(1000).describe("Its `iss`, character by character."),
    jwks_uri: address.describe("Where its keys are; found by OpenID Connect Discovery when left out.").optional(),
    jwks: z
      .object({ keys: z.array(publicKey).min(1).max(20) })
      .describe("Its keys, where they cannot be fetched: those of a cluster, for one.")
      .optional(),
    audiences: z
      .array(text(1000))
      .min(1)
      .max(5)
      .describe("What of its `aud` is ours; our issuer and our token endpoint when left out.")
      .optional(),
    subject: text(1000).describe("The `sub` that its tokens must have.").optional(),
    // `repo:acme/app` would also begin `repo:acme/app-of-somebody-else`.
    subject_prefix: text(1000)
      .refine((prefix) => /[:/]$/.test(prefix), "must end with : or /, so that no longer name begins with it")
      .describe("What its `sub` must begin with, in place of `subject`.")
      .optional(),
    claims: z
      .record(text(100), text(1000))
      .refine((claims) => Object.keys(claims).length <= 20, "must be at most 20")
      .describe("Claims that its tokens must have, each with this text.")
      .optional(),
    scopes: z
      .array(scope)
      .max(100)
      .describe("Of the client's scopes those that such a token stands for; all when left out.")
      .optional(),
    max_lifetime: z
      .int()
      .min(10)
      .max(DAY_SECONDS)
      .describe("For how many seconds from now on a token may be good; an hour when left out.")
      .optional(),
    reusable: z
      .boolean()
      .describe(
        "Whether one token is taken more than once: such as a cluster mounts as a file. Each is taken once when left out.",
      )
      .optional(),
  })
  .refine(({ subject, subject_prefix: prefix }) => (subject === undefined) !== (prefix === undefined), {
    error: "needs either subject or subject_prefix",
  })
  .refine(({ jwks, jwks_uri: uri }) => jwks === undefined || uri === undefined, {
    error: "has jwks or jwks_uri, not both",
  })
  .refine(
    ({ jwks, jwks_uri: uri, issuer }) => jwks !== undefined || uri !== undefined || address.safeParse(issuer).success,
    {
      error: "needs jwks or jwks_uri, since its issuer is no https URL",
    },
  );
export type TrustedIssuer = z.infer<typeof trustedIssuerShape>;

/** The member `trusted_issuers` of a client's details. */
export const trustedIssuersShape = z.array(trustedIssuerShape).min(1).max(20);
