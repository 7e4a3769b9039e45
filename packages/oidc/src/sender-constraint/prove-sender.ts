// What the sender of a request shows to have beside its tokens: the key of a DPoP proof, RFC 9449, and that of the certificate of
// its connection, RFC 8705. What endpoints and grants see of it is the confirmation.
import type { OneUse, UseOnce } from "../client-jwts/client-assertion.ts";
import { OAuthError } from "../errors.ts";
import type { ClientCertificate } from "../mutual-tls/client-certificate.ts";
import type { Confirmation } from "../tokens/confirmation.ts";
import { DPOP_NONCE_LIFETIME_SECONDS, type DpopNonces } from "./dpop-nonces.ts";
import { checkDpopProof, type ProofTarget } from "./dpop-proof.ts";

/** What of a request shows which keys its sender has. */
export interface SenderEvidence {
  /** The header DPoP, each time it was sent. */
  readonly dpop?: readonly string[] | undefined;
  /** Of the connection that the sender made. Nothing of it is checked but whose key it is (RFC 8705 §3). */
  readonly clientCertificate?: ClientCertificate | undefined;
}

export interface ProvenSender {
  /** The keys; undefined when the sender showed none. */
  readonly confirmation: Confirmation | undefined;
  /**
   * Uses the proof up for all workers, one round trip where there is a proof. Throws invalid_dpop_proof when it was used
   * before: of racing callers one does not. Not to be called for somebody who has shown nothing but a key of their own
   * making, since anybody could then fill the table. With `by` that uses it up instead, among other things, and is called
   * also where there is no proof: false when the proof was used before.
   */
  spend(by?: (proof?: OneUse) => Promise<boolean>): Promise<void>;
  /** For the next proof, where that should have another one than this had. */
  readonly dpopNonce: string | undefined;
}

/** Throws invalid_dpop_proof or use_dpop_nonce when there is evidence and it is not good. */
export type ProveSender = (evidence: SenderEvidence, target: ProofTarget, now: Date) => ProvenSender;

const NOTHING_TO_SPEND: Pick<ProvenSender, "spend" | "dpopNonce"> = {
  spend: async (by) => void (await by?.()),
  dpopNonce: undefined,
};

export function makeProveSender(parts: {
  readonly useOnce: UseOnce;
  readonly nonces: DpopNonces;
  /** Whether each proof must hold a nonce of ours. One that is not is refused in any case. */
  readonly requireNonce: boolean;
  /** The other address of one of our endpoints, where there is one. */
  readonly aliasOf?: ((url: string) => string | undefined) | undefined;
}): ProveSender {
  const { nonces } = parts;

  function nextNonce(nonce: string | undefined, now: Date): string | undefined {
    if (nonce === undefined && !parts.requireNonce) return undefined;
    const age = nonce === undefined ? undefined : nonces.ageOf(nonce, now);
    if (age === undefined || age >= DPOP_NONCE_LIFETIME_SECONDS) {
      const message = "the DPoP proof must hold the nonce of the header DPoP-Nonce";
      throw new OAuthError("use_dpop_nonce", message, { dpopNonce: nonces.issue(now) });
    }
    // RFC 9449 §8.2: early enough that who goes on asking is never refused.
    return age > DPOP_NONCE_LIFETIME_SECONDS / 2 ? nonces.issue(now) : undefined;
  }

  return ({ dpop = [], clientCertificate }, target, now) => {
    const shown = clientCertificate === undefined ? undefined : { "x5t#S256": clientCertificate.thumbprint };
    const [text, ...more] = dpop;
    if (text === undefined) return { confirmation: shown, ...NOTHING_TO_SPEND };
    if (more.length > 0) throw invalidProof("the header DPoP was sent more than once");
    const decision = checkDpopProof(text, { ...target, alias: parts.aliasOf?.(target.url) }, now);
    if (decision.kind === "refused") throw invalidProof(decision.reason);
    const { jkt, jti, nonce, goodUntil } = decision.proof;
    return {
      confirmation: { jkt, ...shown },
      dpopNonce: nextNonce(nonce, now),
      async spend(by) {
        const proof = { key: `dpop proof ${JSON.stringify([jkt, jti])}`, until: goodUntil };
        const first = await (by === undefined ? parts.useOnce(proof.key, proof.until) : by(proof));
        if (!first) throw invalidProof("the DPoP proof was used before");
      },
    };
  };
}

function invalidProof(message: string): OAuthError {
  return new OAuthError("invalid_dpop_proof", message);
}
