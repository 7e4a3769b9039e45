import { type KeySecrets, makeSealer, type Random, type Sealer } from "@dex/runtime";

/** Everything the engine seals, each under a key of its own: one never opens as another (AUT-15, TOK-13). */
export interface EngineSealers {
  readonly loginState: Sealer;
  /** What clients push, RFC 9126. */
  readonly pushedRequest: Sealer;
  readonly accessToken: Sealer;
  readonly refreshToken: Sealer;
  /** The successor of a rotated refresh token, kept for racing callers (REF-3). */
  readonly refreshSuccessor: Sealer;
  /** What a DPoP proof shows its age with. */
  readonly dpopNonce: Sealer;
}

/** Derives the engine's sealers from the key secrets and the deployment's salt. */
export function makeEngineSealers(parts: { secrets: KeySecrets; salt: Buffer; random: Random }): EngineSealers {
  return {
    loginState: makeSealer({ ...parts, purpose: "login-state" }),
    pushedRequest: makeSealer({ ...parts, purpose: "pushed-request" }),
    accessToken: makeSealer({ ...parts, purpose: "access-token" }),
    refreshToken: makeSealer({ ...parts, purpose: "refresh-token" }),
    refreshSuccessor: makeSealer({ ...parts, purpose: "refresh-successor" }),
    dpopNonce: makeSealer({ ...parts, purpose: "dpop-nonce" }),
  };
}
