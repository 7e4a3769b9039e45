// When a signing key is made, begins to sign, stops signing and goes. Pure: a tick that comes late, twice or never changes
// only when something happens, not what.
import { addSeconds } from "@dex/runtime";
import type { SigningAlgorithm, SigningKeySet, StoredSigningKey } from "./signing-key.ts";

/**
 * On top of the caching time, by default: for the commit after the decision, workers that load the set late (at most
 * 30 s), and clocks that differ.
 */
export const DEFAULT_MARGIN_SECONDS = 60;

/**
 * How long a key is published, at least, before it signs. It covers the longest caching time that may be configured, so
 * that verifiers are safe also right after that time was lowered.
 */
export const DEFAULT_MINIMUM_PUBLISH_SECONDS = 3600;

export interface RotationPolicy {
  /** How long a key signs. */
  readonly periodSeconds: number;
  readonly jwksMaxAgeSeconds: number;
  /** How long a retired key stays published: the longest life of a token and a day. */
  readonly retentionSeconds: number;
  readonly minimumPublishSeconds: number;
  readonly marginSeconds: number;
  readonly algorithms: readonly SigningAlgorithm[];
}

/** What is due. `add` names keys that are still to be generated, see planRotation. */
export interface RotationDecision {
  readonly add: readonly { readonly algorithm: SigningAlgorithm; readonly state: "next" | "active" }[];
  readonly activate: readonly string[];
  readonly retire: readonly string[];
  readonly remove: readonly string[];
  readonly reseal: readonly string[];
  /** Every key that signs is now younger than the request for a rotation. */
  readonly rotationDone: boolean;
}

/** For how long a key must have been published before it signs: two caching times, for a cache behind a cache. */
export function publishAheadSeconds(policy: RotationPolicy, announcedMaxAgeSeconds: number): number {
  const maxAge = Math.max(policy.jwksMaxAgeSeconds, announcedMaxAgeSeconds);
  return Math.max(2 * maxAge, policy.minimumPublishSeconds) + policy.marginSeconds;
}

/** What is due at `now`. `sealedUnderOlderSecret` holds the ids of rows that the first key secret does not open. */
export function decideRotation(
  set: SigningKeySet,
  policy: RotationPolicy,
  now: Date,
  facts: { readonly sealedUnderOlderSecret: ReadonlySet<string> },
): RotationDecision {
  const expired = set.keys.filter((key) => isExpired(key, policy, now)).map((key) => key.id);
  const steps = policy.algorithms.map((algorithm) => decideForAlgorithm(algorithm, set, policy, now));
  const remove = [...steps.flatMap((step) => step.remove), ...expired];
  const removed = new Set(remove);
  return {
    add: steps.flatMap((step) => step.add),
    activate: steps.flatMap((step) => step.activate),
    retire: steps.flatMap((step) => step.retire),
    remove,
    reseal: set.keys.map((key) => key.id).filter((id) => facts.sealedUnderOlderSecret.has(id) && !removed.has(id)),
    rotationDone: set.rotationRequestedAt !== undefined && steps.every((step) => step.requestServed),
  };
}

/** Whether the decision changes anything. */
export function isNothingDue(decision: RotationDecision): boolean {
  const { add, activate, retire, remove, reseal, rotationDone } = decision;
  return [add, activate, retire, remove, reseal].every((list) => list.length === 0) && !rotationDone;
}

interface AlgorithmStep extends Pick<RotationDecision, "add" | "activate" | "retire" | "remove"> {
  readonly requestServed: boolean;
}

function decideForAlgorithm(
  algorithm: SigningAlgorithm,
  set: SigningKeySet,
  policy: RotationPolicy,
  now: Date,
): AlgorithmStep {
  const ofAlgorithm = set.keys.filter((key) => key.algorithm === algorithm);
  const active = ofAlgorithm.find((key) => key.state === "active");
  const next = ofAlgorithm.find((key) => key.state === "next");
  const requestServed = active !== undefined && !isOlderThanRequest(active, set, now);
  const step = { add: [], activate: [], retire: [], remove: [], requestServed };

  if (set.keys.length === 0) {
    // Nobody can have cached a set before there was one, so the first key signs at once.
    return { ...step, add: [add("active"), add("next")], requestServed: true };
  }
  if (next === undefined) return { ...step, add: [add("next")] };
  if (isFromTheFuture(next.createdAt, policy, now)) {
    // The clock was ahead when this key was made: nobody knows since when it is published. It has signed nothing.
    return { ...step, remove: [next.id], add: [add("next")] };
  }
  const publishedLongEnough =
    addSeconds(next.createdAt, publishAheadSeconds(policy, set.jwksMaxAgeSeconds)).getTime() <= now.getTime();
  if (active === undefined) {
    // An algorithm that is being introduced waits until verifiers know its key. One that has signed before has lost its
    // active key, so its tokens can only come from the next one: waiting would keep the issuer down.
    const hasSignedBefore = ofAlgorithm.some((key) => key.state === "retired");
    if (!publishedLongEnough && !hasSignedBefore) return step;
    return { ...step, activate: [next.id], add: [add("next")], requestServed: true };
  }
  const due = isPastPeriod(active, policy, now) || isOlderThanRequest(active, set, now);
  if (!due || !publishedLongEnough) return step;
  return { ...step, activate: [next.id], retire: [active.id], add: [add("next")], requestServed: true };

  function add(state: "next" | "active") {
    return { algorithm, state };
  }
}

function isPastPeriod(active: StoredSigningKey, policy: RotationPolicy, now: Date): boolean {
  const since = active.activatedAt ?? active.createdAt;
  return isFromTheFuture(since, policy, now) || addSeconds(since, policy.periodSeconds).getTime() <= now.getTime();
}

function isOlderThanRequest(active: StoredSigningKey, set: SigningKeySet, now: Date): boolean {
  if (set.rotationRequestedAt === undefined) return false;
  const requestedAt = Math.min(set.rotationRequestedAt.getTime(), now.getTime());
  return (active.activatedAt ?? active.createdAt).getTime() < requestedAt;
}

function isExpired(key: StoredSigningKey, policy: RotationPolicy, now: Date): boolean {
  if (key.state !== "retired" || key.retiredAt === undefined) return false;
  return addSeconds(key.retiredAt, policy.retentionSeconds).getTime() <= now.getTime();
}

function isFromTheFuture(instant: Date, policy: RotationPolicy, now: Date): boolean {
  return instant.getTime() > addSeconds(now, policy.marginSeconds).getTime();
}
