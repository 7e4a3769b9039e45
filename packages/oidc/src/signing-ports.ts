// What the engine needs of the keys.
import type { Client } from "./clients/client.ts";

/** Makes signed JWTs with the active key. Throws SignerNotReady while no key is loaded. */
export interface TokenSigner {
  sign(
    claims: Readonly<Record<string, unknown>>,
    options: { typ: string; algorithm: SigningAlgorithmName },
  ): Promise<string>;
}
export type SigningAlgorithmName = Client["idTokenSigningAlgorithm"];

/** Verifies a JWT that we signed, whatever its expiry. Undefined when the signature, algorithm or typ is not ours. */
export interface OwnTokenVerifier {
  verify(jwt: string, typ: string): Promise<Readonly<Record<string, unknown>> | undefined>;
}
