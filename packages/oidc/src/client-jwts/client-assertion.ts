// Clients that prove who they are with a JWT: RFC 7523 §2.2 and §3, OIDC Core §9 private_key_jwt, which signs with a key of the
// client's, and client_secret_jwt, which makes a MAC with the secret that both sides know.
import { type JsonObject, toEpochSeconds } from "@dex/runtime";
import { z } from "zod";
import type { Client } from "../clients/client.ts";
import type { ClientSecretSealer } from "../clients/client-secret-sealer.ts";
import { liveSecretsOf } from "../clients/client-secrets.ts";
import { citing, demandsOf } from "../clients/profile.ts";
import type { NoteKeyUse, NoteSecretUse } from "../clients/secret-ports.ts";
import type { ClientKeySets } from "./client-key-sets.ts";
import type { CompactJws } from "./compact-jws.ts";
import { idOfKey } from "./key-ids.ts";
import { CLIENT_MAC_ALGORITHMS, isMadeWith } from "./shared-secret-mac.ts";
import { CLIENT_SIGNING_ALGORITHMS, keysFor, signerOf } from "./verify-jws.ts";
import { rememberedUntil } from "./workers-apart.ts";

/** The only `client_assertion_type`, RFC 7523 §2.2. */
export const JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** Whether the assertion proves that the request comes from `client`, once it is used up. */
export type CheckClientAssertion = (assertion: CompactJws, client: Client, now: Date) => Promise<CheckedAssertion>;

/** `reason` is for operators. */
export type CheckedAssertion =
  | { readonly kind: "wrong"; readonly reason: string }
  | { readonly kind: "right"; readonly spend: SpendAssertion };

/** Uses the assertion up for all workers, and `beside` with it. `neither`: it was used before, and proves nothing. */
export type SpendAssertion = (beside?: OneUse) => Promise<UsedOnce>;

/** What may be used one time until it is over, on any worker. */
export interface OneUse {
  readonly key: string;
  readonly until: Date;
}

/** Which of two were used here for the first time. */
export type UsedOnce = "both" | "first alone" | "neither";

/** The same as UseOnce of two in one round trip: the second is not used where the first was used before. */
export type UseBothOnce = (first: OneUse, second: OneUse) => Promise<UsedOnce>;

/** True for the first who uses `key` on any worker, and false for all others until `until`. Of racing callers one is first. */
export type UseOnce = (key: string, until: Date) => Promise<boolean>;

export interface ClientAssertionParts {
  readonly issuer: string;
  /** Addresses of ours that clients write into `aud` beside the issuer (RFC 7523 §3, RFC 9126 §2). */
  readonly endpoints: readonly string[];
  readonly keySets: ClientKeySets;
  readonly useOnce: UseOnce;
  readonly useBothOnce: UseBothOnce;
  /** What opens the secrets of clients that make MACs. Without it no MAC proves anything. */
  readonly clientSecrets?: Pick<ClientSecretSealer, "open"> | undefined;
  readonly noteSecretUse?: NoteSecretUse | undefined;
  readonly noteKeyUse?: NoteKeyUse | undefined;
}

/** How long an assertion may be good for from now on (TOK-10). */
const MAX_LIFETIME_SECONDS = 300;
/** How far the client's clock may be off. */
const CLOCK_TOLERANCE_SECONDS = 60;
/** RFC 7523 names no `typ`; what is typed as anything else was made for something else (JWT-3). */
const TYPES: readonly (string | undefined)[] = [undefined, "jwt", "client-authentication+jwt"];

const seconds = z.number().min(0).max(8_640_000_000_000);
/** RFC 7523 §3, OIDC Core §9. */
const assertionClaims = z.object({
  iss: z.string(),
  sub: z.string(),
  aud: z.union([z.string(), z.array(z.string()).min(1).max(5)]),
  exp: seconds,
  jti: z.string().min(1).max(255),
  iat: seconds.optional(),
  nbf: seconds.optional(),
});

/**
 * Checks in this order: what the client registered, the signature, the claims. That the jti was never used on any worker is left
 * to `spend`. Only what a client signed is ever remembered, so that nobody else fills the table or spends a jti of its own.
 */
export function makeCheckClientAssertion(parts: ClientAssertionParts): CheckClientAssertion {
  return async (assertion, client, now) => {
    if (!TYPES.includes(assertion.typ)) return wrong("the assertion is of another type");
    const maker = await findMaker(assertion, client, parts, now);
    if (maker.kind === "nobody") return wrong(maker.reason);
    const parsed = assertionClaims.safeParse(assertion.claims);
    if (!parsed.success)
      return wrong(`a claim of the assertion is missing or malformed: ${parsed.error.issues[0]?.path.join(".")}`);
    const { data: claims } = parsed;
    const misfit = misfitIn(claims, client, parts, toEpochSeconds(now));
    if (misfit !== undefined) return wrong(misfit);
    const until = rememberedUntil(new Date(claims.exp * 1000));
    const own = { key: `client assertion ${JSON.stringify([client.id, claims.jti])}`, until };
    return {
      kind: "right",
      async spend(beside) {
        const used = await useUp(own, beside, parts);
        if (used !== "neither") noteUseOf(maker, client, parts, now);
        return used;
      },
    };
  };
}

async function useUp(
  own: OneUse,
  beside: OneUse | undefined,
  { useOnce, useBothOnce }: ClientAssertionParts,
): Promise<UsedOnce> {
  if (beside !== undefined) return useBothOnce(own, beside);
  return (await useOnce(own.key, own.until)) ? "both" : "neither";
}

function noteUseOf(maker: Maker, { id }: Client, parts: ClientAssertionParts, now: Date): void {
  if (maker.kind === "secret") parts.noteSecretUse?.(id, maker.id, now);
  const keyId = maker.kind === "key" ? idOfKey(maker.key) : undefined;
  if (keyId !== undefined) parts.noteKeyUse?.(id, keyId, now);
}

function wrong(reason: string): CheckedAssertion {
  return { kind: "wrong", reason };
}

/** What of the client's made an assertion. */
type Maker =
  | { readonly kind: "key"; readonly key: JsonObject }
  | { readonly kind: "secret"; readonly id: string }
  | { readonly kind: "nobody"; readonly reason: string };

/** The method that was registered decides whether keys or secrets are asked: never does a key stand in for a secret (TOK-11). */
async function findMaker(
  assertion: CompactJws,
  client: Client,
  parts: ClientAssertionParts,
  now: Date,
): Promise<Maker> {
  switch (client.details.token_endpoint_auth_method) {
    case "private_key_jwt":
      return findSigner(assertion, client, parts, now);
    case "client_secret_jwt":
      return findMacMaker(assertion, client, parts, now);
    default:
      return nobody("the client registered another method");
  }
}

async function findSigner(
  assertion: CompactJws,
  { details }: Client,
  { keySets }: ClientAssertionParts,
  now: Date,
): Promise<Maker> {
  const { token_endpoint_auth_signing_alg: only } = details;
  const alg = CLIENT_SIGNING_ALGORITHMS.find((known) => known === assertion.alg);
  const allowed = demandsOf(details).algorithms?.is ?? CLIENT_SIGNING_ALGORITHMS;
  if (alg === undefined || !allowed.includes(alg)) {
    return nobody("the assertion is signed with an algorithm that is not allowed");
  }
  if (only !== undefined && alg !== only) return nobody(`the assertion is not signed with ${only}`);
  const wanted = { alg, kid: assertion.kid };
  const found = await keySets.find(details, (keys) => keysFor(keys, wanted).length > 0, now);
  const keys = keysFor(found.keys, wanted);
  if (keys.length === 0)
    return nobody(`the client has no key for this assertion${found.problem ? `: ${found.problem}` : ""}`);
  const key = signerOf(assertion, alg, keys);
  return key === undefined ? nobody("the signature of the assertion is wrong") : { kind: "key", key };
}

function findMacMaker(
  assertion: CompactJws,
  client: Client,
  { clientSecrets }: ClientAssertionParts,
  now: Date,
): Maker {
  const { token_endpoint_auth_signing_alg: only } = client.details;
  const alg = CLIENT_MAC_ALGORITHMS.find((known) => known === assertion.alg);
  if (alg === undefined) return nobody("the assertion is under a MAC that is not allowed");
  if (only !== undefined && alg !== only) return nobody(`the assertion is not under a MAC by ${only}`);
  const live = liveSecretsOf(client, now);
  if (live.length === 0) return nobody("the client has no secret, or it has expired");
  const opened = live.flatMap(({ id, sealed }) => {
    const secret = sealed && clientSecrets?.open(client.id, sealed)?.secret;
    return secret === undefined ? [] : [{ id, secret }];
  });
  if (opened.length === 0) return nobody("no key secret opens the client's secret");
  const maker = opened.find(({ secret }) => isMadeWith(assertion, alg, secret));
  return maker === undefined ? nobody("the MAC of the assertion is wrong") : { kind: "secret", id: maker.id };
}

function nobody(reason: string): Maker {
  return { kind: "nobody", reason };
}

function misfitIn(
  { iss, sub, aud, exp, iat, nbf }: z.infer<typeof assertionClaims>,
  client: Client,
  { issuer, endpoints }: ClientAssertionParts,
  now: number,
): string | undefined {
  if (iss !== client.id || sub !== client.id) return "iss and sub of the assertion are not the client";
  const { assertionAudience } = demandsOf(client.details);
  if (assertionAudience !== undefined && aud !== issuer) {
    return `aud of the assertion is not ${assertionAudience.is}${citing(assertionAudience)}`;
  }
  // OIDC Core §9 has the token endpoint, later profiles the issuer. Among others it could be shown elsewhere too.
  if (![aud].flat().every((one) => one === issuer || endpoints.includes(one)))
    return "the assertion is for somebody else";
  if (exp <= now) return "the assertion has expired";
  if (exp > now + MAX_LIFETIME_SECONDS + CLOCK_TOLERANCE_SECONDS) return "the assertion is good for too long";
  const latest = now + CLOCK_TOLERANCE_SECONDS;
  return (iat ?? 0) > latest || (nbf ?? 0) > latest ? "the assertion is from the future" : undefined;
}
