export * from "./account-link.ts";
export { type AttemptGate, attemptAccountOf, makeAttemptGate } from "./attempt-gate.ts";
export { decideThrottle, THROTTLE_POLICY, type ThrottleDecision, type ThrottlePolicy } from "./attempt-throttle.ts";
export { canonicalEmail } from "./email-address.ts";
export { type LinkPurpose, type LinkTokens, makeLinkTokens } from "./link-token.ts";
export * from "./own-account.ts";
export { DUMMY_HASH, needsUpgrade, parsePasswordHash } from "./password-hash.ts";
export { HasherBusy, makePasswordHasher, type PasswordHasher } from "./password-hasher.ts";
export { decidePassword, PASSWORD_MIN_LENGTH, type PasswordDecision, type PasswordRefusal } from "./password-policy.ts";
export { makePasswordSignIn, type PasswordSignIn, type PasswordSignInInput } from "./password-sign-in.ts";
export { PASSWORD_MAX_BYTES } from "./password-text.ts";
export type * from "./registration.ts";
export * from "./registration-decision.ts";
export { registrationId } from "./registration-id.ts";
export {
  decideSignIn,
  type SignInDecision,
  type SignInPolicy,
  type SignInRefusal,
  vouchedEmail,
} from "./sign-in-decision.ts";
export type * from "./user.ts";
export type * from "./user-directory.ts";
export { newUserId } from "./user-id.ts";
