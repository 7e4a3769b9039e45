export { generateSigningKey, makeSigningKeySealer } from "./generate.ts";
export { type KeyRing, makeKeyRing, type PublishedKeys, SignerNotReady } from "./key-ring.ts";
export { inspectSeals, planRotation, type SealInspection, UnopenableKeys } from "./plan.ts";
export {
  DEFAULT_MARGIN_SECONDS,
  DEFAULT_MINIMUM_PUBLISH_SECONDS,
  decideRotation,
  isNothingDue,
  publishAheadSeconds,
  type RotationDecision,
  type RotationPolicy,
} from "./rotation.ts";
export type * from "./signing-key.ts";
export { type Encryption, encryptToken } from "./token-encrypter.ts";
