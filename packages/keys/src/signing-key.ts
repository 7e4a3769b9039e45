import type { JsonObject } from "@dex/runtime";

/** next: published, not yet used. active: signs. retired: published until all it signed has expired. */
export type SigningKeyState = "next" | "active" | "retired";
export type SigningAlgorithm = "RS256" | "ES256" | "EdDSA";

/** A signing key as stored: its private part is sealed. */
export interface StoredSigningKey {
  /** 160 random bits in hex: the `kid`. */
  readonly id: string;
  readonly algorithm: SigningAlgorithm;
  readonly state: SigningKeyState;
  /** Public members only, RFC 7517. */
  readonly publicJwk: JsonObject;
  /** PKCS#8 DER, sealed with the key id and the purpose as context. */
  readonly sealedPrivateKey: Buffer;
  readonly createdAt: Date;
  readonly activatedAt: Date | undefined;
  readonly retiredAt: Date | undefined;
}

/** All keys and what is true of the set. */
export interface SigningKeySet {
  readonly keys: readonly StoredSigningKey[];
  /** For how long a verifier may cache the published set. The overlord chooses it, workers announce it. */
  readonly jwksMaxAgeSeconds: number;
  /** Somebody asked for a rotation outside the schedule, at this time. */
  readonly rotationRequestedAt: Date | undefined;
}

/** What a tick of the rotation changes. Everything is one transaction. */
export interface RotationPlan {
  readonly add: readonly StoredSigningKey[];
  readonly activate: readonly string[];
  readonly retire: readonly string[];
  readonly remove: readonly string[];
  readonly reseal: readonly { id: string; sealedPrivateKey: Buffer }[];
  readonly rotationDone: boolean;
}

export interface SigningKeys {
  load(): Promise<SigningKeySet>;
}

/** For the overlord. Every write carries the leader's fence: a leader that was replaced writes nothing and gets false. */
export interface SigningKeyWriter extends SigningKeys {
  apply(plan: RotationPlan, jwksMaxAgeSeconds: number, fence: number, now: Date): Promise<boolean>;
}
